// Preparing a send-out: only the fields of a variable that its answer needs, and a template written on the way.

function showParts(variable) {
  const part = (name) => variable.querySelector(`[data-part="${name}"]`);
  const source = part("source").querySelector("select");
  const missing = part("missing").querySelector("select");
  const dates = JSON.parse(source.dataset.dates);
  const show = () => {
    const byTag = source.value !== "";
    part("format").hidden = !dates.includes(source.value);
    part("missing").hidden = !byTag;
    part("value").hidden = byTag && missing.value === "skip";
  };
  source.addEventListener("change", show);
  missing.addEventListener("change", show);
  show();
}

for (const variable of document.querySelectorAll("[data-variable]")) showParts(variable);

const dialog = document.getElementById("new-template");
for (const opens of document.querySelectorAll("[data-new-template]")) {
  opens.addEventListener("click", async () => {
    document.getElementById("new-template-title").textContent = opens.textContent.trim();
    dialog.showModal();
    const place = dialog.querySelector('[data-part="form"]');
    await htmx.ajax("GET", opens.dataset.newTemplate, { target: place });
    // Whoever writes already stays where they are.
    if (!place.contains(document.activeElement)) place.querySelector('input[name="name"], input[name="text"], input[name="address"]')?.focus();
  });
}
dialog?.querySelector("[data-close]").addEventListener("click", () => dialog.close());
// Errors of the form come with status 422, which is not swapped in by itself.
dialog?.addEventListener("htmx:beforeSwap", (event) => {
  if (event.detail.xhr.status === 422) Object.assign(event.detail, { shouldSwap: true, isError: false });
});
document.body.addEventListener("template-made", (event) => {
  take("template", event.detail);
});
document.body.addEventListener("signature-made", (event) => take("signature", event.detail));
document.body.addEventListener("sender-made", (event) => take("sender", event.detail));

// Apps that were connected in another tab can be chosen on coming back; what was typed stays.
if (document.querySelector("[data-new-apps]")) {
  document.addEventListener("visibilitychange", async () => {
    if (document.hidden) return;
    const answer = await fetch(location.href);
    if (answer.ok) addApps(new DOMParser().parseFromString(await answer.text(), "text/html"));
  });
}

function addApps(page) {
  const select = document.querySelector('select[name="provider"]');
  const known = new Set([...select.options].map((option) => option.value).concat(Object.keys(select.tomselect?.options ?? {})));
  for (const option of page.querySelectorAll('select[name="provider"] option')) {
    if (!option.value || known.has(option.value)) continue;
    if (select.tomselect) select.tomselect.addOption({ value: option.value, text: option.textContent });
    else select.add(new Option(option.textContent, option.value));
  }
}

function take(field, { id, name }) {
  const select = document.querySelector(`select[name="${field}"]`);
  select.tomselect.addOption({ value: id, text: name });
  select.tomselect.setValue(id);
  dialog.close();
  dialog.querySelector('[data-part="form"]').replaceChildren();
}
