/* How a table is copied: what only increments need is shown for them alone. */

const modes = [...document.querySelectorAll('input[name="mode"]')];

function show() {
  const chosen = modes.find((mode) => mode.checked)?.value;
  for (const part of document.querySelectorAll("[data-mode]")) part.hidden = part.dataset.mode !== chosen;
}

for (const mode of modes) mode.addEventListener("change", show);
show();
