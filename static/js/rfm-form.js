/* An RFM model: only what the rows of the table and the period ask for is shown. */

const form = document.querySelector("form[data-guard]");
const input = form.querySelector('select[name="input"]');
const period = form.querySelector('select[name="period"]');

function show() {
  for (const part of form.querySelectorAll("[data-input]")) {
    const fits = part.dataset.input === input.value;
    part.hidden = !fits || (part.dataset.period !== undefined && part.dataset.period !== period.value);
  }
}

input.addEventListener("change", show);
period.addEventListener("change", show);
show();
