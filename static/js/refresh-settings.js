/* Refresh settings: only the fields of the chosen cycle are shown. */

const every = document.querySelector('select[name="every"]');

function show() {
  for (const part of document.querySelectorAll("[data-every]")) {
    part.hidden = !part.dataset.every.split(" ").includes(every.value);
  }
}

every.addEventListener("change", show);
show();
