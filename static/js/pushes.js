/* The dialog of a push: what only schedules need is shown for them alone; tags are found by name. */

const form = document.querySelector("[data-push]");

/** Parts of the schedule that each cycle has. */
const PARTS = { hour: ["hours"], day: ["at"], week: ["weekday", "at"], month: ["day", "at"] };

function show() {
  const periodic = form.querySelector('[name="mode"]:checked')?.value === "periodic";
  const every = form.elements.every?.value;
  for (const name of ["enabled", "every", "start", "end", "hours", "weekday", "day", "at"]) {
    const field = form.elements[name]?.closest(".mb-3");
    if (!field) continue;
    const fits = ["enabled", "every", "start", "end"].includes(name) || PARTS[every]?.includes(name);
    field.hidden = !periodic || !fits;
  }
  form.querySelector("[data-once]").hidden = periodic;
  form.querySelector("[data-periodic]").hidden = !periodic;
}

if (form) {
  form.addEventListener("change", show);
  form.querySelector("[data-find]")?.addEventListener("input", (event) => {
    const term = event.target.value.trim().toLowerCase();
    for (const row of event.target.closest(".card").querySelectorAll("tr[data-name]")) row.hidden = !row.dataset.name.includes(term);
  });
  show();
}
