/* The editor of a behaviour condition: did or did not, what, on which object, where, when, how often. */

import { clear, field, h, icon, iconButton, select, t } from "./dom.js";
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
    h("div", { class: "mb-3" }, h("div", { class: "h3 mb-0" }, fields.datasetName(leaf.dataset)), h("div", { class: "text-secondary small" }, t("Behaviour"))),
    didSwitch(),
    baseChoice(),
    block(t("What they did"), picker("type", leaf.type || [], (type) => set({ type: listOrNone(type) }, "type")), t("Empty means anything.")),
    objectBox,
    info.has_channel
      ? block(t("Channel"), picker("channel", leaf.channel || [], (channel) => set({ channel: listOrNone(channel) }, "channel")), t("Empty means every channel."))
      : null,
    h("fieldset", { class: "rb-block" }, h("legend", {}, t("When")), windowEditor(leaf.window, (window) => set({ window }, "window"))),
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
    return h("div", { class: "form-selectgroup mb-3 w-100", role: "radiogroup", "aria-label": t("Did or did not") }, choice(true, t("did")), choice(false, t("did not")));
  }

  function baseChoice() {
    const choices = [["", t("everybody in this dataset")], ...fields.userDatasets().map((row) => [row.id, t("everybody in %(name)s", { name: row.name })])];
    basePlace = h("div", { hidden: leaf.did !== false }, field(t("Out of whom"), select(choices, leaf.base || "", (base) => set({ base: base || undefined }))));
    return basePlace;
  }

  function picker(what, values, onchange, more = {}) {
    return valuePicker({ values, load: (search) => api.values(leaf.dataset, what, search, more), onchange, label: what === "object" ? more.object : t("Values"), pasting: what === "object" });
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
        h("legend", {}, t("On what")),
        rows,
        addable
          ? h("button", { type: "button", class: "btn btn-sm", onclick: () => setObjects([...entries, { name: free[0].name, operator: "in", value: [] }]) }, icon("plus"), t("Narrow by object"))
          : null,
        entries.length > 1 ? h("small", { class: "form-hint" }, t("All of them must hold for the same record.")) : null,
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
    const operators = [["in", t("is one of")], ["not_in", t("is none of")]];
    if (single) operators.push(["any", t("is anything")]);
    return h(
      "div",
      { class: "rb-object" },
      h(
        "div",
        { class: "d-flex gap-2 mb-2" },
        select(info.objects.map((item) => [item.name, item.label || item.name]), entry.name, (name) => setObjects(change({ name, value: entry.operator === "any" ? undefined : [] })), { "aria-label": t("Object"), class: "form-select form-select-sm" }),
        select(operators, entry.operator || "in", (operator) => setObjects(change({ operator, value: operator === "any" ? undefined : entry.value || [] })), { "aria-label": t("Condition"), class: "form-select form-select-sm" }),
        iconButton("x", t("Remove"), () => setObjects(entries.filter((_, place) => place !== index))),
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
        h("legend", {}, t("How often, how much")),
        nested
          ? h("div", { class: "text-secondary" }, t("These limits are nested and can be changed by the API only."))
          : items.map((item, index) => havingRow(items, item, index)),
        items.length > 1 && !nested
          ? field(t("Of these limits"), select([["and", t("all must hold")], ["or", t("one is enough")]], op, (next) => setItems(items, next)))
          : null,
        nested ? null : h("button", { type: "button", class: "btn btn-sm", onclick: () => setItems([...items, { measure: "times", operator: ">=", value: 2 }]) }, icon("plus"), t("Add a limit")),
        items.length ? null : h("small", { class: "form-hint" }, t("Without a limit: at least once.")),
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
        select(measures, item.measure, (measure) => change({ measure }), { "aria-label": t("Measure"), class: "form-select form-select-sm" }),
        select(COMPARISONS, item.operator, (operator) => change({ operator, value: operator === "between" ? [1, 10] : Array.isArray(item.value) ? item.value[0] : item.value }, true), { "aria-label": t("Comparison"), class: "form-select form-select-sm" }),
        item.operator === "between"
          ? [0, 1].map((end) => labelled(number(item.value?.[end], (value) => change({ value: item.value.map((old, place) => (place === end ? value : old)) }), { step: "any" }), end ? t("To, inclusive") : t("From")))
          : labelled(number(item.value, (value) => change({ value }), { step: "any" }), t("Number")),
        iconButton("x", t("Remove"), () => setItems(all.filter((_, place) => place !== index))),
      );
    }
  }

  function labelled(input, label) {
    input.setAttribute("aria-label", label);
    input.classList.add("form-control-sm");
    return input;
  }
}
