/* The steps of a funnel: added and removed; what is removed closes up. */

const form = document.querySelector("[data-funnel]");
const steps = [...form.querySelectorAll("[data-step]")];
const add = form.querySelector("[data-add]");
const LEAST = 2;

const shown = () => steps.filter((step) => !step.hidden);
const controls = (step) => [...step.querySelectorAll("select, input")];

function show() {
  const count = shown().length;
  add.hidden = count === steps.length;
  for (const step of steps) step.querySelector("[data-remove]").disabled = count <= LEAST;
}

function remove(step) {
  const last = shown().at(-1);
  for (let place = steps.indexOf(step); place < steps.indexOf(last); place += 1) {
    const [to, from] = [controls(steps[place]), controls(steps[place + 1])];
    to.forEach((control, index) => { control.value = from[index].value; });
  }
  for (const control of controls(last)) control.value = "";
  last.hidden = true;
  show();
}

for (const step of steps) step.querySelector("[data-remove]").addEventListener("click", () => remove(step));
add.addEventListener("click", () => {
  const next = steps.find((step) => step.hidden);
  next.hidden = false;
  next.querySelector("select").focus();
  show();
});
show();
