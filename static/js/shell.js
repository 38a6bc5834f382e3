// What every page has: toasts, questions before dangerous actions, ticked rows, live jobs, selects and date fields.
export function toast(text, level = "info") {
  const note = document.createElement("div");
  note.className = `toast-note ${level}`;
  note.textContent = text;
  document.getElementById("toasts").append(note);
  setTimeout(() => note.remove(), 7000);
}

export function ask(question) {
  const dialog = document.getElementById("confirm");
  document.getElementById("confirm-text").textContent = question;
  dialog.returnValue = "no";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true });
  });
}

function showSidebar(open) {
  const shown = document.querySelector(".sidebar")?.classList.toggle("open", open) ?? false;
  document.querySelector("[data-toggle-sidebar]")?.setAttribute("aria-expanded", shown);
}

document.addEventListener("keydown", (event) => { if (event.key === "Escape") showSidebar(false); });

// A long navigation stays where it was from page to page, and the entry of the page is in sight.
function keepSidebarInPlace() {
  const sidebar = document.querySelector(".sidebar");
  if (!sidebar) return;
  sidebar.scrollTop = Number(sessionStorage.getItem("sidebar") ?? 0);
  const active = sidebar.querySelector(".nav-entry.active");
  if (active) {
    const [box, frame] = [active.getBoundingClientRect(), sidebar.getBoundingClientRect()];
    if (box.top < frame.top || box.bottom > frame.bottom) sidebar.scrollTop += box.top - frame.top - frame.height / 2;
  }
  addEventListener("pagehide", () => sessionStorage.setItem("sidebar", sidebar.scrollTop));
}
keepSidebarInPlace();

document.addEventListener("click", async (event) => {
  const button = event.target.closest("button[data-confirm]");
  if (button && !button.dataset.confirmed) {
    event.preventDefault();
    if (await ask(button.dataset.confirm)) {
      button.dataset.confirmed = "1";
      button.click();
      delete button.dataset.confirmed;
    }
    return;
  }
  // On narrow screens the navigation lies over the page: a click anywhere else puts it away.
  if (event.target.closest("[data-toggle-sidebar]")) showSidebar();
  else if (!event.target.closest(".sidebar")) showSidebar(false);
  const copy = event.target.closest("[data-copy]");
  if (copy) {
    await navigator.clipboard.writeText(copy.dataset.copy);
    toast(gettext("Copied."));
  }
});

// Lists keep short addresses: no empty filters, and a search keeps the order that was chosen.
document.body.addEventListener("htmx:configRequest", (event) => {
  if (!event.target.matches(".list-filters")) return;
  const { parameters } = event.detail;
  for (const name of Object.keys(parameters)) if (parameters[name] === "") delete parameters[name];
  const sort = new URLSearchParams(location.search).get("sort");
  if (sort) parameters.sort = sort;
});
document.body.addEventListener("toast", (event) => toast(event.detail.text, event.detail.level));
document.body.addEventListener("htmx:sendError", () => toast(gettext("The server cannot be reached."), "error"));

const rowBoxes = (form) => [...form.querySelectorAll('input[name="row"]')];

function showTicked(form) {
  const bar = form.querySelector('[data-part="bar"]');
  if (!bar) return;
  const count = rowBoxes(form).filter((box) => box.checked).length;
  bar.hidden = count === 0;
  bar.querySelector('[data-part="count"]').textContent = count;
}

document.addEventListener("change", (event) => {
  const form = event.target.closest("[data-bulk]");
  if (!form) return;
  if (event.target.dataset.part === "all") for (const box of rowBoxes(form)) box.checked = event.target.checked;
  showTicked(form);
});

function showJob(element, job) {
  element.dataset.status = job.status;
  element.querySelector("progress").value = job.progress;
  // Without a phase the page's own word for the state stays, in the person's language.
  if (job.phase) element.querySelector('[data-part="phase"]').textContent = job.phase;
  const format = new Intl.NumberFormat(document.documentElement.lang);
  element.querySelector('[data-part="count"]').textContent = job.total
    ? `${format.format(job.done)} / ${format.format(job.total)}` : "";
  element.querySelector('[data-part="error"]').textContent = job.error ? job.error.detail : "";
  if (!["queued", "running"].includes(job.status)) {
    element.dispatchEvent(new CustomEvent("job:ended", { bubbles: true, detail: job }));
  }
}

// When somebody last set out for another page, which a reload would keep them from reaching.
let left = 0;
const LEAVING = 10_000;
addEventListener("beforeunload", () => { left = Date.now(); });

/** Whether a reload would take something away: words that were typed, an open dialog, the page that is to come. */
function isInUse() {
  const fields = [...document.querySelectorAll("input:not([type=checkbox], [type=radio]), textarea")];
  return Date.now() - left < LEAVING || document.querySelector("dialog[open]") || fields.some((field) => field.value !== field.defaultValue);
}

function reloadSoon() {
  setTimeout(() => (isInUse() ? reloadSoon() : location.reload()), 600);
}

function followJob(element) {
  if (element.dataset.following || !["queued", "running"].includes(element.dataset.status)) return;
  element.dataset.following = "1";
  const source = new EventSource(element.dataset.events);
  source.addEventListener("job", (event) => {
    const job = JSON.parse(event.data);
    showJob(element, job);
    if (!["queued", "running"].includes(job.status)) {
      source.close();
      // The page shows results, buttons and the log of the new state.
      if (!element.closest("[data-no-reload]")) reloadSoon();
    }
  });
}

// What is sent by a double click is sent once. On the window: forms that scripts send are theirs by then.
const TWICE = 2000;
addEventListener("submit", (event) => {
  const form = event.target;
  if (event.defaultPrevented || form.method !== "post") return;
  if (Date.now() - Number(form.dataset.sent ?? 0) < TWICE) event.preventDefault();
  else form.dataset.sent = Date.now();
});

function guard(form) {
  let changed = false;
  form.addEventListener("input", () => { changed = true; });
  form.addEventListener("submit", () => { changed = false; });
  addEventListener("beforeunload", (event) => { if (changed) event.preventDefault(); });
}

function enhance(root) {
  // Rows may have been ticked before this ran, or by the browser on going back.
  for (const form of root.querySelectorAll("[data-bulk]")) showTicked(form);
  for (const element of root.querySelectorAll("[data-job]")) followJob(element);
  for (const select of root.querySelectorAll("select[data-select]")) {
    if (select.tomselect) continue;
    const most = select.multiple ? Number(select.dataset.most) || null : 1;
    new TomSelect(select, { plugins: select.multiple ? ["remove_button"] : [], maxItems: most, maxOptions: 500 });
    // The label has moved to TomSelect's own input; what is left of the select is not for assistive technology.
    select.setAttribute("aria-hidden", "true");
  }
  for (const select of root.querySelectorAll("select[data-submit]")) {
    if (!select.dataset.submits) { select.dataset.submits = "1"; select.addEventListener("change", () => select.form.requestSubmit()); }
  }
  for (const input of root.querySelectorAll("input[data-datetime]")) {
    if (!input._flatpickr) flatpickr(input, { enableTime: true, time_24hr: true, dateFormat: "Y-m-d H:i", allowInput: true });
  }
  for (const form of root.querySelectorAll("form[data-guard]")) {
    if (!form.dataset.guarded) { form.dataset.guarded = "1"; guard(form); }
  }
}

// One choice for several forms: what is chosen in the place that a form's data-along names goes along with it.
document.addEventListener("formdata", (event) => {
  const place = event.target.dataset.along;
  if (!place) return;
  for (const select of document.querySelectorAll(`${place} select[name]`)) {
    for (const option of select.selectedOptions) event.formData.append(select.name, option.value);
  }
});

enhance(document);
document.body.addEventListener("htmx:afterSwap", (event) => enhance(event.target));

for (const input of document.querySelectorAll("input[data-from]")) {
  input.value = document.getElementById(input.dataset.from).textContent;
}
for (const zone of document.querySelectorAll("[data-drop]")) {
  const input = zone.querySelector('input[type="file"]');
  for (const name of ["dragover", "dragleave", "drop"]) {
    zone.addEventListener(name, (event) => { event.preventDefault(); zone.classList.toggle("over", name === "dragover"); });
  }
  zone.addEventListener("drop", (event) => { input.files = event.dataTransfer.files; input.dispatchEvent(new Event("change", { bubbles: true })); });
}
