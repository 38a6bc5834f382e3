/* Where people are lost and won: what each condition leaves over, group by group. */

import { clear, formatNumber, h, gettext } from "./dom.js";
import { OP_WORDS } from "./canvas.js";

export async function showSteps(dialog, api, rule) {
  const body = dialog.querySelector("[data-steps-body]");
  clear(body).append(h("div", { class: "placeholder-glow" }, h("div", { class: "placeholder col-12 mb-2" }), h("div", { class: "placeholder col-9" })));
  dialog.showModal();
  try {
    const answer = await api.steps(rule);
    const parts = answer.groups.map((group) => table(group, answer.groups));
    clear(body).append(...(parts.length ? parts : [h("p", { class: "text-secondary mb-0" }, gettext("The rule has one condition, which %(count)s people fulfil.", { count: formatNumber(answer.count) }))]));
  } catch (error) {
    if (error.name !== "AbortError") clear(body).append(h("div", { class: "alert alert-danger", role: "alert" }, error.message));
  }
}

function table({ path, op, steps }) {
  const largest = Math.max(1, ...steps.map((step) => step.left));
  return h(
    "section",
    { class: "mb-4" },
    h("h3", { class: "h4" }, path ? gettext("Inside: %(operator)s", { operator: OP_WORDS[op].name() }) : OP_WORDS[op].name()),
    h(
      "div",
      { class: "table-responsive" },
      h(
        "table",
        { class: "table table-sm table-vcenter" },
        h("thead", {}, h("tr", {}, h("th", { scope: "col" }, gettext("Condition")), h("th", { scope: "col", class: "text-end" }, gettext("By itself")), h("th", { scope: "col", class: "text-end" }, gettext("After it")), h("th", { scope: "col", class: "text-end" }, gettext("Change")))),
        h("tbody", {}, steps.map((step, index) => row(step, steps[index - 1], largest, index && OP_WORDS[op].sign))),
      ),
    ),
  );
}

function row(step, before, largest, sign) {
  const change = before ? step.left - before.left : null;
  const share = before?.left ? ` (${((100 * change) / before.left).toFixed(1)} %)` : "";
  const bar = h("div", { class: "rb-step-bar", "aria-hidden": "true" }, h("div"));
  bar.firstChild.style.width = `${(100 * step.left) / largest}%`;
  return h(
    "tr",
    {},
    h("td", {}, sign ? h("span", { class: "text-secondary me-2", "aria-hidden": "true" }, sign) : null, step.text, bar),
    h("td", { class: "text-end td-number" }, formatNumber(step.alone)),
    h("td", { class: "text-end td-number fw-bold" }, formatNumber(step.left)),
    h("td", { class: "text-end td-number text-secondary" }, change === null ? "" : `${change > 0 ? "+" : change < 0 ? "−" : "±"}${formatNumber(Math.abs(change))}${share}`),
  );
}
