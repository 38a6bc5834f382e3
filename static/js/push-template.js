// A push message's template: only the fields that its answers need, and the phone that shows what is typed.

const ACTION = 'select[name="push_action"]';

function show(form) {
  const field = (name) => form.querySelector(`[name="push_${name}"]`);
  const action = field("action").value;
  const needsApp = action === "page" || field("vendor").checked;
  const needed = { url: action === "url", custom: action === "custom", package: needsApp, activity: needsApp };
  for (const [name, isNeeded] of Object.entries(needed)) {
    // An error is never hidden.
    const row = field(name).closest(".mb-3");
    row.hidden = !isNeeded && !row.querySelector(".invalid-feedback");
  }
}

function mirror(form) {
  const phone = document.querySelector("[data-phone]");
  if (!phone) return;
  for (const [name, part] of [["subject", "title"], ["text", "text"], ["push_subtitle", "subtitle"]]) {
    phone.querySelector(`.phone-${part}`).textContent = form.querySelector(`[name="${name}"]`).value;
  }
}

function prepare(root) {
  const form = root.querySelector(ACTION)?.closest("form");
  if (!form) return;
  form.addEventListener("change", () => show(form));
  form.addEventListener("input", () => mirror(form));
  show(form);
  mirror(form);
}

prepare(document);
document.body.addEventListener("htmx:afterSwap", (event) => prepare(event.target));
