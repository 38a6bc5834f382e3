/* What the builder knows of conditions: operators per tag type, defaults, when one is finished, its short title. */

import { formatNumber, gettext } from "./dom.js";
import { havingComplete, havingText } from "./havings.js";
import { inOrder } from "./moments.js";
import { describeWindow, windowComplete } from "./windows.js";

export const OPERATORS = {
  enum: [
    ["in", () => gettext("is one of")],
    ["not_in", () => gettext("is none of")],
    ["empty", () => gettext("has no value")],
    ["not_empty", () => gettext("has a value")],
  ],
  text: [
    ["in", () => gettext("is exactly one of")],
    ["not_in", () => gettext("is none of")],
    ["contains", () => gettext("contains")],
    ["not_contains", () => gettext("does not contain")],
    ["starts_with", () => gettext("starts with")],
    ["not_starts_with", () => gettext("does not start with")],
    ["ends_with", () => gettext("ends with")],
    ["not_ends_with", () => gettext("does not end with")],
    ["empty", () => gettext("has no value")],
    ["not_empty", () => gettext("has a value")],
  ],
  multi: [
    ["contains", () => gettext("has at least one of")],
    ["contains_all", () => gettext("has all of")],
    ["contains_none", () => gettext("has none of")],
    ["empty", () => gettext("has no value")],
    ["not_empty", () => gettext("has a value")],
  ],
  number: [
    ["between", () => gettext("is between")],
    ["not_between", () => gettext("is not between")],
    ["=", () => "="],
    ["!=", () => "≠"],
    [">", () => ">"],
    [">=", () => "≥"],
    ["<", () => "<"],
    ["<=", () => "≤"],
    ["empty", () => gettext("has no value")],
    ["not_empty", () => gettext("has a value")],
  ],
  date: [
    ["within", () => gettext("is within")],
    ["not_within", () => gettext("is not within")],
    ["anniversary_within", () => gettext("has its anniversary within")],
    ["empty", () => gettext("has no value")],
    ["not_empty", () => gettext("has a value")],
  ],
};

const NO_VALUE = new Set(["empty", "not_empty"]);
export const NEGATIVE = new Set([
  "not_in", "not_contains", "not_starts_with", "not_ends_with", "contains_none", "!=", "not_between", "not_within",
]);

/** What the value of an object can be asked; `any` only where an attribute has to be named. */
export const OBJECT_OPERATORS = OPERATORS.text;

/** `single`: rows hold one attribute each, so that “anything” says which. */
export function objectOperators(single, chosen) {
  const any = ["any", () => gettext("is anything")];
  return single || chosen === "any" ? [...OBJECT_OPERATORS, any] : OBJECT_OPERATORS;
}

/** Whether a condition on an object needs values; without an operator it asks for one of them. */
export function takesValues({ operator }) {
  return operator !== "any" && !NO_VALUE.has(operator);
}

/** What an object is asked, in words. */
function objectText(entry) {
  if (entry.operator === "any") return gettext("any");
  const values = takesValues(entry) ? listText(entry.value || [], 2) || "…" : "";
  if (!entry.operator || entry.operator === "in") return values;
  const words = OBJECT_OPERATORS.find(([key]) => key === entry.operator)?.[1]() || entry.operator;
  return `${words} ${values}`.trim();
}

/** The kind of value that an operator of a tag type takes: list, number, range, window, days or none. */
export function valueShape(type, operator) {
  if (NO_VALUE.has(operator)) return "none";
  if (type === "number") return operator.endsWith("between") ? "range" : "number";
  if (type === "date") return operator === "anniversary_within" ? "days" : "window";
  return "list";
}

export function defaultValue(shape) {
  return {
    list: [],
    number: null,
    range: [null, null],
    window: { kind: "last_days", days: 30 },
    days: { days: 7 },
    none: undefined,
  }[shape];
}

export function newTagLeaf(dataset, tag) {
  const operator = OPERATORS[tag.type][0][0];
  const leaf = { kind: "tag", dataset, tag: tag.column, operator };
  const value = defaultValue(valueShape(tag.type, operator));
  if (value !== undefined) leaf.value = value;
  return leaf;
}

export function newBehaviourLeaf(dataset, info, type) {
  const leaf = { kind: "behaviour", dataset, did: true, window: { kind: "last_days", days: 90 } };
  if (type) leaf.type = [type];
  if (info.object_form === "keyvalue" && info.base_object) leaf.objects = [{ name: info.base_object, operator: "any" }];
  return leaf;
}

/** Records for a step of a sequence. */
export function newStep(info, type) {
  const step = type ? { type: [type] } : {};
  if (info.object_form === "keyvalue" && info.base_object) step.objects = [{ name: info.base_object, operator: "any" }];
  return step;
}

export function newSequenceLeaf(dataset, info) {
  return { kind: "sequence", dataset, steps: [newStep(info), newStep(info)], window: { kind: "last_days", days: 90 } };
}

/** From two weeks before the latest of the computed days, as far as there are such. */
export function newFlow(days) {
  const last = days[days.length - 1] || { offset: 0, unit: "day" };
  const first = days[Math.max(0, days.length - 15)];
  return { from: first && first !== last ? first : { offset: -14, unit: "day" }, to: last, transitions: [{ from: "A", to: ["I"] }] };
}

export function newAudienceLeaf(audience) {
  return { kind: "audience", audience };
}

const isNumber = (value) => typeof value === "number" && Number.isFinite(value);

export const RFM_TYPES = [
  ["high_value", () => gettext("High value")],
  ["key_keep", () => gettext("Key: keep")],
  ["key_develop", () => gettext("Key: develop")],
  ["key_win_back", () => gettext("Key: win back")],
  ["general_value", () => gettext("General value")],
  ["general_keep", () => gettext("General: keep")],
  ["general_develop", () => gettext("General: develop")],
  ["potential", () => gettext("Potential")],
];

export const STAGES = [
  ["A", () => gettext("Aware")],
  ["I", () => gettext("Interested")],
  ["P", () => gettext("Purchased")],
  ["L", () => gettext("Loyal")],
];

function stageName(key) {
  if (key === "lost") return gettext("lost");
  if (key === "converted") return gettext("any other");
  if (key === "none") return gettext("no stage");
  return STAGES.find(([name]) => name === key)?.[1]() || key;
}

function dayText(day) {
  if (typeof day === "string") return day;
  return day.offset === 0 && day.unit === "day" ? gettext("today") : gettext("%(number)s days ago", { number: -day.offset });
}

function aiplText(leaf) {
  if (leaf.stages) return leaf.stages.map(stageName).join(", ") || "…";
  const moved = leaf.flow.transitions.map((item) => `${stageName(item.from)} → ${item.to.map(stageName).join(", ")}`);
  return [`${dayText(leaf.flow.from)} – ${dayText(leaf.flow.to)}`, ...moved].join(" · ");
}

function rfmText(leaf) {
  if (leaf.types) return RFM_TYPES.filter(([key]) => leaf.types.includes(key)).map(([, label]) => label()).join(", ") || "…";
  const scores = Object.entries(leaf.min_scores || {}).map(([name, value]) => `${name.toUpperCase()} ≥ ${value}`);
  const ranges = Object.entries(leaf.ranges || {}).map(([name, ends]) => `${name}: ${ends[0] ?? "…"} – ${ends[1] ?? "…"}`);
  return [...scores, ...ranges].join(" · ");
}

/** Whether the condition can be counted. `fields` knows the type of each tag. */
export function isComplete(leaf, fields) {
  if (fields.lost(leaf)) return false;
  if (leaf.kind === "rfm") return rfmComplete(leaf);
  if (leaf.kind === "aipl") return leaf.stages ? leaf.stages.length > 0 : flowComplete(leaf.flow);
  if (leaf.kind === "sequence") return sequenceComplete(leaf);
  if (leaf.kind === "audience") return Boolean(leaf.audience);
  if (leaf.kind === "behaviour") return behaviourComplete(leaf);
  if (leaf.kind !== "tag") return true;
  const type = fields.tagType(leaf.dataset, leaf.tag);
  if (!type) return true;
  const shape = valueShape(type, leaf.operator);
  if (shape === "list") return Array.isArray(leaf.value) && leaf.value.length > 0;
  if (shape === "number") return isNumber(leaf.value);
  if (shape === "range") return rangeComplete(leaf.value);
  if (shape === "window") return windowComplete(leaf.value);
  if (shape === "days") return isNumber(leaf.value?.days);
  return true;
}

function rangeComplete(value) {
  return Array.isArray(value) && value.every(isNumber) && value[0] <= value[1];
}

function rfmComplete({ types, min_scores: least, ranges }) {
  if (types) return types.length > 0;
  if (least) return Object.values(least).some(isNumber);
  const given = Object.values(ranges || {});
  return given.length > 0 && given.every(([low, high]) => (isNumber(low) || isNumber(high)) && !(isNumber(low) && isNumber(high) && low > high));
}

function flowComplete({ from, to, transitions }) {
  const exact = typeof from === "string" && typeof to === "string";
  return transitions.length > 0 && (!exact || (from < to && inOrder(from, to)));
}

function recordsComplete(records) {
  return (records.objects || []).every((entry) => entry.name && (!takesValues(entry) || entry.value?.length));
}

/** Steps, and what may not lie between them, may be anything. */
function sequenceComplete(leaf) {
  if (leaf.window && !windowComplete(leaf.window)) return false;
  return leaf.steps.every((step) => recordsComplete(step) && (step.not_between || []).every(recordsComplete));
}

function behaviourComplete(leaf) {
  if (leaf.window && !windowComplete(leaf.window)) return false;
  if (!recordsComplete(leaf)) return false;
  return !leaf.having || havingComplete(leaf.having);
}

export function listText(values, most = 3) {
  const shown = values.slice(0, most).join(", ");
  return values.length > most ? gettext("%(shown)s and %(more)s more", { shown, more: values.length - most }) : shown;
}

function gapText(gap) {
  const [unit, value] = Object.entries(gap)[0];
  const words = { days: gettext("days"), hours: gettext("hours"), minutes: gettext("minutes") };
  return `≤ ${value} ${words[unit] || unit}`;
}

/** The records of a step in a few words. */
export function describeRecords(records, fields, dataset) {
  const parts = [records.type?.length ? listText(records.type, 2) : gettext("anything")];
  for (const entry of records.objects || []) {
    if (entry.operator !== "any") parts.push(`${fields.objectName(dataset, entry.name)}: ${objectText(entry)}`);
  }
  if (records.channel?.length) parts.push(listText(records.channel, 2));
  return parts.join(", ");
}

function sequenceText(leaf, fields) {
  const steps = leaf.steps.map((step) => {
    const barrier = step.not_between?.length ? gettext(" (without %(what)s)", { what: step.not_between.map((item) => describeRecords(item, fields, leaf.dataset)).join("; ") }) : "";
    return `${describeRecords(step, fields, leaf.dataset)}${step.within ? ` (${gapText(step.within)})` : ""}${barrier}`;
  });
  const when = leaf.window && leaf.window.kind !== "any" ? ` · ${describeWindow(leaf.window)}` : "";
  return steps.join(" → ") + when;
}

function memberText(leaf, fields) {
  if (leaf.snapshot === undefined) return gettext("is a member");
  const name = fields.snapshot(leaf.audience, leaf.snapshot)?.name || gettext("a snapshot that is gone");
  return gettext("was a member: %(snapshot)s", { snapshot: name });
}

/** Title and detail line of a card. */
export function describe(leaf, fields) {
  if (leaf.kind === "audience") return { title: fields.audienceName(leaf.audience), detail: memberText(leaf, fields) };
  if (leaf.kind === "behaviour") return describeBehaviour(leaf, fields);
  if (leaf.kind === "rfm") return { title: fields.datasetName(leaf.dataset), detail: rfmText(leaf) };
  if (leaf.kind === "sequence") return { title: gettext("One after another"), detail: sequenceText(leaf, fields) };
  if (leaf.kind === "aipl") return { title: fields.datasetName(leaf.dataset), detail: aiplText(leaf) };
  if (leaf.kind !== "tag") return { title: leaf.kind, detail: fields.datasetName(leaf.dataset) };
  const type = fields.tagType(leaf.dataset, leaf.tag);
  const operator = (OPERATORS[type] || []).find(([key]) => key === leaf.operator);
  const words = operator ? operator[1]() : leaf.operator;
  return { title: fields.tagName(leaf.dataset, leaf.tag), detail: `${words} ${valueText(leaf, type)}`.trim() };
}

function valueText(leaf, type) {
  const shape = valueShape(type || "enum", leaf.operator);
  if (shape === "none") return "";
  if (shape === "list") return leaf.value?.length ? listText(leaf.value) : "…";
  if (shape === "number") return isNumber(leaf.value) ? formatNumber(leaf.value) : "…";
  if (shape === "range") return (leaf.value || []).map((end) => (isNumber(end) ? formatNumber(end) : "…")).join(" – ");
  if (shape === "days") return gettext("the next %(days)s days", { days: leaf.value?.days ?? "…" });
  return describeWindow(leaf.value);
}

function describeBehaviour(leaf, fields) {
  const types = leaf.type?.length ? listText(leaf.type, 2) : gettext("anything");
  const parts = [];
  for (const entry of leaf.objects || []) {
    const name = fields.objectName(leaf.dataset, entry.name);
    parts.push(`${name}: ${objectText(entry)}`);
  }
  if (leaf.channel?.length) parts.push([gettext("channel"), listText(leaf.channel, 2)].join(": "));
  if (leaf.window && leaf.window.kind !== "any") parts.push(describeWindow(leaf.window));
  if (leaf.having) parts.push(havingText(leaf.having));
  const title = leaf.did === false ? gettext("Did not do %(types)s", { types }) : gettext("Did %(types)s", { types });
  return { title, detail: parts.join(" · ") || fields.datasetName(leaf.dataset) };
}
