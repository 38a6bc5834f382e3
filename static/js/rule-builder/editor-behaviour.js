/* The editor of a behaviour condition: did or did not, what, on which object, where, when, how often. */

import { clear, field, h, icon, iconButton, select, gettext } from "./dom.js";
import { COMPARISONS, MEASURES } from "./leaves.js";
import { number, windowEditor } from "./windows.js";
import { valuePicker } from "./value-picker.js";

export function behaviourEditor(leaf, { fields, api, update }) {
  const info = fields.behaviour(leaf.dataset);
  const box = h("div");
  const objectBox = h("div");
  const havingBox = h("div");
  let basePlace = null;

  const set = (changes, label = "") => {
    leaf = { ...leaf, ...changes };
    for (const [name, value] of Object.entries(leaf)) if (value === undefined) delete leaf[name];
    update(leaf, label);
  };
  const listOrNone = (values) => (values.length ? values : undefined);

  box.append(
    h("div", { class: "mb-3" }, h("div", { class: "h3 mb-0" }, fields.datasetName(leaf.dataset)), h("div", { class: "text-secondary small" }, gettext("Behaviour"))),
    didSwitch(),
    baseChoice(),
    block(gettext("What they did"), picker("type", leaf.type || [], (type) => set({ type: listOrNone(type) }, "type")), gettext("Empty means anything.")),
    objectBox,
    ...(info.has_channel
      ? [block(gettext("Channel"), picker("channel", leaf.channel || [], (channel) => set({ channel: listOrNone(channel) }, "channel")), gettext("Empty means every channel."))]
      : []),
    h("fieldset", { class: "rb-block" }, h("legend", {}, gettext("When")), windowEditor(leaf.window, (window) => set({ window }, "window"))),
    havingBox,
  );
  drawObjects();
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

  function picker(what, values, onchange, more = {}) {
    return valuePicker({ values, load: (search) => api.values(leaf.dataset, what, search, more), onchange, label: what === "object" ? more.object : gettext("Values"), pasting: what === "object" });
  }

  function block(title, control, hint = "") {
    return h("fieldset", { class: "rb-block" }, h("legend", {}, title), control, hint ? h("small", { class: "form-hint" }, hint) : null);
  }

  function drawObjects() {
    clear(objectBox);
    if (!info.objects?.length) return;
    const entries = leaf.objects || [];
    const single = info.object_form === "keyvalue";
    const rows = entries.map((entry, index) => objectRow(entry, index, single));
    const used = new Set(entries.map((entry) => entry.name));
    const free = info.objects.filter((item) => !used.has(item.name));
    const addable = free.length && !(single && entries.length);
    objectBox.append(
      h(
        "fieldset",
        { class: "rb-block" },
        h("legend", {}, gettext("On what")),
        rows,
        addable
          ? h("button", { type: "button", class: "btn btn-sm", onclick: () => setObjects([...entries, { name: free[0].name, operator: "in", value: [] }]) }, icon("plus"), gettext("Narrow by object"))
          : null,
        entries.length > 1 ? h("small", { class: "form-hint" }, gettext("All of them must hold for the same record.")) : null,
      ),
    );
  }

  function setObjects(objects) {
    set({ objects: objects.length ? objects : undefined });
    drawObjects();
  }

  function objectRow(entry, index, single) {
    const entries = leaf.objects;
    const change = (changes) => {
      const next = entries.map((item, place) => (place === index ? { ...item, ...changes } : item));
      for (const [name, value] of Object.entries(next[index])) if (value === undefined) delete next[index][name];
      return next;
    };
    const operators = [["in", gettext("is one of")], ["not_in", gettext("is none of")]];
    if (single) operators.push(["any", gettext("is anything")]);
    return h(
      "div",
      { class: "rb-object" },
      h(
        "div",
        { class: "d-flex gap-2 mb-2" },
        select(info.objects.map((item) => [item.name, item.label || item.name]), entry.name, (name) => setObjects(change({ name, value: entry.operator === "any" ? undefined : [] })), { "aria-label": gettext("Object"), class: "form-select form-select-sm" }),
        select(operators, entry.operator || "in", (operator) => setObjects(change({ operator, value: operator === "any" ? undefined : entry.value || [] })), { "aria-label": gettext("Condition"), class: "form-select form-select-sm" }),
        iconButton("x", gettext("Remove"), () => setObjects(entries.filter((_, place) => place !== index))),
      ),
      entry.operator === "any" ? null : picker("object", entry.value || [], (value) => {
        leaf = { ...leaf, objects: change({ value }) };
        update(leaf, `object:${index}`);
        entries[index] = leaf.objects[index];
      }, { object: entry.name }),
    );
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
