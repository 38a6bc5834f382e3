/* The editor of a condition on an RFM model: groups, or lowest scores. */

import { clear, field, h, select, gettext } from "./dom.js";
import { RFM_TYPES } from "./leaves.js";
import { check, number } from "./windows.js";

const SCORES = [
  ["r", () => gettext("Recency score at least")],
  ["f", () => gettext("Frequency score at least")],
  ["m", () => gettext("Amount score at least")],
];

export function rfmEditor(leaf, { fields, update }) {
  const box = h("div");
  const body = h("div");
  const ways = [["types", gettext("by group")], ["min_scores", gettext("by lowest scores")]];
  if (leaf.ranges) ways.push(["ranges", gettext("by values (changed by the API only)")]);
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
    leaf = { kind: "rfm", dataset: leaf.dataset, ...changes };
    update(leaf);
  }

  function change(next) {
    if (next === way()) return;
    set(next === "types" ? { types: [] } : { min_scores: { r: 4 } });
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
    }
  }
}
