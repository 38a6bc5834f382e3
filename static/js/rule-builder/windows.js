/* Time windows: shortcuts, completeness, words, and the editor that date tags and behaviour share. */

import { clear, field, h, select, t } from "./dom.js";

const SHORTCUTS = [
  [() => t("Today"), { kind: "period", unit: "day", offset: 0 }],
  [() => t("Yesterday"), { kind: "period", unit: "day", offset: -1 }],
  [() => t("Last 7 days"), { kind: "last_days", days: 7 }],
  [() => t("Last 30 days"), { kind: "last_days", days: 30 }],
  [() => t("Last 90 days"), { kind: "last_days", days: 90 }],
  [() => t("This week"), { kind: "period", unit: "week", offset: 0 }],
  [() => t("Last week"), { kind: "period", unit: "week", offset: -1 }],
  [() => t("This month"), { kind: "period", unit: "month", offset: 0 }],
  [() => t("Last month"), { kind: "period", unit: "month", offset: -1 }],
  [() => t("This quarter"), { kind: "period", unit: "quarter", offset: 0 }],
  [() => t("This year"), { kind: "period", unit: "year", offset: 0 }],
  [() => t("Last year"), { kind: "period", unit: "year", offset: -1 }],
];

const KINDS = [
  ["any", () => t("any time")],
  ["last_days", () => t("the last days")],
  ["next_days", () => t("the next days")],
  ["between", () => t("between two dates")],
  ["before", () => t("before a date")],
  ["after", () => t("after a date")],
  ["period", () => t("a calendar period")],
  ["relative", () => t("counted from today")],
];

const UNITS = [
  ["day", () => t("days")],
  ["week", () => t("weeks")],
  ["month", () => t("months")],
  ["quarter", () => t("quarters")],
  ["year", () => t("years")],
];
const SINGLE = { day: () => t("day"), week: () => t("week"), month: () => t("month"), quarter: () => t("quarter"), year: () => t("year") };

const DEFAULTS = {
  any: () => ({ kind: "any" }),
  last_days: () => ({ kind: "last_days", days: 30 }),
  next_days: () => ({ kind: "next_days", days: 7 }),
  between: () => ({ kind: "between", from: "", to: "" }),
  before: () => ({ kind: "before", at: "" }),
  after: () => ({ kind: "after", at: "" }),
  period: () => ({ kind: "period", unit: "month", offset: 0 }),
  relative: () => ({ kind: "relative", from: { offset: -30, unit: "day" }, to: { offset: -7, unit: "day" } }),
};

export function windowComplete(value) {
  if (!value) return false;
  if (value.kind === "between") return Boolean(value.from && value.to && value.from <= value.to);
  if (value.kind === "before" || value.kind === "after") return Boolean(value.at);
  if (value.kind === "last_days" || value.kind === "next_days") return value.days >= 1 && value.days <= 3650;
  if (value.kind === "relative") return Number.isInteger(value.from?.offset) && Number.isInteger(value.to?.offset);
  return true;
}

const same = (a, b) => JSON.stringify(sorted(a)) === JSON.stringify(sorted(b));
const sorted = (value) => Object.fromEntries(Object.entries(value || {}).sort());

export function describeWindow(value) {
  if (!value) return t("any time");
  const shortcut = SHORTCUTS.find(([, known]) => same(known, value));
  if (shortcut) return shortcut[0]().toLowerCase();
  switch (value.kind) {
    case "last_days":
      return value.include_today
        ? t("the last %(days)s days with today", { days: value.days })
        : t("the last %(days)s days", { days: value.days });
    case "next_days":
      return t("the next %(days)s days", { days: value.days });
    case "between":
      return `${value.from || "…"} – ${value.to || "…"}`;
    case "before":
      return t("before %(day)s", { day: value.at || "…" });
    case "after":
      return t("after %(day)s", { day: value.at || "…" });
    case "period":
      return periodText(value);
    case "relative":
      return `${offsetText(value.from)} – ${offsetText(value.to)}`;
    default:
      return t("any time");
  }
}

function periodText(value) {
  const unit = SINGLE[value.unit]?.() || value.unit;
  if (value.offset === 0) return t("this %(unit)s", { unit });
  if (value.offset === 1) return t("next %(unit)s", { unit });
  if (value.offset === -1) return t("last %(unit)s", { unit });
  const units = UNITS.find(([key]) => key === value.unit)?.[1]() || value.unit;
  return value.offset < 0
    ? t("%(number)s %(units)s ago", { number: -value.offset, units })
    : t("in %(number)s %(units)s", { number: value.offset, units });
}

function offsetText(end) {
  const units = UNITS.find(([key]) => key === end?.unit)?.[1]() || "";
  if (!end || end.offset === 0) return t("today");
  return end.offset < 0
    ? t("%(number)s %(units)s ago", { number: -end.offset, units })
    : t("in %(number)s %(units)s", { number: end.offset, units });
}

/** An editor of one window; calls `onchange(window)`. `allowAny` offers "any time". */
export function windowEditor(value, onchange, { allowAny = true } = {}) {
  const box = h("div", { class: "rb-window" });
  draw(value || DEFAULTS.any());
  return box;

  function set(next) {
    onchange(next);
    draw(next);
  }

  function draw(current) {
    clear(box);
    const kinds = KINDS.filter(([key]) => allowAny || key !== "any").map(([key, label]) => [key, label()]);
    box.append(
      h(
        "div",
        { class: "rb-shortcuts mb-2", role: "group", "aria-label": t("Shortcuts") },
        SHORTCUTS.map(([label, known]) =>
          h(
            "button",
            {
              type: "button",
              class: `btn btn-sm ${same(known, current) ? "btn-primary" : ""}`,
              "aria-pressed": same(known, current) ? "true" : "false",
              onclick: () => set({ ...known }),
            },
            label(),
          ),
        ),
      ),
      field(t("Time"), select(kinds, current.kind, (kind) => set(DEFAULTS[kind]()))),
      details(current),
    );
  }

  function details(current) {
    const update = (changes) => onchange(Object.assign(current, changes) && { ...current });
    switch (current.kind) {
      case "last_days":
      case "next_days":
        return h(
          "div",
          {},
          field(t("Number of days"), number(current.days, (days) => update({ days }), { min: 1, max: 3650 })),
          check(t("with today"), Boolean(current.include_today), (on) => {
            if (on) update({ include_today: true });
            else {
              delete current.include_today;
              update({});
            }
          }),
        );
      case "between":
        return h(
          "div",
          { class: "row g-2" },
          h("div", { class: "col-6" }, field(t("From"), day(current.from, (from) => update({ from })))),
          h("div", { class: "col-6" }, field(t("To, inclusive"), day(current.to, (to) => update({ to })))),
        );
      case "before":
      case "after":
        return field(t("Date"), day(current.at, (at) => update({ at })));
      case "period":
        return h(
          "div",
          { class: "row g-2" },
          h("div", { class: "col-6" }, field(t("Period"), select(unitChoices(), current.unit, (unit) => update({ unit })))),
          h(
            "div",
            { class: "col-6" },
            field(
              t("Which one"),
              number(current.offset, (offset) => update({ offset }), { min: -120, max: 120 }),
              t("0 is this one, -1 the last one, 1 the next one."),
            ),
          ),
        );
      case "relative":
        return h(
          "div",
          {},
          relativeEnd(t("From"), current.from, (from) => update({ from })),
          relativeEnd(t("To, inclusive"), current.to, (to) => update({ to })),
          h("small", { class: "form-hint" }, t("Negative numbers lie before today; the window moves with the day of each refresh.")),
        );
      default:
        return h("div");
    }
  }

  function relativeEnd(label, end, set) {
    return h(
      "div",
      { class: "row g-2" },
      h("div", { class: "col-5" }, field(label, number(end.offset, (offset) => set(Object.assign(end, { offset })), { min: -3650, max: 3650 }))),
      h("div", { class: "col-7" }, field(t("Unit"), select(unitChoices(), end.unit, (unit) => set(Object.assign(end, { unit }))))),
    );
  }
}

const unitChoices = () => UNITS.map(([key, label]) => [key, label()]);

export function number(value, onchange, more = {}) {
  return h("input", {
    type: "number",
    class: "form-control",
    value: value === null || value === undefined ? "" : String(value),
    ...Object.fromEntries(Object.entries(more).map(([name, limit]) => [name, String(limit)])),
    oninput: (event) => onchange(event.target.value === "" ? null : Number(event.target.value)),
  });
}

export function check(label, checked, onchange) {
  return h(
    "label",
    { class: "form-check" },
    h("input", { type: "checkbox", class: "form-check-input", checked, onchange: (event) => onchange(event.target.checked) }),
    h("span", { class: "form-check-label" }, label),
  );
}

function day(value, onchange) {
  const input = h("input", {
    type: "text",
    class: "form-control",
    placeholder: "2026-01-31",
    value: value || "",
    autocomplete: "off",
    onchange: (event) => onchange(event.target.value.trim()),
  });
  if (window.flatpickr) {
    const picker = window.flatpickr(input, { allowInput: true, dateFormat: "Y-m-d", onChange: (_days, text) => onchange(text) });
    input.addEventListener("keydown", (event) => event.key === "Escape" && picker.close());
  }
  return input;
}
