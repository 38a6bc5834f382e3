// The mail of a send-out follows its template until somebody chooses another one.

import { Api } from "./rule-builder/api.js";

const api = new Api({});
const editor = document.querySelector("[data-mail-editor]");
const field = (name) => editor.form.elements[name];
const template = field("template");
// What somebody has written since a template was chosen: names of fields, and "body".
const written = new Set();
editor.addEventListener("input", ({ target }) => written.add(target.closest("[data-mail-design]") ? "body" : target.name));

async function fillFromTemplate() {
  const chosen = template.value;
  if (!chosen) return;
  written.clear();
  const mail = await api.get(editor.dataset.mailEditor.replace("ID", chosen));
  if (template.value !== chosen) return;
  for (const name of ["purpose", "subject", "sender_name", "text"]) if (!written.has(name)) field(name).value = mail[name];
  if (!written.has("body")) editor.querySelector("[data-mail-design]").dispatchEvent(new CustomEvent("mail-given", { detail: mail }));
}

template.addEventListener("change", fillFromTemplate);
// A template that was chosen before the page was ready, or by the browser on going back.
if (template.value && !field("subject").value && !field("html").value) fillFromTemplate();
