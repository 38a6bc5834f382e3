// The mail of a send-out follows its template until somebody chooses another one.

import { Api } from "./rule-builder/api.js";

const api = new Api({});
const editor = document.querySelector("[data-mail-editor]");
const field = (name) => editor.form.elements[name];
const template = field("template");

async function fillFromTemplate() {
  const chosen = template.value;
  if (!chosen) return;
  const mail = await api.get(editor.dataset.mailEditor.replace("ID", chosen));
  if (template.value !== chosen) return;
  for (const name of ["purpose", "subject", "sender_name", "text"]) field(name).value = mail[name];
  editor.querySelector("[data-mail-design]").dispatchEvent(new CustomEvent("mail-given", { detail: mail }));
}

template.addEventListener("change", fillFromTemplate);
// A template that was chosen before the page was ready, or by the browser on going back.
if (template.value && !field("subject").value && !field("html").value) fillFromTemplate();
