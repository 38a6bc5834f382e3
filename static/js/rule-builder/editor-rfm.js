/* The editor of a condition on an RFM model: groups, lowest scores, or ranges of values. */

import { clear, field, h, select, gettext } from "./dom.js";
import { RFM_TYPES } from "./leaves.js";
import { check, number } from "./windows.js";

const SCORES = [
  ["r", () => gettext("Recency score at least")],
  ["f", () => gettext("Frequency score at least")],
  ["m", () => gettext("Amount score at least")],
];

const RANGES = [
  ["r_days", () => gettext("Days since the last purchase")],
  ["f", () => gettext("Purchases")],
  ["m", () => gettext("Amount")],
];
const FIRST = { types: () => [], min_scores: () => ({ r: 4 }), ranges: () => ({ r_days: [0, 30] }) };

export function rfmEditor(leaf, { fields, update }) {
  const box = h("div");
  const body = h("div");
  const ways = [["types", gettext("by group")], ["min_scores", gettext("by lowest scores")], ["ranges", gettext("by values")]];
  box.append(
    h("div", { class: "mb-3" }, h("div", { class: "h3 mb-0" }, fields.datasetName(leaf.dataset)), h("div", { class: "text-secondary small" }, gettext("RFM model"))),
    field(gettext("Choose customers"), select(ways, way(), change)),
    body,
  );
  draw();
  return box;

  function way() {
    return leaf.types ? "types" : leaf.min_scores ? "min_scores" : "ranges";
  }

  function set(changes) {
    const { types: _types, min_scores: _scores, ranges: _ranges, ...kept } = leaf;
    leaf = { ...kept, ...changes };
    update(leaf);
  }

  function change(next) {
    if (next === way()) return;
    set({ [next]: FIRST[next]() });
    draw();
  }

  function draw() {
    clear(body);
    if (leaf.types) {
      for (const [key, label] of RFM_TYPES) {
        body.append(check(label(), leaf.types.includes(key), (on) => {
          set({ types: RFM_TYPES.map(([name]) => name).filter((name) => (name === key ? on : leaf.types.includes(name))) });
        }));
      }
    } else if (leaf.min_scores) {
      for (const [key, label] of SCORES) {
        body.append(field(label(), number(leaf.min_scores[key], (value) => {
          const scores = { ...leaf.min_scores, [key]: value };
          if (typeof value !== "number") delete scores[key];
          set({ min_scores: scores });
        }, { step: "any", min: 0 })));
      }
    } else {
      for (const [key, label] of RANGES) body.append(rangeFields(key, label()));
      body.append(h("small", { class: "form-hint" }, gettext("Both ends are included; an empty one is open.")));
    }
  }

  function rangeFields(key, label) {
    const end = (place, name) => {
      const input = number(leaf.ranges[key]?.[place], (value) => {
        const ends = [...(leaf.ranges[key] || [null, null])];
        ends[place] = value;
        const { [key]: _before, ...others } = leaf.ranges;
        set({ ranges: ends.every((found) => found === null) ? others : { ...others, [key]: ends } });
      }, { step: "any" });
      input.setAttribute("aria-label", `${label}: ${name}`);
      return h("div", { class: "col-6" }, input);
    };
    return h("fieldset", { class: "rb-block" }, h("legend", {}, label), h("div", { class: "row g-2" }, end(0, gettext("From")), end(1, gettext("To, inclusive"))));
  }
}
