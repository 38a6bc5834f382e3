/* The page of set operations: audiences searched on the server, what does not fit greyed, the brackets made visible. */

import { formatNumber, gettext, h } from "./rule-builder/dom.js";

const find = (name) => document.querySelector(`[name=${name}]`);
const place = document.querySelector("[data-choices]");
const inputs = ["first", "second", "third"].map(find);
const operators = ["operator_1", "operator_2"].map(find);
const narrow = document.querySelectorAll("[data-narrow-by]");
const brackets = document.querySelector("[data-brackets]");
const SIGNS = { union: "∪", intersect: "∩", subtract: "−" };

async function search(select, term) {
  const address = new URL(place.dataset.choices, location.href);
  address.searchParams.set("search", term);
  for (const filter of narrow) address.searchParams.set(filter.dataset.narrowBy, filter.value);
  for (const other of inputs) if (other !== select && other.value) address.searchParams.append("beside", other.value);
  const response = await fetch(address, { headers: { Accept: "application/json" } });
  if (!response.ok) throw new Error(`HTTP ${response.status}`);
  return response.json();
}

function searchable(select) {
  const note = h("div", { class: "form-hint", role: "status" });
  let newest = null;
  const picker = new TomSelect(select, {
    valueField: "value",
    labelField: "text",
    searchField: ["text"],
    maxItems: 1,
    maxOptions: null,
    preload: "focus",
    loadThrottle: 200,
    placeholder: gettext("Search audiences"),
    plugins: select.name === "third" ? ["clear_button"] : [],
    shouldLoad: () => true,
    score: () => () => 1,
    sortField: [{ field: "$order" }],
    load(term, done) {
      const asked = search(select, term);
      newest = asked;
      asked.then(
        ({ results, total }) => {
          // An answer that a newer question has overtaken shows nothing.
          if (newest !== asked) return done([]);
          const audiences = results.filter((row) => !row.value.includes("/")).length;
          note.textContent = total > audiences ? gettext("%(shown)s of %(total)s audiences are listed; search finds the others.", { shown: formatNumber(audiences), total: formatNumber(total) }) : "";
          forget(picker);
          return done(results.map((row) => ({ ...row, text: `${row.name} (${formatNumber(row.count)})`, disabled: Boolean(row.reason) })));
        },
        (error) => {
          if (newest === asked) note.textContent = error.message;
          done([]);
        },
      );
    },
    render: {
      option: (row) => h(
        "div",
        { class: row.value.includes("/") ? "ps-4" : "" },
        h("div", { class: "d-flex" }, h("span", { class: "flex-fill text-truncate" }, row.name || row.text), row.count === undefined ? null : h("span", { class: "text-secondary ms-2" }, formatNumber(row.count))),
        h("small", { class: "text-secondary" }, row.reason || row.hint || ""),
      ),
      item: (row) => h("div", {}, row.text),
      no_results: () => h("div", { class: "no-results" }, gettext("No audience contains this.")),
    },
    onChange: changed,
  });
  // The first choices came with the page, without what is said of them.
  reset(picker);
  // The label has moved to TomSelect's own input; what is left of the select is not for assistive technology.
  select.setAttribute("aria-hidden", "true");
  picker.wrapper.after(note);
}

/** Let go of all choices but what is chosen. */
function forget(picker) {
  picker.clearOptions((row) => picker.items.includes(row.value));
}

/** Ask anew when the list is opened next. */
function reset(picker) {
  forget(picker);
  picker.wrapper.classList.remove("preloaded");
}

function changed() {
  for (const select of inputs) if (select.tomselect && !select.tomselect.isFocused) reset(select.tomselect);
  describe();
}

/** "(A ∪ B) − C": from left to right. */
function describe() {
  const names = inputs.map((select) => (select.value ? select.selectedOptions[0].textContent.trim() : ""));
  operators[1].disabled = !names[2];
  brackets.hidden = !(names[0] && names[1]);
  const first = `${names[0]} ${SIGNS[operators[0].value]} ${names[1]}`;
  brackets.textContent = names[2] ? `( ${first} ) ${SIGNS[operators[1].value]} ${names[2]}` : first;
}

for (const select of inputs) searchable(select);
for (const filter of narrow) filter.addEventListener("change", () => inputs.forEach((select) => reset(select.tomselect)));
for (const select of operators) select.addEventListener("change", describe);
describe();
