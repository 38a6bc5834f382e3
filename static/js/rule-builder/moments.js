/* Days, and days with a time, as rules write them: "2026-03-01", "2026-03-01T08:30:00". Their order, words and input. */

import { h, gettext } from "./dom.js";

const MOMENT = /^(\d{4}-\d{2}-\d{2})(?:[T ](\d{2}:\d{2}(?::\d{2}(?:\.\d{1,6})?)?))?$/;
const MIDNIGHT = "00:00:00.000000";
const DAY_OVER = "24:00:00.000000";

function parts(value) {
  const [, day = "", time = ""] = MOMENT.exec(value || "") || [];
  return { day, time };
}

export function isMoment(value) {
  const { day } = parts(value);
  return Boolean(day) && new Date(`${day}T00:00:00Z`).toJSON()?.slice(0, 10) === day;
}

export function hasTime(value) {
  return Boolean(parts(value).time);
}

/** In a form in which the order of texts is the order of times. */
const padded = ({ day, time }, whole) => `${day} ${time ? time + MIDNIGHT.slice(time.length) : whole}`;

/** Whether something lies between the beginning of the one and the end of the other. */
export function inOrder(first, last) {
  return isMoment(first) && isMoment(last) && padded(parts(first), MIDNIGHT) <= padded(parts(last), DAY_OVER);
}

export function momentText(value) {
  return value ? value.replace("T", " ") : "…";
}

/**
 * A day, and where `withTime` beside it a time, which may stay empty for the whole day. `onchange(value)` gets both as
 * rules write them; a time that is there already can always be seen and changed.
 */
export function momentInput(value, onchange, { label = "", withTime = false } = {}) {
  let { day, time } = value && MOMENT.test(value) ? parts(value) : { day: value || "", time: "" };
  const set = () => onchange(day && time ? `${day}T${time}` : day);
  const input = dayInput(day, (next) => {
    day = next;
    set();
  });
  if (label) input.setAttribute("aria-label", label);
  if (!withTime && !time) return input;
  const exact = !/^(\d{2}:\d{2}(:00)?)?$/.test(time);
  const clock = h("input", {
    type: "time",
    class: "form-control",
    step: exact ? "1" : "60",
    value: time.slice(0, exact ? 8 : 5),
    "aria-label": gettext("Time of day; empty means the whole day"),
    title: gettext("Time of day; empty means the whole day"),
    onchange: (event) => {
      time = event.target.value;
      set();
    },
  });
  return h("div", { class: "rb-moment" }, input, clock);
}

function dayInput(value, onchange) {
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
