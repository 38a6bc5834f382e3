/* The editor of a behaviour condition: did or did not, what, on which object, where, when, how often. */

import { clear, field, h, icon, iconButton, select, gettext } from "./dom.js";
import { COMPARISONS, MEASURES } from "./leaves.js";
import { number, windowEditor } from "./windows.js";
import { recordsEditor } from "./editor-records.js";

export function behaviourEditor(leaf, { fields, api, update }) {
  const info = fields.behaviour(leaf.dataset);
  const box = h("div");
  const havingBox = h("div");
  let basePlace = null;

  const set = (changes, label = "") => {
    leaf = { ...leaf, ...changes };
    for (const [name, value] of Object.entries(leaf)) if (value === undefined) delete leaf[name];
    update(leaf, label);
  };

  box.append(
    h("div", { class: "mb-3" }, h("div", { class: "h3 mb-0" }, fields.datasetName(leaf.dataset)), h("div", { class: "text-secondary small" }, gettext("Behaviour"))),
    didSwitch(),
    baseChoice(),
    recordsEditor(leaf, { dataset: leaf.dataset, info, api, onchange: set }),
    h("fieldset", { class: "rb-block" }, h("legend", {}, gettext("When")), windowEditor(leaf.window, (window) => set({ window }, "window"))),
    havingBox,
  );
  drawHaving();
  return box;

  function didSwitch() {
    const name = `did-${Math.random().toString(36).slice(2)}`;
    const choice = (value, label) =>
      h(
        "label",
        { class: "form-selectgroup-item flex-fill" },
        h("input", { type: "radio", name, class: "form-selectgroup-input", checked: (leaf.did !== false) === value, onchange: () => {
          set({ did: value, base: value ? undefined : leaf.base });
          basePlace.hidden = value;
        } }),
        h("span", { class: "form-selectgroup-label" }, label),
      );
    return h("div", { class: "form-selectgroup mb-3 w-100", role: "radiogroup", "aria-label": gettext("Did or did not") }, choice(true, gettext("did")), choice(false, gettext("did not")));
  }

  function baseChoice() {
    const choices = [["", gettext("everybody in this dataset")], ...fields.userDatasets().map((row) => [row.id, gettext("everybody in %(name)s", { name: row.name })])];
    basePlace = h("div", { hidden: leaf.did !== false }, field(gettext("Out of whom"), select(choices, leaf.base || "", (base) => set({ base: base || undefined }))));
    return basePlace;
  }

  function drawHaving() {
    clear(havingBox);
    const tree = leaf.having;
    const items = !tree ? [] : tree.items || [tree];
    const op = tree?.op || "and";
    const nested = items.some((item) => item.items);
    const setItems = (next, nextOp = op) => {
      set({ having: next.length ? { op: nextOp, items: next } : undefined });
      drawHaving();
    };
    havingBox.append(
      h(
        "fieldset",
        { class: "rb-block" },
        h("legend", {}, gettext("How often, how much")),
        nested
          ? h("div", { class: "text-secondary" }, gettext("These limits are nested and can be changed by the API only."))
          : items.map((item, index) => havingRow(items, item, index)),
        items.length > 1 && !nested
          ? field(gettext("Of these limits"), select([["and", gettext("all must hold")], ["or", gettext("one is enough")]], op, (next) => setItems(items, next)))
          : null,
        nested ? null : h("button", { type: "button", class: "btn btn-sm", onclick: () => setItems([...items, { measure: "times", operator: ">=", value: 2 }]) }, icon("plus"), gettext("Add a limit")),
        items.length ? null : h("small", { class: "form-hint" }, gettext("Without a limit: at least once.")),
      ),
    );

    function havingRow(all, item, index) {
      const change = (changes, redraw = false) => {
        Object.assign(item, changes);
        set({ having: { op, items: all.map((one) => ({ ...one })) } }, `having:${index}`);
        if (redraw) drawHaving();
      };
      const measures = MEASURES.filter(([key]) => info.has_amount || !key.startsWith("amount")).map(([key, label]) => [key, label()]);
      return h(
        "div",
        { class: "rb-having mb-2" },
        select(measures, item.measure, (measure) => change({ measure }), { "aria-label": gettext("Measure"), class: "form-select form-select-sm" }),
        select(COMPARISONS, item.operator, (operator) => change({ operator, value: operator === "between" ? [1, 10] : Array.isArray(item.value) ? item.value[0] : item.value }, true), { "aria-label": gettext("Comparison"), class: "form-select form-select-sm" }),
        item.operator === "between"
          ? [0, 1].map((end) => labelled(number(item.value?.[end], (value) => change({ value: item.value.map((old, place) => (place === end ? value : old)) }), { step: "any" }), end ? gettext("To, inclusive") : gettext("From")))
          : labelled(number(item.value, (value) => change({ value }), { step: "any" }), gettext("Number")),
        iconButton("x", gettext("Remove"), () => setItems(all.filter((_, place) => place !== index))),
      );
    }
  }

  function labelled(input, label) {
    input.setAttribute("aria-label", label);
    input.classList.add("form-control-sm");
    return input;
  }
}
