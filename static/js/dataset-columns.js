/* What the columns of a table mean: each row shows only what its meaning asks for; columns are found by name. */

const form = document.querySelector("form[data-columns]");

function show(row) {
  const role = row.querySelector('[data-part="role"]').value;
  const type = row.querySelector('[data-part="type"]')?.value;
  for (const part of row.querySelectorAll("[data-roles]")) part.hidden = !part.dataset.roles.split(" ").includes(role);
  for (const part of row.querySelectorAll("[data-types]")) part.hidden = !part.dataset.types.split(" ").includes(type);
  row.classList.toggle("unused", !role);
}

function find(term) {
  for (const row of form.querySelectorAll("[data-row]")) {
    const alias = row.querySelector('input[name^="alias-"]').value;
    const text = `${row.querySelector("strong").textContent} ${alias}`.toLowerCase();
    row.hidden = !text.includes(term.trim().toLowerCase());
  }
}

form.addEventListener("change", (event) => {
  if (event.target.matches('[data-part="role"], [data-part="type"]')) show(event.target.closest("[data-row]"));
});
form.querySelector('[data-part="find"]').addEventListener("input", (event) => find(event.target.value));
// Enter in the search looks, it does not save.
form.querySelector('[data-part="find"]').addEventListener("keydown", (event) => {
  if (event.key === "Enter") event.preventDefault();
});
for (const row of form.querySelectorAll("[data-row]")) show(row);
