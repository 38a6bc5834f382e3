/* Categories of tags that are dragged to another place among those beside them; the buttons do the same. */

import { Api } from "./rule-builder/api.js";

const list = document.querySelector("[data-categories]");

/** How many of those beside a row now stand before it. */
function placeOf(row) {
  const beside = [...list.rows].filter((other) => other.dataset.parent === row.dataset.parent);
  return beside.indexOf(row);
}

async function drop({ item }) {
  const url = `${list.dataset.categories}${encodeURIComponent(item.dataset.category)}/`;
  try {
    await new Api({}).send("PATCH", url, { position: placeOf(item) });
  } finally {
    // What lies inside moves along, and nothing leaves its category: the page shows the order that is kept.
    location.reload();
  }
}

if (list && window.Sortable) {
  new window.Sortable(list, { handle: "[data-grip]", draggable: "[data-category]", animation: 120, forceFallback: true, onEnd: drop });
}
