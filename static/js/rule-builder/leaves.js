/* What the builder knows of conditions: operators per tag type, defaults, when one is finished, its short title. */

import { formatNumber, gettext } from "./dom.js";
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

export const MEASURES = [
  ["times", () => gettext("times")],
  ["amount", () => gettext("amount")],
  ["days", () => gettext("days with it")],
  ["amount_per_time", () => gettext("amount per time")],
];

export const COMPARISONS = [
  [">=", "≥"],
  [">", ">"],
  ["=", "="],
  ["<=", "≤"],
  ["<", "<"],
  ["!=", "≠"],
  ["between", "…"],
];

export function needsValue(operator) {
  return !NO_VALUE.has(operator);
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

export function newAudienceLeaf(audience) {
  return { kind: "audience", audience };
}

const isNumber = (value) => typeof value === "number" && Number.isFinite(value);

/** Whether the condition can be counted. `fields` knows the type of each tag. */
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

function rfmText(leaf) {
  if (leaf.types) return RFM_TYPES.filter(([key]) => leaf.types.includes(key)).map(([, label]) => label()).join(", ") || "…";
  const scores = Object.entries(leaf.min_scores || {}).map(([name, value]) => `${name.toUpperCase()} ≥ ${value}`);
  const ranges = Object.entries(leaf.ranges || {}).map(([name, ends]) => `${name}: ${ends[0] ?? "…"} – ${ends[1] ?? "…"}`);
  return [...scores, ...ranges].join(" · ");
}

export function isComplete(leaf, fields) {
  if (leaf.kind === "rfm") return !leaf.types || leaf.types.length > 0;
  if (leaf.kind === "audience") return Boolean(leaf.audience);
  if (leaf.kind === "behaviour") return behaviourComplete(leaf);
  if (leaf.kind !== "tag") return true;
  const type = fields.tagType(leaf.dataset, leaf.tag);
  if (!type) return true;
  const shape = valueShape(type, leaf.operator);
  if (shape === "list") return Array.isArray(leaf.value) && leaf.value.length > 0;
  if (shape === "number") return isNumber(leaf.value);
  if (shape === "range") return leaf.value?.every(isNumber) && leaf.value[0] <= leaf.value[1];
  if (shape === "window") return windowComplete(leaf.value);
  if (shape === "days") return isNumber(leaf.value?.days);
  return true;
}

function behaviourComplete(leaf) {
  if (leaf.window && !windowComplete(leaf.window)) return false;
  for (const entry of leaf.objects || []) {
    if (!entry.name || (entry.operator !== "any" && !entry.value?.length)) return false;
  }
  return !leaf.having || havingComplete(leaf.having);
}

function havingComplete(node) {
  if (node.items) return node.items.length > 0 && node.items.every(havingComplete);
  if (node.operator === "between") return Array.isArray(node.value) && node.value.every(isNumber);
  return isNumber(node.value);
}

export function listText(values, most = 3) {
  const shown = values.slice(0, most).join(", ");
  return values.length > most ? gettext("%(shown)s and %(more)s more", { shown, more: values.length - most }) : shown;
}

function stepText(step) {
  return step.type ? listText(step.type) : gettext("anything");
}

/** Title and detail line of a card. */
export function describe(leaf, fields) {
  if (leaf.kind === "audience") return { title: fields.audienceName(leaf.audience), detail: gettext("is a member") };
  if (leaf.kind === "behaviour") return describeBehaviour(leaf, fields);
  if (leaf.kind === "rfm") return { title: fields.datasetName(leaf.dataset), detail: rfmText(leaf) };
  if (leaf.kind === "sequence") return { title: gettext("One after another"), detail: leaf.steps.map(stepText).join(" → ") };
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
    parts.push(`${name}: ${entry.operator === "any" ? gettext("any") : listText(entry.value || [], 2)}`);
  }
  if (leaf.channel?.length) parts.push([gettext("channel"), listText(leaf.channel, 2)].join(": "));
  if (leaf.window && leaf.window.kind !== "any") parts.push(describeWindow(leaf.window));
  if (leaf.having) parts.push(havingText(leaf.having));
  const title = leaf.did === false ? gettext("Did not do %(types)s", { types }) : gettext("Did %(types)s", { types });
  return { title, detail: parts.join(" · ") || fields.datasetName(leaf.dataset) };
}

export function havingText(node) {
  if (node.items) return node.items.map(havingText).join([" ", node.op === "or" ? gettext("or") : gettext("and"), " "].join(""));
  const measure = MEASURES.find(([key]) => key === node.measure)?.[1]() || node.measure;
  const comparison = COMPARISONS.find(([key]) => key === node.operator)?.[1] || node.operator;
  if (node.operator === "between") {
    return `${measure} ${(node.value || []).map((end) => (isNumber(end) ? formatNumber(end) : "…")).join(" – ")}`;
  }
  return `${measure} ${comparison} ${isNumber(node.value) ? formatNumber(node.value) : "…"}`;
}
