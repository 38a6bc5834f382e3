/* A look at up to a hundred people, or items, that the rule matches, with their tag values. */

import { clear, formatNumber, h, gettext } from "./dom.js";

const PEOPLE = {
  nobody: () => gettext("Nobody matches this rule."),
  some: (numbers) => gettext("%(shown)s of %(count)s people.", numbers),
  all: (numbers) => gettext("%(count)s people.", numbers),
};

/** `words` say what is counted. */
export async function showMembers(dialog, api, rule, words = PEOPLE) {
  const body = dialog.querySelector("[data-preview-body]");
  clear(body).append(h("div", { class: "placeholder-glow" }, h("div", { class: "placeholder col-12 mb-2" }), h("div", { class: "placeholder col-9" })));
  dialog.showModal();
  try {
    const answer = await api.latest("members", api.urls.preview_members, { rule });
    clear(body).append(answer.rows.length ? table(answer, words) : h("p", { class: "text-secondary" }, words.nobody()));
  } catch (error) {
    if (error.name !== "AbortError") clear(body).append(h("div", { class: "alert alert-danger", role: "alert" }, error.message));
  }
}

function table({ columns, rows, count }, words) {
  const numbers = { shown: formatNumber(rows.length), count: formatNumber(count) };
  const note = count > rows.length ? words.some(numbers) : words.all(numbers);
  return h(
    "div",
    {},
    h("p", { class: "text-secondary" }, note),
    h(
      "div",
      { class: "table-responsive rb-preview", tabindex: "0" },
      h(
        "table",
        { class: "table table-sm table-vcenter" },
        h("thead", {}, h("tr", {}, columns.map((column) => h("th", { scope: "col" }, column.label)))),
        h("tbody", {}, rows.map((row) => h("tr", {}, row.map((value) => h("td", {}, text(value)))))),
      ),
    ),
  );
}

function text(value) {
  if (value === null || value === undefined) return h("span", { class: "text-secondary" }, "–");
  return Array.isArray(value) ? value.join(", ") : String(value);
}
