/* Keys of the builder: arrows walk the cards, Alt and arrows move them, Delete removes, Ctrl-Z and Ctrl-Y undo. */

import { indent, nodes, outdent, remove, shift } from "./tree.js";

export function watchKeys(place, store, canvas, actions) {
  document.addEventListener("keydown", (event) => {
    if (!(event.ctrlKey || event.metaKey) || typing(event.target)) return;
    const key = event.key.toLowerCase();
    if (key === "z" && !event.shiftKey) done(event, store.undo());
    else if (key === "y" || (key === "z" && event.shiftKey)) done(event, store.redo());
  });

  place.addEventListener("keydown", (event) => {
    const key = event.target.dataset?.key;
    if (!key) return;
    if (event.altKey && moves[event.key]) {
      store.change(moves[event.key](store.root, key));
      canvas.focus(key);
      done(event, true);
    } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
      walk(key, event.key === "ArrowDown" ? 1 : -1);
      done(event, true);
    } else if (event.key === "Enter" || event.key === " ") {
      actions.select(key, { focus: true });
      done(event, true);
    } else if (event.key === "Delete" || event.key === "Backspace") {
      const next = neighbour(key, 1) || neighbour(key, -1);
      store.change(remove(store.root, key));
      if (next) canvas.focus(next);
      done(event, true);
    } else if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "d") {
      actions.duplicate(key);
      done(event, true);
    }
  });

  function walk(key, step) {
    const next = neighbour(key, step);
    if (next) canvas.focus(next);
  }

  function neighbour(key, step) {
    const order = nodes(store.root).map((node) => node.key);
    return order[order.indexOf(key) + step];
  }
}

const moves = {
  ArrowUp: (root, key) => shift(root, key, -1),
  ArrowDown: (root, key) => shift(root, key, 1),
  ArrowLeft: outdent,
  ArrowRight: indent,
};

function typing(element) {
  return element.closest?.("input, textarea, select, [contenteditable]") !== null;
}

function done(event, handled) {
  if (!handled) return;
  event.preventDefault();
  event.stopPropagation();
}
