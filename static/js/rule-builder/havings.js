/* Limits on what a person's records come to: how often, how much, when first or last. Their words and completeness. */

import { formatNumber, gettext } from "./dom.js";
import { inOrder, isMoment, momentText } from "./moments.js";
import { describeWindow, windowComplete } from "./windows.js";

export const MEASURES = [
  ["times", () => gettext("times")],
  ["amount", () => gettext("amount")],
  ["days", () => gettext("days with it")],
  ["amount_per_time", () => gettext("amount per time")],
  ["last_at", () => gettext("the last time")],
  ["first_at", () => gettext("the first time")],
];
const MOMENTS = new Set(["last_at", "first_at"]);

const COMPARISONS = [
  [">=", () => "≥"],
  [">", () => ">"],
  ["=", () => "="],
  ["<=", () => "≤"],
  ["<", () => "<"],
  ["!=", () => "≠"],
  ["between", () => "…"],
];

const MOMENT_COMPARISONS = [
  ["within", () => gettext("is within")],
  ["between", () => gettext("is between")],
  ["=", () => gettext("is on")],
  ["!=", () => gettext("is not on")],
  [">=", () => gettext("is on or after")],
  [">", () => gettext("is after")],
  ["<=", () => gettext("is on or before")],
  ["<", () => gettext("is before")],
];

export const isMomentMeasure = (measure) => MOMENTS.has(measure);

export function comparisonsOf(measure) {
  return isMomentMeasure(measure) ? MOMENT_COMPARISONS : COMPARISONS;
}

/** What a limit takes: number, range, moment, moments or window. */
export function limitShape({ measure, operator }) {
  if (!isMomentMeasure(measure)) return operator === "between" ? "range" : "number";
  return { within: "window", between: "moments" }[operator] || "moment";
}

const DEFAULTS = {
  number: () => 2,
  range: () => [1, 10],
  moment: () => "",
  moments: () => ["", ""],
  window: () => ({ kind: "last_days", days: 30 }),
};

export function newLimit() {
  return { measure: "times", operator: ">=", value: 2 };
}

/** The limit with a measure or operator changed; its value stays where the new one takes such a value, too. */
export function changedLimit(limit, changes) {
  const next = { ...limit, ...changes };
  if (!comparisonsOf(next.measure).some(([key]) => key === next.operator)) next.operator = ">=";
  if (isMomentMeasure(next.measure) && !isMomentMeasure(limit.measure)) next.operator = "within";
  const shape = limitShape(next);
  if (shape !== limitShape(limit)) next.value = DEFAULTS[shape]();
  return next;
}

const isNumber = (value) => typeof value === "number" && Number.isFinite(value);

export function havingComplete(node) {
  if (node.items) return node.items.length > 0 && node.items.every(havingComplete);
  const { value } = node;
  switch (limitShape(node)) {
    case "window":
      return windowComplete(value);
    case "moments":
      return Array.isArray(value) && inOrder(...value);
    case "moment":
      return isMoment(value);
    case "range":
      return Array.isArray(value) && value.every(isNumber) && value[0] <= value[1];
    default:
      return isNumber(value);
  }
}

export function havingText(node, inner = false) {
  if (node.items) {
    const text = node.items.map((item) => havingText(item, true)).join([" ", node.op === "or" ? gettext("or") : gettext("and"), " "].join(""));
    return inner && node.items.length > 1 ? `(${text})` : text;
  }
  const measure = MEASURES.find(([key]) => key === node.measure)?.[1]() || node.measure;
  const comparison = comparisonsOf(node.measure).find(([key]) => key === node.operator)?.[1]() || node.operator;
  const shown = (end) => (isNumber(end) ? formatNumber(end) : "…");
  switch (limitShape(node)) {
    case "window":
      return `${measure} ${describeWindow(node.value)}`;
    case "moments":
      return `${measure} ${(node.value || []).map(momentText).join(" – ")}`;
    case "moment":
      return `${measure} ${comparison} ${momentText(node.value)}`;
    case "range":
      return `${measure} ${(node.value || []).map(shown).join(" – ")}`;
    default:
      return `${measure} ${comparison} ${shown(node.value)}`;
  }
}
