/* The editor of a condition on order: steps one after the other, how long between them, what not in the meantime. */

import { check, number, windowEditor } from "./windows.js";
import { clear, field, h, icon, iconButton, select, gettext } from "./dom.js";
import { describeRecords, newStep } from "./leaves.js";
import { recordsEditor } from "./editor-records.js";

const MOST_STEPS = 6;
const MOST_BARRIERS = 5;
const UNITS = [
  ["days", () => gettext("days")],
  ["hours", () => gettext("hours")],
  ["minutes", () => gettext("minutes")],
];

/** Without the parts that are empty; the first step has none before it. */
function tidy(step, index) {
  const kept = Object.fromEntries(Object.entries(step).filter(([, value]) => value !== undefined && !(Array.isArray(value) && !value.length)));
  if (!index) for (const name of ["within", "not_between", "same"]) delete kept[name];
  return kept;
}

export function sequenceEditor(leaf, { fields, api, update }) {
  const info = fields.behaviour(leaf.dataset);
  const box = h("div");
  const stepBox = h("div");
  let open = 0;

  const setSteps = (steps, label = "", redraw = false) => {
    leaf = { ...leaf, steps: steps.map(tidy) };
    update(leaf, label);
    if (redraw) draw();
  };
  const setStep = (index, changes, label = "", redraw = false) =>
    setSteps(leaf.steps.map((step, place) => (place === index ? { ...step, ...changes } : step)), label && `${index}:${label}`, redraw);

  box.append(
    h("div", { class: "mb-3" }, h("div", { class: "h3 mb-0" }, gettext("One after another")), h("div", { class: "text-secondary small" }, fields.datasetName(leaf.dataset))),
    stepBox,
    h("fieldset", { class: "rb-block" }, h("legend", {}, gettext("When, from the first step to the last")), windowEditor(leaf.window, (window) => {
      leaf = { ...leaf, window };
      update(leaf, "window");
    }, { withTime: true })),
  );
  draw();
  return box;

  function draw() {
    clear(stepBox);
    leaf.steps.forEach((step, index) => stepBox.append(stepCard(step, index)));
    if (leaf.steps.length < MOST_STEPS) {
      stepBox.append(h("button", { type: "button", class: "btn btn-sm mb-3", onclick: () => {
        open = leaf.steps.length;
        setSteps([...leaf.steps, newStep(info)], "", true);
      } }, icon("plus"), gettext("Add a step")));
    }
  }

  function move(index, by) {
    const steps = [...leaf.steps];
    [steps[index], steps[index + by]] = [steps[index + by], steps[index]];
    open = index + by;
    setSteps(steps, "", true);
    stepBox.children[open].querySelector("summary").focus();
  }

  function stepCard(step, index) {
    const title = h("span", {});
    const show = () => clear(title).append(gettext("Step %(number)s: %(what)s", { number: index + 1, what: describeRecords(leaf.steps[index], fields, leaf.dataset) }));
    show();
    const change = (changes, label) => {
      // Another attribute, where rows hold one each, is another one to share.
      setStep(index, changes, label, Boolean(changes.objects && !label && info.object_form === "keyvalue"));
      show();
    };
    const last = leaf.steps.length - 1;
    return h(
      "details",
      { class: "rb-step", open: open === index, ontoggle: (event) => { if (event.target.open) open = index; } },
      h("summary", {}, title),
      h("div", { class: "d-flex justify-content-end gap-1" },
        index ? iconButton("arrow-up", gettext("Earlier"), () => move(index, -1)) : null,
        index < last ? iconButton("arrow-down", gettext("Later"), () => move(index, 1)) : null,
        last > 1 ? iconButton("trash", gettext("Remove this step"), () => setSteps(leaf.steps.filter((_, place) => place !== index), "", true)) : null,
      ),
      recordsEditor(step, { dataset: leaf.dataset, info, api, onchange: change }),
      index ? [gap(step, index), sameness(step, [leaf.steps[index - 1], step], gettext("As in the step before."), (same) => setStep(index, { same }, "same", true)), barriers(step, index)] : null,
    );
  }

  function gap(step, index) {
    const [unit, value] = Object.entries(step.within || {}).find(([, given]) => given) || ["days", null];
    let chosen = unit;
    let amount = value;
    const set = () => setStep(index, { within: Number.isInteger(amount) && amount > 0 ? { [chosen]: amount } : undefined }, "within");
    const input = number(amount, (next) => { amount = next; set(); }, { min: 1 });
    input.setAttribute("aria-label", gettext("Longest time since the step before"));
    return h("fieldset", { class: "rb-block" }, h("legend", {}, gettext("At most this long after the step before")),
      h("div", { class: "d-flex gap-2" }, input, select(UNITS.map(([key, label]) => [key, label()]), unit, (next) => { chosen = next; set(); }, { "aria-label": gettext("Unit") })),
      h("small", { class: "form-hint" }, gettext("Empty means any time later.")));
  }

  /** The objects whose values can be shared: rows in the attribute-and-value form hold only the one that they are about. */
  function shareable(parts) {
    const own = (info.objects || []).filter((item) => !item.name.startsWith("item:") && !item.lost);
    if (info.object_form !== "keyvalue") return own;
    const attribute = (part) => part.objects?.[0]?.name || info.base_object;
    return own.filter((item) => parts.every((part) => attribute(part) === item.name));
  }

  /** Boxes for objects that are to be the same; what is chosen is shown even where it no longer can be. */
  function sameness(part, parts, hint, onchange) {
    const chosen = new Set(part.same || []);
    const offered = shareable(parts);
    const lost = [...chosen].filter((name) => !offered.some((item) => item.name === name)).map((name) => ({ name }));
    if (!offered.length && !lost.length) return null;
    return h("fieldset", { class: "rb-block" }, h("legend", {}, gettext("With the same")),
      [...offered, ...lost].map((item) => check(item.label || item.name, chosen.has(item.name), (on) => {
        if (on) chosen.add(item.name);
        else chosen.delete(item.name);
        onchange([...chosen]);
      })),
      h("small", { class: "form-hint" }, hint));
  }

  function barriers(step, index) {
    const entries = step.not_between || [];
    const setAll = (next, redraw = true) => setStep(index, { not_between: next }, redraw ? "" : "barrier", redraw);
    return h("fieldset", { class: "rb-block" }, h("legend", {}, gettext("Without in between")),
      entries.map((barrier, place) => h("div", { class: "rb-barrier" },
        h("div", { class: "d-flex justify-content-end" }, iconButton("x", gettext("Remove"), () => setAll(entries.filter((_, other) => other !== place)))),
        recordsEditor(barrier, { dataset: leaf.dataset, info, api, onchange: (changes) => {
          const present = leaf.steps[index].not_between;
          setAll(present.map((item, other) => (other === place ? tidy({ ...item, ...changes }, 1) : item)), false);
        } }),
        step.same?.length || barrier.same?.length
          ? sameness(barrier, [barrier, step], gettext("As in the two steps around it."), (same) => {
              setAll(leaf.steps[index].not_between.map((item, other) => (other === place ? tidy({ ...item, same }, 1) : item)), false);
            })
          : null,
      )),
      entries.length < MOST_BARRIERS
        ? h("button", { type: "button", class: "btn btn-sm", onclick: () => { open = index; setAll([...entries, newStep(info)]); } }, icon("plus"), gettext("Not in the meantime"))
        : null);
  }
}
