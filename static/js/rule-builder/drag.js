/* Dragging: cards and groups between containers, a card onto a card to group the two, new ones from the left. */

import { insert, merge, mergeNew, move } from "./tree.js";

/** `make(element)` answers the node for something dragged in from the palette (or a promise of it). */
export class Dragging {
  constructor(place, store, make) {
    this.place = place;
    this.store = store;
    this.make = make;
    this.lists = [];
    store.on("tree", () => this.attach());
  }

  attach() {
    for (const list of this.lists) list.destroy();
    this.lists = [];
    if (!window.Sortable) return;
    for (const element of this.place.querySelectorAll(".rb-items")) this.lists.push(this.sortable(element, {}));
    for (const element of this.place.querySelectorAll(".rb-merge")) this.lists.push(this.sortable(element, { sort: false }));
  }

  /** Make the entries of a list on the left draggable into the rule. */
  source(element) {
    if (!window.Sortable) return;
    new window.Sortable(element, {
      group: { name: "rule", pull: "clone", put: false },
      sort: false,
      draggable: "[data-add]",
      animation: 120,
      onStart: () => this.mark(true),
      onEnd: () => this.mark(false),
    });
  }

  sortable(element, options) {
    return new window.Sortable(element, {
      group: "rule",
      draggable: ".rb-item",
      handle: ".rb-handle, .rb-words, .rb-kind",
      animation: 120,
      emptyInsertThreshold: 12,
      fallbackOnBody: true,
      invertSwap: true,
      swapThreshold: 0.6,
      ghostClass: "rb-ghost",
      onStart: () => this.mark(true),
      onEnd: (event) => this.drop(event),
      onAdd: (event) => this.add(event),
      ...options,
    });
  }

  mark(on) {
    this.place.classList.toggle("rb-dragging", on);
  }

  drop({ item, to, newDraggableIndex }) {
    this.mark(false);
    const key = item.dataset.node;
    if (!key) return;
    const before = this.store.root;
    const next = to.dataset.merge
      ? merge(before, key, to.dataset.merge)
      : move(before, key, to.dataset.group, newDraggableIndex);
    if (next === before) this.store.emit("tree");
    else this.store.change(next);
  }

  async add({ item, to, newDraggableIndex }) {
    if (!item.dataset.add) return;
    const target = to.dataset;
    item.remove();
    this.mark(false);
    const node = await this.make(item);
    if (!node) return;
    const { root } = this.store;
    this.store.change(
      target.merge ? mergeNew(root, node, target.merge) : insert(root, target.group, node, newDraggableIndex),
    );
    this.store.select(node.key);
  }
}

