/* What the builder knows of conditions: operators per tag type, defaults, when one is finished, its short title. */

import { formatNumber, t } from "./dom.js";
import { describeWindow, windowComplete } from "./windows.js";

export const OPERATORS = {
  enum: [
    ["in", () => t("is one of")],
    ["not_in", () => t("is none of")],
    ["empty", () => t("has no value")],
    ["not_empty", () => t("has a value")],
  ],
  text: [
    ["in", () => t("is exactly one of")],
    ["not_in", () => t("is none of")],
    ["contains", () => t("contains")],
    ["not_contains", () => t("does not contain")],
    ["starts_with", () => t("starts with")],
    ["not_starts_with", () => t("does not start with")],
    ["ends_with", () => t("ends with")],
    ["not_ends_with", () => t("does not end with")],
    ["empty", () => t("has no value")],
    ["not_empty", () => t("has a value")],
  ],
  multi: [
    ["contains", () => t("has at least one of")],
    ["contains_all", () => t("has all of")],
    ["contains_none", () => t("has none of")],
    ["empty", () => t("has no value")],
    ["not_empty", () => t("has a value")],
  ],
  number: [
    ["between", () => t("is between")],
    ["not_between", () => t("is not between")],
    ["=", () => "="],
    ["!=", () => "≠"],
    [">", () => ">"],
    [">=", () => "≥"],
    ["<", () => "<"],
    ["<=", () => "≤"],
    ["empty", () => t("has no value")],
    ["not_empty", () => t("has a value")],
  ],
  date: [
    ["within", () => t("is within")],
    ["not_within", () => t("is not within")],
    ["anniversary_within", () => t("has its anniversary within")],
    ["empty", () => t("has no value")],
    ["not_empty", () => t("has a value")],
  ],
};

const NO_VALUE = new Set(["empty", "not_empty"]);
export const NEGATIVE = new Set([
  "not_in", "not_contains", "not_starts_with", "not_ends_with", "contains_none", "!=", "not_between", "not_within",
]);

export const MEASURES = [
  ["times", () => t("times")],
  ["amount", () => t("amount")],
  ["days", () => t("days with it")],
  ["amount_per_time", () => t("amount per time")],
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
export function isComplete(leaf, fields) {
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
  return values.length > most ? t("%(shown)s and %(more)s more", { shown, more: values.length - most }) : shown;
}

/** Title and detail line of a card. */
export function describe(leaf, fields) {
  if (leaf.kind === "audience") return { title: fields.audienceName(leaf.audience), detail: t("is a member") };
  if (leaf.kind === "behaviour") return describeBehaviour(leaf, fields);
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
  if (shape === "days") return t("the next %(days)s days", { days: leaf.value?.days ?? "…" });
  return describeWindow(leaf.value);
}

function describeBehaviour(leaf, fields) {
  const types = leaf.type?.length ? listText(leaf.type, 2) : t("anything");
  const parts = [];
  for (const entry of leaf.objects || []) {
    parts.push(entry.operator === "any" ? `${entry.name}: ${t("any")}` : `${entry.name}: ${listText(entry.value || [], 2)}`);
  }
  if (leaf.channel?.length) parts.push(`${t("channel")}: ${listText(leaf.channel, 2)}`);
  if (leaf.window && leaf.window.kind !== "any") parts.push(describeWindow(leaf.window));
  if (leaf.having) parts.push(havingText(leaf.having));
  const title = leaf.did === false ? t("Did not do %(types)s", { types }) : t("Did %(types)s", { types });
  return { title, detail: parts.join(" · ") || fields.datasetName(leaf.dataset) };
}

export function havingText(node) {
  if (node.items) return node.items.map(havingText).join(node.op === "or" ? ` ${t("or")} ` : ` ${t("and")} `);
  const measure = MEASURES.find(([key]) => key === node.measure)?.[1]() || node.measure;
  const comparison = COMPARISONS.find(([key]) => key === node.operator)?.[1] || node.operator;
  if (node.operator === "between") {
    return `${measure} ${(node.value || []).map((end) => (isNumber(end) ? formatNumber(end) : "…")).join(" – ")}`;
  }
  return `${measure} ${comparison} ${isNumber(node.value) ? formatNumber(node.value) : "…"}`;
}
