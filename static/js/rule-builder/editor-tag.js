/* The editor of a tag condition: operator by type, then the value in the shape that the operator takes. */

import { check, number, windowEditor } from "./windows.js";
import { clear, field, h, select, gettext } from "./dom.js";
import { defaultValue, NEGATIVE, OPERATORS, valueShape } from "./leaves.js";
import { valuePicker } from "./value-picker.js";

/** `items`: the tags are those of items, not of people. */
export function tagEditor(leaf, { fields, api, update, alsoEmpty, items = false }) {
  const tag = fields.tag(leaf.dataset, leaf.tag);
  const box = h("div");
  if (!tag) {
    box.append(h("div", { class: "alert alert-danger", role: "alert" }, gettext("This tag is no longer part of the dataset. Remove the condition or choose another tag.")));
    return box;
  }
  if (tag.lost) {
    box.append(
      h("div", { class: "h3" }, h("s", {}, tag.name)),
      h("div", { class: "alert alert-danger", role: "alert" }, h("div", {}, tag.lost), gettext("Remove the condition or choose another tag. It can be used again once the column is back and the dataset has been refreshed.")),
    );
    return box;
  }
  const operators = OPERATORS[tag.type].map(([key, label]) => [key, label()]);
  const valueBox = h("div");
  box.append(
    h(
      "div",
      { class: "mb-3" },
      h("div", { class: "h3 mb-0" }, tag.name),
      h("div", { class: "text-secondary small" }, fields.datasetName(leaf.dataset)),
      tag.description ? h("p", { class: "small mt-1 mb-0" }, tag.description) : null,
    ),
    field(gettext("Condition"), select(operators, leaf.operator, changeOperator)),
    valueBox,
  );
  drawValue();
  return box;

  function changeOperator(operator) {
    const before = valueShape(tag.type, leaf.operator);
    const shape = valueShape(tag.type, operator);
    const next = { ...leaf, operator };
    if (shape === "none") delete next.value;
    else if (shape !== before) next.value = defaultValue(shape);
    if (shape !== "list") delete next.ignore_case;
    leaf = next;
    update(leaf);
    drawValue();
  }

  function set(value) {
    leaf = { ...leaf, value };
    update(leaf, `value:${leaf.tag}`);
  }

  function drawValue() {
    clear(valueBox);
    const shape = valueShape(tag.type, leaf.operator);
    if (shape === "list") valueBox.append(listValue());
    if (shape === "number") valueBox.append(field(gettext("Number"), number(leaf.value, set, { step: "any" })));
    if (shape === "range") valueBox.append(rangeValue());
    if (shape === "window") valueBox.append(windowEditor(leaf.value, set, { withTime: tag.time }));
    if (shape === "days") {
      valueBox.append(field(gettext("In the next days"), number(leaf.value?.days, (days) => set({ days }), { min: 0, max: 366 })));
    }
    valueBox.append(emptyHint());
  }

  function listValue() {
    const picker = valuePicker({
      values: leaf.value || [],
      load: (search, page) => api.values(leaf.dataset, leaf.tag, search, page),
      onchange: set,
      label: gettext("Values of %(tag)s", { tag: tag.name }),
      create: tag.type !== "enum",
      pasting: tag.type !== "multi" && ["in", "not_in"].includes(leaf.operator),
    });
    const more = tag.type === "text"
      ? check(gettext("ignore upper and lower case"), Boolean(leaf.ignore_case), (on) => {
          leaf = { ...leaf };
          if (on) leaf.ignore_case = true;
          else delete leaf.ignore_case;
          update(leaf);
        })
      : null;
    return h("div", { class: "mb-3" }, h("div", { class: "form-label" }, gettext("Values")), picker, more && h("div", { class: "mt-3" }, more));
  }

  function rangeValue() {
    const [low, high] = leaf.value || [null, null];
    const ends = [low, high];
    const change = (index) => (value) => {
      ends[index] = value;
      set([...ends]);
    };
    return h(
      "div",
      { class: "row g-2" },
      h("div", { class: "col-6" }, field(gettext("From"), number(low, change(0), { step: "any" }))),
      h("div", { class: "col-6" }, field(gettext("To, inclusive"), number(high, change(1), { step: "any" }))),
    );
  }

  function emptyHint() {
    if (!NEGATIVE.has(leaf.operator)) return h("div");
    return h(
      "div",
      { class: "alert alert-info mb-0", role: "note" },
      h("div", {}, items ? gettext("Items without a value are never matched by this condition.") : gettext("People without a value are never matched by this condition.")),
      h("button", { type: "button", class: "btn btn-sm mt-2", onclick: () => alsoEmpty(leaf) }, items ? gettext("Also items without value") : gettext("Also people without value")),
    );
  }
}
