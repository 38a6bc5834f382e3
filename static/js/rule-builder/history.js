/* The counts while editing, newest first: how each change moved the number, and the way back to any of them. */

import { clear, formatNumber, h, gettext } from "./dom.js";

export function showHistory(place, store) {
  const list = place.querySelector("ol");
  store.on("counted", () => {
    place.hidden = store.counted.length < 2;
    clear(list).append(...store.counted.map((entry, index) => row(entry, store.counted[index + 1])));
  });

  function row(entry, before) {
    const change = before ? entry.total - before.total : 0;
    const moved = before ? `${change > 0 ? "+" : change < 0 ? "−" : "±"}${formatNumber(Math.abs(change))}` : "";
    const time = entry.at.toLocaleTimeString(document.documentElement.lang || undefined);
    return h(
      "li",
      { class: "rb-counted" },
      h("span", { class: "rb-counted-total" }, formatNumber(entry.total)),
      h("span", { class: "text-secondary" }, moved),
      h("span", { class: "text-secondary flex-fill text-end" }, time),
      h("button", { type: "button", class: "btn btn-sm", "aria-label": gettext("Back to the rule with %(count)s people", { count: formatNumber(entry.total) }), onclick: () => store.change(entry.root) }, gettext("Back to this")),
    );
  }
}
