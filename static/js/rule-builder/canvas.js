/* The middle: conditions as cards in nested containers, with the operator between siblings and live counts. */

import { clear, formatNumber, h, icon, iconButton, gettext } from "./dom.js";
import { describe, isComplete } from "./leaves.js";
import { isGroup, OPS } from "./tree.js";

export const OP_WORDS = {
  union: { sign: "∪", word: () => gettext("or"), name: () => gettext("Union: in any of them") },
  intersect: { sign: "∩", word: () => gettext("and"), name: () => gettext("Intersection: in all of them") },
  subtract: { sign: "−", word: () => gettext("without"), name: () => gettext("Difference: in the first, in none of the others") },
};

const ICONS = { tag: "tag", behaviour: "activity", audience: "users-group", rfm: "chart-bubble", aipl: "stairs-up", sequence: "route" };

export class Canvas {
  /** `actions`: select, toggle, remove, duplicate, ungroup, setOp, setOpAt. `ops`: how conditions can be joined. */
  constructor(place, store, fields, actions, { ops = OPS } = {}) {
    this.ops = ops;
    this.place = place;
    this.store = store;
    this.fields = fields;
    this.actions = actions;
    store.on("tree", () => this.draw());
    store.on("selected", () => this.markSelected());
    store.on("counts", () => this.drawCounts());
  }

  draw() {
    const focused = document.activeElement?.closest?.("[data-key]")?.dataset.key;
    clear(this.place);
    this.place.append(this.list(this.store.root));
    this.markSelected();
    this.drawCounts();
    if (focused) this.focus(focused);
  }

  focus(key) {
    this.place.querySelector(`[data-key="${key}"]`)?.focus({ preventScroll: false });
  }

  list(node) {
    const isRoot = node === this.store.root;
    const rows = [];
    node.items.forEach((item, index) => {
      rows.push(
        h(
          "li",
          { class: "rb-item", dataset: { node: item.key } },
          index ? this.operator(node, index) : null,
          isGroup(item) ? this.group(item) : this.card(item),
        ),
      );
    });
    const list = h("ul", { class: "rb-items list-unstyled", dataset: { group: node.key }, "aria-label": isRoot ? gettext("Conditions") : gettext("Conditions of the group") }, rows);
    if (isRoot && !node.items.length) {
      list.classList.add("rb-empty");
      list.dataset.hint = gettext("Click a tag on the left, or drag it here.");
    }
    return list;
  }

  operator(node, index) {
    const words = OP_WORDS[node.op];
    return h(
      "div",
      { class: "rb-operator", role: "group", "aria-label": gettext("How these are combined") },
      this.ops.map((op) =>
        h(
          "button",
          {
            type: "button",
            class: `rb-op rb-op-${op} ${op === node.op ? "active" : ""}`,
            "aria-pressed": String(op === node.op),
            title: OP_WORDS[op].name(),
            onclick: () => this.actions.setOpAt(node.key, index, op),
          },
          h("span", { "aria-hidden": "true" }, OP_WORDS[op].sign),
          h("span", { class: op === node.op ? "ms-1" : "visually-hidden" }, OP_WORDS[op].word()),
        ),
      ),
      h("span", { class: "visually-hidden" }, words.name()),
    );
  }

  group(node) {
    return h(
      "section",
      {
        class: `rb-group rb-group-${node.op} ${node.disabled ? "rb-disabled" : ""}`,
        tabindex: "0",
        dataset: { key: node.key },
        "aria-label": gettext("Group of %(count)s: %(operator)s", { count: node.items.length, operator: OP_WORDS[node.op].name() }),
        onclick: (event) => this.pick(event, null),
      },
      h(
        "header",
        { class: "rb-group-head" },
        h("span", { class: "rb-handle", title: gettext("Drag") }, icon("grip-vertical")),
        h("span", { class: "rb-group-name" }, OP_WORDS[node.op].name()),
        h("span", { class: "rb-count", dataset: { count: node.key } }),
        h(
          "span",
          { class: "rb-tools" },
          iconButton(node.disabled ? "eye-off" : "eye", node.disabled ? gettext("Use again") : gettext("Leave out for now"), () => this.actions.toggle(node.key)),
          iconButton("box-margin", gettext("Ungroup"), () => this.actions.ungroup(node.key)),
          iconButton("copy", gettext("Duplicate"), () => this.actions.duplicate(node.key)),
          iconButton("trash", gettext("Delete"), () => this.actions.remove(node.key)),
        ),
      ),
      this.list(node),
    );
  }

  card(node) {
    const words = describe(node.leaf, this.fields);
    const finished = isComplete(node.leaf, this.fields);
    const lost = this.fields.lost(node.leaf);
    return h(
      "article",
      {
        class: `rb-card ${node.disabled ? "rb-disabled" : ""} ${finished ? "" : "rb-unfinished"} ${lost ? "rb-lost" : ""}`,
        tabindex: "0",
        dataset: { key: node.key },
        "aria-label": `${words.title} ${words.detail}`,
        onclick: (event) => this.pick(event, node.key),
      },
      h(
        "div",
        { class: "rb-card-row" },
        h("span", { class: "rb-handle", title: gettext("Drag") }, icon("grip-vertical")),
        h("span", { class: `rb-kind rb-kind-${node.leaf.kind}` }, icon(ICONS[node.leaf.kind] || "filter")),
        h(
          "div",
          { class: "rb-words" },
          h("div", { class: "rb-title" }, words.title),
          h("div", { class: "rb-detail" }, words.detail),
        ),
        h("span", { class: "rb-count", dataset: { count: node.key } }),
        h(
          "span",
          { class: "rb-tools" },
          this.translations(node),
          iconButton(node.disabled ? "eye-off" : "eye", node.disabled ? gettext("Use again") : gettext("Leave out for now"), () => this.actions.toggle(node.key)),
          iconButton("copy", gettext("Duplicate"), () => this.actions.duplicate(node.key)),
          iconButton("trash", gettext("Delete"), () => this.actions.remove(node.key)),
        ),
      ),
      finished ? null : h("div", { class: "rb-note" }, icon("alert-circle"), " ", lost || gettext("Unfinished: not counted yet")),
      node.leaf.map ? this.translation(node) : null,
      h("div", { class: "rb-problem", role: "alert", hidden: true, dataset: { problem: node.key } }),
      h("div", { class: "rb-offer", hidden: true, dataset: { offer: node.key } }),
      h("div", { class: "rb-bar", "aria-hidden": "true" }, h("div", { dataset: { bar: node.key } })),
      h("ul", { class: "rb-merge list-unstyled", dataset: { merge: node.key }, "aria-hidden": "true" }),
    );
  }

  /** The IDs that a condition's people can be translated to, as a menu; null where no identities are known. */
  translations(node) {
    const { map, ...leaf } = node.leaf;
    const own = this.fields.identity(leaf)?.type;
    const offered = (this.fields.translations || []).filter((type) => type !== own && type !== map?.to);
    if (!offered.length) return null;
    const button = iconButton("language", gettext("Translate to another ID"), () => {});
    button.dataset.bsToggle = "dropdown";
    button.setAttribute("aria-expanded", "false");
    const entries = offered.map((type) =>
      h("button", { type: "button", class: "dropdown-item", onclick: () => this.actions.translate(node.key, type) }, gettext("Translate to %(type)s", { type: this.fields.idTypes[type] })),
    );
    return h("span", { class: "dropdown" }, button, h("div", { class: "dropdown-menu dropdown-menu-end" }, entries));
  }

  /** By which other ID the people of a condition are known, and how many have none. */
  translation(node) {
    return h(
      "div",
      { class: "rb-translation" },
      icon("language"),
      " ",
      gettext("By their %(type)s", { type: this.fields.idTypes?.[node.leaf.map.to] || node.leaf.map.to }),
      h("span", { dataset: { unmatched: node.key } }),
      iconButton("x", gettext("Do not translate"), () => this.actions.translate(node.key, null)),
    );
  }

  pick(event, key) {
    if (event.target.closest("button, .rb-operator")) return;
    event.stopPropagation();
    if (key) this.actions.select(key);
  }

  markSelected() {
    for (const element of this.place.querySelectorAll("[data-key]")) {
      const on = element.dataset.key === this.store.selected;
      element.classList.toggle("rb-selected", on);
      if (on) element.setAttribute("aria-current", "true");
      else element.removeAttribute("aria-current");
    }
  }

  drawCounts() {
    const { counts, stale, counting, problems } = this.store;
    const largest = Math.max(1, ...counts.values());
    for (const element of this.place.querySelectorAll("[data-count]")) {
      const value = counts.get(element.dataset.count);
      element.classList.toggle("rb-stale", stale || counting);
      element.classList.toggle("placeholder", counting && value === undefined);
      element.textContent = value === undefined ? "" : formatNumber(value);
    }
    for (const element of this.place.querySelectorAll("[data-bar]")) {
      const value = counts.get(element.dataset.bar);
      element.style.width = value === undefined ? "0" : `${(100 * value) / largest}%`;
    }
    for (const element of this.place.querySelectorAll("[data-problem]")) {
      const message = problems.get(element.dataset.problem);
      element.hidden = !message;
      element.textContent = message || "";
    }
    for (const element of this.place.querySelectorAll("[data-unmatched]")) {
      const lost = this.store.unmatched.get(element.dataset.unmatched);
      element.textContent = lost ? ` · ${gettext("%(count)s people without one", { count: formatNumber(lost) })}` : "";
    }
    for (const element of this.place.querySelectorAll("[data-offer]")) {
      const key = element.dataset.offer;
      const offer = this.store.offers.get(key);
      element.hidden = !offer;
      clear(element);
      if (offer) element.append(h("button", { type: "button", class: "btn btn-sm", onclick: () => this.actions.translate(key, offer.to) }, icon("language"), " ", gettext("Translate to %(type)s", { type: offer.label })));
    }
  }
}
