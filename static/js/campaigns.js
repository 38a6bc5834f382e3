/* Campaigns: the calendar's short form, rows that unfold, fields that depend on what a campaign is. */

for (const button of document.querySelectorAll("[data-expand]")) {
  button.addEventListener("click", () => {
    const open = button.getAttribute("aria-expanded") !== "true";
    button.setAttribute("aria-expanded", String(open));
    button.querySelector(".ti").className = `ti ti-${open ? "minus" : "plus"}`;
    for (const row of document.querySelectorAll(`[data-under="${button.dataset.expand}"]`)) row.hidden = !open;
  });
}

/** A main campaign belongs to no other. */
function showParent(form) {
  const parent = form.querySelector('[name="parent"]');
  const kind = form.querySelector('[name="is_main"]:checked');
  if (parent && kind) parent.closest(".mb-3").hidden = kind.value === "yes";
}

document.addEventListener("change", (event) => {
  if (event.target.name === "is_main") showParent(event.target.form);
});
document.body.addEventListener("htmx:afterSettle", () => document.querySelectorAll("form").forEach(showParent));
document.querySelectorAll("form").forEach(showParent);

const dialog = document.getElementById("quick");
if (dialog) {
  const open = (day) => {
    const { elements } = dialog.querySelector("form");
    elements.starts.value = day;
    elements.ends.value = day;
    dialog.showModal();
    elements.name.focus();
  };
  for (const cell of document.querySelectorAll("td[data-day]")) {
    cell.addEventListener("click", (event) => {
      if (!event.target.closest("button, a, .dropdown-menu") || event.target.closest("[data-quick]")) open(cell.dataset.day);
    });
  }
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog || event.target.closest("[data-close]")) dialog.close();
    const more = event.target.closest("[data-more-settings]");
    if (more) {
      // What has been typed goes along.
      const { elements } = dialog.querySelector("form");
      const typed = ["name", "code", "parent", "starts", "ends"].map((name) => [name, elements[name].value]);
      more.href = `${more.href.split("?")[0]}?${new URLSearchParams(typed.filter(([, value]) => value))}`;
    }
  });
}
