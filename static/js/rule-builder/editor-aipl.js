/* The editor of a condition on an AIPL model: the stage of the latest day, or how it changed between two days. */

import { check } from "./windows.js";
import { clear, field, h, select, gettext } from "./dom.js";
import { newFlow, STAGES } from "./leaves.js";

const AGO = [1, 7, 14, 30, 60, 90];
const NEW = "none";
const TARGETS = [["lost", () => gettext("lost")], ["converted", () => gettext("any other")]];

export function aiplEditor(leaf, { fields, update }) {
  const box = h("div");
  const body = h("div");
  const days = fields.loaded.get(leaf.dataset)?.days || [];
  const set = (changes) => {
    const { stages: _stages, flow: _flow, ...kept } = leaf;
    leaf = { ...kept, ...changes };
    update(leaf);
  };
  box.append(
    h("div", { class: "mb-3" }, h("div", { class: "h3 mb-0" }, fields.datasetName(leaf.dataset)), h("div", { class: "text-secondary small" }, gettext("AIPL model"))),
    field(gettext("Choose customers"), select([["stages", gettext("by stage on the latest day")], ["flow", gettext("by how their stage changed")]], leaf.flow ? "flow" : "stages", (way) => {
      set(way === "flow" ? { flow: newFlow(days) } : { stages: [] });
      draw();
    })),
    body,
  );
  draw();
  return box;

  function draw() {
    clear(body).append(...(leaf.flow ? flow() : stages()));
  }

  function stages() {
    return STAGES.map(([key, label]) => check(`${key} ${label()}`, leaf.stages.includes(key), (on) => {
      set({ stages: STAGES.map(([name]) => name).filter((name) => (name === key ? on : leaf.stages.includes(name))) });
    }));
  }

  function flow() {
    const { from, to, transitions } = leaf.flow;
    const befores = [...STAGES, [NEW, () => gettext("no stage")]];
    const has = (stage, target) => transitions.some((item) => item.from === stage && item.to.includes(target));
    const toggle = (stage, target, on) => {
      const rows = befores.map(([key]) => {
        const before = transitions.filter((item) => item.from === key).flatMap((item) => item.to);
        return { from: key, to: key === stage ? (on ? [...before, target] : before.filter((item) => item !== target)) : before };
      });
      set({ flow: { ...leaf.flow, transitions: rows.filter((item) => item.to.length) } });
      draw();
    };
    const columns = [...STAGES.map(([key, label]) => [key, label]), ...TARGETS];
    return [
      h("div", { class: "row g-2" },
        h("div", { class: "col-6" }, field(gettext("From"), daySelect(from, (day) => set({ flow: { ...leaf.flow, from: day } })))),
        h("div", { class: "col-6" }, field(gettext("To"), daySelect(to, (day) => set({ flow: { ...leaf.flow, to: day } })))),
      ),
      h("div", { class: "form-label" }, gettext("Who became what")),
      h("div", { class: "table-responsive" }, h("table", { class: "table table-sm rb-flow" },
        h("thead", {}, h("tr", {}, h("th", { scope: "col" }, gettext("from")), columns.map(([key, label]) => h("th", { scope: "col", title: label() }, key.length === 1 ? key : label())))),
        h("tbody", {}, befores.map(([stage, label]) => h("tr", {}, h("th", { scope: "row", title: label() }, stage === NEW ? label() : `${stage} ${label()}`),
          columns.map(([target, name]) => h("td", {}, stage === NEW && target === "lost" ? null : h("input", {
            type: "checkbox",
            class: "form-check-input",
            checked: has(stage, target),
            "aria-label": `${label()} → ${name()}`,
            onchange: (event) => toggle(stage, target, event.target.checked),
          }))),
        ))),
      )),
    ];
  }

  /** Days that were computed, or so many days before today, which moves with each refresh. */
  function daySelect(value, onchange) {
    const relative = [[JSON.stringify({ offset: 0, unit: "day" }), gettext("today")], ...AGO.map((count) => [JSON.stringify({ offset: -count, unit: "day" }), gettext("%(number)s days ago", { number: count })])];
    const options = [...relative, ...days.slice().reverse().map((day) => [JSON.stringify(day), day])];
    const text = JSON.stringify(value);
    if (!options.some(([key]) => key === text)) options.unshift([text, typeof value === "string" ? value : `${value.offset} ${value.unit}`]);
    return select(options, text, (key) => onchange(JSON.parse(key)));
  }
}
