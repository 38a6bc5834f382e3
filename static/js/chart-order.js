/* A dialog in which the values of a chart are dragged, or moved with buttons, into an order of one's own. */

import { gettext, h, iconButton } from "./rule-builder/dom.js";

/** `labels` maps keys to what they are called. Resolves to the keys in order, [] to forget it, null when given up. */
export function orderDialog(title, labels) {
  const list = h("ol", { class: "list-group mb-3 chart-order" });
  const move = (row, step) => {
    const other = step < 0 ? row.previousElementSibling : row.nextElementSibling;
    if (!other) return;
    if (step < 0) other.before(row);
    else other.after(row);
  };
  for (const [key, label] of labels) {
    const row = h("li", { class: "list-group-item d-flex align-items-center py-1", dataset: { key } },
      h("i", { class: "ti ti-grip-vertical me-2", "aria-hidden": "true" }),
      h("span", { class: "flex-fill text-truncate" }, label),
    );
    row.append(
      iconButton("chevron-up", gettext("Move %(name)s up", { name: label }), () => move(row, -1)),
      iconButton("chevron-down", gettext("Move %(name)s down", { name: label }), () => move(row, 1)),
    );
    list.append(row);
  }
  const dialog = h("dialog", { class: "chart-dialog", "aria-label": gettext("Order of %(name)s", { name: title }) },
    h("form", { method: "dialog" },
      h("h2", { class: "h3" }, gettext("Order of %(name)s", { name: title })),
      h("p", { class: "text-secondary" }, gettext("Drag the values. The order is for you alone; new values come last.")),
      list,
      h("div", { class: "btn-list" },
        h("button", { class: "btn btn-primary", value: "keep" }, gettext("Keep this order")),
        h("button", { class: "btn", value: "forget" }, gettext("Default order")),
        h("button", { class: "btn btn-ghost ms-auto", value: "" }, gettext("Cancel")),
      ),
    ),
  );
  document.body.append(dialog);
  const sortable = window.Sortable ? new window.Sortable(list, { animation: 120, forceFallback: true }) : null;
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => {
      sortable?.destroy();
      dialog.remove();
      const keys = [...list.children].map((row) => row.dataset.key);
      resolve(dialog.returnValue === "keep" ? keys : dialog.returnValue === "forget" ? [] : null);
    });
  });
}
