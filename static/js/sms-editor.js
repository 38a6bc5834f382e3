// An SMS while it is written: the whole message on a phone, its characters, and the parts that it is billed as.

import { showOn } from "./digital-sms.js";
import { measure, signed } from "./sms-length.js";

const PARAMETER = /\$\{sp_[0-9A-Za-z]{6}\}/g;
const known = JSON.parse(document.getElementById("sms-known")?.textContent ?? '{"templates": {}, "providers": {}}');
const written = document.querySelector("[data-sms-text]");
const shown = document.querySelector("[data-sms-shown]");
const field = (name) => written.form.querySelector(`[name="${name}"]`);

/** How the length is billed, where that is not the usual way. */
function billedBy({ gsm, foreign }) {
  if (gsm) return gettext("All of it is of the GSM alphabet.");
  return foreign ? interpolate(gettext("“%(sign)s” is not of the GSM alphabet, so fewer characters fit."), { sign: foreign }, true) : "";
}

/** A digital SMS has no text to change here: the phone shows its parts, and on hover stand the carriers. */
function showDigital(template) {
  const chosen = document.querySelector("[data-digital-chosen]");
  if (!chosen) return false;
  const digital = template?.digital;
  chosen.hidden = !digital;
  written.closest(".mb-3").hidden = Boolean(digital);
  const links = document.querySelector("[data-link-picker]");
  if (links) links.hidden = Boolean(digital);
  // Its own signature is sent: the choice of one would say nothing.
  const signature = field("signature")?.closest(".mb-3");
  if (signature) signature.hidden = Boolean(digital) && !signature.querySelector(".invalid-feedback");
  const change = document.querySelector("[data-change-digital]");
  if (change) {
    change.hidden = !digital;
    change.base ??= change.dataset.newTemplate;
    const query = new URLSearchParams({ from: field("template").value, name: field("name").value });
    change.dataset.newTemplate = `${change.base}?${query}`;
  }
  if (!digital) return false;
  showOn(chosen.querySelector("[data-digital-phone]"), digital);
  const words = digital.carriers || gettext("No carrier has approved it yet.");
  const icon = chosen.querySelector('[data-part="carriers"]');
  icon.title = words;
  icon.ariaLabel = words;
  chosen.querySelector('[data-part="carriers-text"]').textContent = gettext("Only numbers of carriers that have approved it get it.");
  return true;
}

function show() {
  const signature = field("signature")?.selectedOptions[0];
  const template = known.templates[field("template")?.value];
  if (showDigital(template)) {
    shown.hidden = true;
    return;
  }
  const promotional = field("purpose") ? field("purpose").value !== "notice" : template?.promotional;
  const platform = known.providers[field("provider")?.value];
  const ending = (promotional && platform?.ending) || "";
  const body = written.value.replace(PARAMETER, "xxxxxx");
  const head = signature?.value ? signed(signature.text, platform?.signature) : "";
  const tail = ending && body.trimEnd().endsWith(ending) ? "" : ending;
  const length = measure(head + body + tail, platform?.billing);
  shown.hidden = !body;
  shown.querySelector('[data-part="text"]').textContent = head + body + tail;
  const text = interpolate(gettext("%(characters)s characters, sent as %(parts)s SMS"), length, true);
  shown.querySelector('[data-part="count"]').textContent = [text, billedBy(length)].filter(Boolean).join(". ");
}

if (written && shown) {
  for (const name of ["signature", "provider", "purpose", "name"]) field(name)?.addEventListener("change", show);
  field("template")?.addEventListener("change", () => {
    written.value = known.templates[field("template").value]?.text ?? "";
    show();
  });
  // Before whoever chooses the new template, hence in the capturing phase.
  document.addEventListener("template-made", (event) => {
    const { id, text, purpose, digital } = event.detail;
    known.templates[id] = { text, promotional: purpose !== "notice", digital };
  }, true);
  written.addEventListener("input", show);
  if (!written.value) written.value = known.templates[field("template")?.value]?.text ?? "";
  show();
}
