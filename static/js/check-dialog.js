// Before a send-out is submitted, a dialog shows it once more: the form is posted from there.

const dialog = document.getElementById("check-dialog");
const body = dialog?.querySelector('[data-part="body"]');
let form = null;
let looks = 0;

async function open() {
  const look = ++looks;
  const url = new URL(form.dataset.check, location.href);
  for (const name of ["when", "scheduled_at"]) url.searchParams.set(name, form.elements[name]?.value ?? "");
  body.textContent = gettext("Counting …");
  dialog.showModal();
  const answer = await fetch(url).catch(() => null);
  const shown = answer?.ok ? await answer.text() : "";
  // Closed and opened again: this answer is about what was asked for before.
  if (look !== looks) return;
  if (shown) body.innerHTML = shown;
  else body.textContent = gettext("The server cannot be reached.");
  body.querySelector('[data-part="go"]')?.focus();
}

// Nothing leaves unseen: until this runs, the buttons do nothing.
if (dialog) for (const button of document.querySelectorAll("form[data-check] button:not([type])")) button.disabled = false;

document.addEventListener("submit", (event) => {
  if (!dialog || !event.target.dataset.check || event.target.dataset.checked) return;
  event.preventDefault();
  form = event.target;
  open();
});

dialog?.addEventListener("click", (event) => {
  if (event.target.closest("[data-close]")) dialog.close();
  const go = event.target.closest('[data-part="go"]');
  if (!go || !form) return;
  go.disabled = true;
  form.dataset.checked = "1";
  form.requestSubmit();
});
