/* The part of the behaviour editor that limits how often, how much and when: limits, and groups of them. */

import { clear, field, h, icon, iconButton, select, gettext } from "./dom.js";
import { changedLimit, comparisonsOf, limitShape, MEASURES, newLimit } from "./havings.js";
import { momentInput } from "./moments.js";
import { number, windowEditor } from "./windows.js";

const MOST_LEVELS = 5;
const MOST_ITEMS = 20;

/** `having` as the API takes it, or undefined; `onchange(having, label)` gets it changed. */
export function havingEditor(having, { info, onchange }) {
  const box = h("div");
  let root = !having ? { op: "and", items: [] } : having.items ? having : { op: "and", items: [having] };
  draw();
  return box;

  /** Change the node at a path of places; `redraw` where other fields are needed now. */
  function set(path, change, { label = "", redraw = false } = {}) {
    root = changed(root, path, change);
    onchange(root.items.length ? root : undefined, label && `having:${path.join("/")}:${label}`);
    if (redraw) draw();
  }

  function draw() {
    clear(box).append(
      h(
        "fieldset",
        { class: "rb-block" },
        h("legend", {}, gettext("How often, how much, when last")),
        groupFields(root, []),
        root.items.length ? null : h("small", { class: "form-hint" }, gettext("Without a limit: at least once.")),
      ),
    );
  }

  function groupFields(node, path) {
    const add = (item) => set(path, (group) => ({ ...group, items: [...group.items, item] }), { redraw: true });
    const full = node.items.length >= MOST_ITEMS;
    return [
      node.items.map((item, place) => (item.items ? nested(item, [...path, place]) : row(item, [...path, place]))),
      node.items.length > 1
        ? field(gettext("Of these limits"), select([["and", gettext("all must hold")], ["or", gettext("one is enough")]], node.op, (op) => set(path, (group) => ({ ...group, op }))))
        : null,
      h(
        "div",
        { class: "btn-list" },
        full ? null : h("button", { type: "button", class: "btn btn-sm", onclick: () => add(newLimit()) }, icon("plus"), gettext("Add a limit")),
        full || !node.items.length || path.length >= MOST_LEVELS - 1
          ? null
          : h("button", { type: "button", class: "btn btn-sm", onclick: () => add({ op: node.op === "and" ? "or" : "and", items: [newLimit()] }) }, icon("brackets-contain"), gettext("Add a group of limits")),
      ),
    ];
  }

  function nested(node, path) {
    return h(
      "div",
      { class: "rb-limits", role: "group", "aria-label": gettext("Group of limits") },
      h("div", { class: "d-flex justify-content-end" }, remover(path, gettext("Remove the group"))),
      groupFields(node, path),
    );
  }

  function row(item, path) {
    const measures = MEASURES.filter(([key]) => info.has_amount || !key.startsWith("amount") || key === item.measure).map(([key, label]) => [key, label()]);
    const comparisons = comparisonsOf(item.measure).map(([key, label]) => [key, label()]);
    const change = (changes) => set(path, (limit) => changedLimit(limit, changes), { redraw: true });
    return h(
      "div",
      { class: "rb-having mb-2" },
      select(measures, item.measure, (measure) => change({ measure }), { "aria-label": gettext("Measure"), class: "form-select form-select-sm" }),
      select(comparisons, item.operator, (operator) => change({ operator }), { "aria-label": gettext("Comparison"), class: "form-select form-select-sm" }),
      remover(path, gettext("Remove")),
      value(item, path),
    );
  }

  function remover(path, label) {
    const place = path[path.length - 1];
    return iconButton("x", label, () => set(path.slice(0, -1), (group) => ({ ...group, items: group.items.filter((_, other) => other !== place) }), { redraw: true }));
  }

  function value(item, path) {
    const put = (next) => set(path, (limit) => ({ ...limit, value: next }), { label: "value" });
    const putEnd = (end, next) => set(path, (limit) => ({ ...limit, value: limit.value.map((old, place) => (place === end ? next : old)) }), { label: `value${end}` });
    const names = [gettext("From"), gettext("To, inclusive")];
    switch (limitShape(item)) {
      case "window":
        return h("div", { class: "w-100" }, windowEditor(item.value, put, { withTime: true }));
      case "moment":
        return h("div", { class: "w-100" }, momentInput(item.value, put, { label: gettext("Date"), withTime: true }));
      case "moments":
        return names.map((name, end) => h("div", { class: "w-100" }, momentInput(item.value?.[end], (next) => putEnd(end, next), { label: name, withTime: true })));
      case "range":
        return names.map((name, end) => labelled(number(item.value?.[end], (next) => putEnd(end, next), { step: "any" }), name));
      default:
        return labelled(number(item.value, put, { step: "any" }), gettext("Number"));
    }
  }

  function labelled(input, label) {
    input.setAttribute("aria-label", label);
    input.classList.add("form-control-sm");
    return input;
  }
}

/** A tree of limits with the node at a path changed; groups that lose their last limit go. */
function changed(node, [place, ...rest], change) {
  if (place === undefined) return change(node);
  const items = node.items.map((item, other) => (other === place ? changed(item, rest, change) : item));
  return { ...node, items: items.filter((item) => !item.items || item.items.length) };
}
