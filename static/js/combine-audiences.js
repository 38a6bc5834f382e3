/* The page of set operations: choices by owner and folder, those of another ID disabled, the brackets made visible. */

const known = JSON.parse(document.getElementById("audience-choices").textContent);
const find = (name) => document.querySelector(`[name=${name}]`);
const inputs = ["first", "second", "third"].map(find);
const operators = ["operator_1", "operator_2"].map(find);
const narrow = document.querySelectorAll("[data-narrow-by]");
const brackets = document.querySelector("[data-brackets]");
const SIGNS = { union: "∪", intersect: "∩", subtract: "−" };

const of = (option) => known[option.value.split("/")[0]];

function wanted(row) {
  const [owner, folder] = [...narrow].map((select) => select.value);
  if (owner && (owner === "mine") !== row.mine) return false;
  return !folder || row.folder === folder;
}

function refresh() {
  const type = inputs.map((select) => of(select.selectedOptions[0])?.type).find(Boolean);
  for (const select of inputs) {
    const others = inputs.filter((other) => other !== select && other.value);
    for (const option of select.options) {
      const row = of(option);
      if (!row) continue;
      // What is chosen stays to be seen; what knows its people by another ID cannot be chosen beside it.
      option.hidden = !option.selected && !wanted(row);
      option.disabled = Boolean(others.length && type && row.type !== type);
    }
    for (const group of select.querySelectorAll("optgroup")) group.hidden = [...group.children].every((option) => option.hidden);
  }
  operators[1].disabled = !inputs[2].value;
  describe();
}

/** "(A ∪ B) − C": from left to right. */
function describe() {
  const names = inputs.map((select) => (select.value ? select.selectedOptions[0].textContent.trim() : ""));
  brackets.hidden = !(names[0] && names[1]);
  const first = `${names[0]} ${SIGNS[operators[0].value]} ${names[1]}`;
  brackets.textContent = names[2] ? `( ${first} ) ${SIGNS[operators[1].value]} ${names[2]}` : first;
}

for (const select of [...inputs, ...operators, ...narrow]) select.addEventListener("change", refresh);
refresh();
