/* Time windows: shortcuts, completeness, words, and the editor that date tags and behaviour share. */

import { clear, field, h, select, gettext } from "./dom.js";
import { hasTime, inOrder, isMoment, momentInput, momentText } from "./moments.js";

const SHORTCUTS = [
  [() => gettext("Today"), { kind: "period", unit: "day", offset: 0 }],
  [() => gettext("Yesterday"), { kind: "period", unit: "day", offset: -1 }],
  [() => gettext("Last 7 days"), { kind: "last_days", days: 7 }],
  [() => gettext("Last 30 days"), { kind: "last_days", days: 30 }],
  [() => gettext("Last 90 days"), { kind: "last_days", days: 90 }],
  [() => gettext("This week"), { kind: "period", unit: "week", offset: 0 }],
  [() => gettext("Last week"), { kind: "period", unit: "week", offset: -1 }],
  [() => gettext("This month"), { kind: "period", unit: "month", offset: 0 }],
  [() => gettext("Last month"), { kind: "period", unit: "month", offset: -1 }],
  [() => gettext("This quarter"), { kind: "period", unit: "quarter", offset: 0 }],
  [() => gettext("This year"), { kind: "period", unit: "year", offset: 0 }],
  [() => gettext("Last year"), { kind: "period", unit: "year", offset: -1 }],
];

const KINDS = [
  ["any", () => gettext("any time")],
  ["last_days", () => gettext("the last days")],
  ["next_days", () => gettext("the next days")],
  ["between", () => gettext("between two dates")],
  ["before", () => gettext("before a date")],
  ["after", () => gettext("after a date")],
  ["period", () => gettext("a calendar period")],
  ["relative", () => gettext("counted from today")],
];

const UNITS = [
  ["day", () => gettext("days")],
  ["week", () => gettext("weeks")],
  ["month", () => gettext("months")],
  ["quarter", () => gettext("quarters")],
  ["year", () => gettext("years")],
];
const SINGLE = { day: () => gettext("day"), week: () => gettext("week"), month: () => gettext("month"), quarter: () => gettext("quarter"), year: () => gettext("year") };

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
  if (value.kind === "between") return inOrder(value.from, value.to);
  if (value.kind === "before" || value.kind === "after") return isMoment(value.at);
  if (value.kind === "last_days" || value.kind === "next_days") return Number.isInteger(value.days) && value.days >= 1 && value.days <= 3650;
  if (value.kind === "relative") return Number.isInteger(value.from?.offset) && Number.isInteger(value.to?.offset);
  if (value.kind === "period") return Number.isInteger(value.offset ?? 0);
  return true;
}

const same = (a, b) => JSON.stringify(sorted(a)) === JSON.stringify(sorted(b));
const sorted = (value) => Object.fromEntries(Object.entries(value || {}).sort());

export function describeWindow(value) {
  if (!value) return gettext("any time");
  const shortcut = SHORTCUTS.find(([, known]) => same(known, value));
  if (shortcut) return shortcut[0]().toLowerCase();
  switch (value.kind) {
    case "last_days":
      return value.include_today
        ? gettext("the last %(days)s days with today", { days: value.days })
        : gettext("the last %(days)s days", { days: value.days });
    case "next_days":
      return value.include_today
        ? gettext("the next %(days)s days with today", { days: value.days })
        : gettext("the next %(days)s days", { days: value.days });
    case "between":
      return `${momentText(value.from)} – ${momentText(value.to)}`;
    case "before":
      return gettext("before %(day)s", { day: momentText(value.at) });
    case "after":
      return gettext("after %(day)s", { day: momentText(value.at) });
    case "period":
      return periodText(value);
    case "relative":
      return `${offsetText(value.from)} – ${offsetText(value.to)}`;
    default:
      return gettext("any time");
  }
}

function periodText(value) {
  const unit = SINGLE[value.unit]?.() || value.unit;
  if (!value.offset) return gettext("this %(unit)s", { unit });
  if (value.offset === 1) return gettext("next %(unit)s", { unit });
  if (value.offset === -1) return gettext("last %(unit)s", { unit });
  const units = UNITS.find(([key]) => key === value.unit)?.[1]() || value.unit;
  return value.offset < 0
    ? gettext("%(number)s %(units)s ago", { number: -value.offset, units })
    : gettext("in %(number)s %(units)s", { number: value.offset, units });
}

function offsetText(end) {
  const units = UNITS.find(([key]) => key === end?.unit)?.[1]() || "";
  if (!end || end.offset === 0) return gettext("today");
  return end.offset < 0
    ? gettext("%(number)s %(units)s ago", { number: -end.offset, units })
    : gettext("in %(number)s %(units)s", { number: end.offset, units });
}

/** An editor of one window; calls `onchange(window)`. `withTime` offers times of day beside dates. */
export function windowEditor(value, onchange, { withTime = false } = {}) {
  const box = h("div", { class: "rb-window" });
  draw(value || DEFAULTS.any());
  return box;

  function set(next) {
    onchange(next);
    draw(next);
  }

  function draw(current) {
    clear(box);
    const kinds = KINDS.map(([key, label]) => [key, label()]);
    box.append(
      h(
        "div",
        { class: "rb-shortcuts mb-2", role: "group", "aria-label": gettext("Shortcuts") },
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
      field(gettext("Time"), select(kinds, current.kind, (kind) => set(DEFAULTS[kind]()))),
      details(current),
    );
  }

  function details(current) {
    // Never in place: the window may still stand in an older state of the rule.
    const update = (changes) => {
      current = { ...current, ...changes };
      onchange(current);
    };
    switch (current.kind) {
      case "last_days":
      case "next_days":
        return h(
          "div",
          {},
          field(gettext("Number of days"), number(current.days, (days) => update({ days }), { min: 1, max: 3650 })),
          check(gettext("with today"), Boolean(current.include_today), (on) => {
            const { include_today: _before, ...rest } = current;
            current = on ? { ...rest, include_today: true } : rest;
            onchange(current);
          }),
        );
      case "between": {
        const wide = withTime || hasTime(current.from) || hasTime(current.to) ? "col-12" : "col-6";
        return h(
          "div",
          { class: "row g-2" },
          h("div", { class: wide }, field(gettext("From"), moment(current.from, (from) => update({ from })))),
          h("div", { class: wide }, field(gettext("To, inclusive"), moment(current.to, (to) => update({ to })))),
        );
      }
      case "before":
      case "after":
        return field(gettext("Date"), moment(current.at, (at) => update({ at })));
      case "period":
        return h(
          "div",
          { class: "row g-2" },
          h("div", { class: "col-6" }, field(gettext("Period"), select(unitChoices(), current.unit, (unit) => update({ unit })))),
          h(
            "div",
            { class: "col-6" },
            field(
              gettext("Which one"),
              number(current.offset ?? 0, (offset) => update({ offset }), { min: -120, max: 120 }),
              gettext("0 is this one, -1 the last one, 1 the next one."),
            ),
          ),
        );
      case "relative":
        return h(
          "div",
          {},
          relativeEnd(gettext("From"), current.from, (from) => update({ from })),
          relativeEnd(gettext("To, inclusive"), current.to, (to) => update({ to })),
          h("small", { class: "form-hint" }, gettext("Negative numbers lie before today; the window moves with the day of each refresh.")),
        );
      default:
        return h("div");
    }
  }

  function moment(value, change) {
    return momentInput(value, change, { withTime });
  }

  function relativeEnd(label, end, change) {
    const set = (changes) => {
      end = { ...end, ...changes };
      change(end);
    };
    return h(
      "div",
      { class: "row g-2" },
      h("div", { class: "col-5" }, field(label, number(end.offset, (offset) => set({ offset }), { min: -3650, max: 3650 }))),
      h("div", { class: "col-7" }, field(gettext("Unit"), select(unitChoices(), end.unit, (unit) => set({ unit })))),
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
