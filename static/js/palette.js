// Ctrl-K (or Cmd-K): go to any page of the navigation or another workspace by typing a part of its name.
const dialog = document.getElementById("palette");
const input = dialog.querySelector("input");
const list = dialog.querySelector("[role=listbox]");
let shown = [];
let chosen = 0;

function places() {
  const groups = [".sidebar .nav-entry", ".sidebar .switcher .dropdown-item", ".topbar a[href]"];
  return groups.flatMap((group) => [...document.querySelectorAll(group)]).map((link) => ({
    name: link.title || link.textContent.trim(),
    icon: link.querySelector(".ti")?.className ?? "ti ti-switch-horizontal",
    href: link.href,
  }));
}

function draw() {
  const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
  shown = places().filter((place) => words.every((word) => place.name.toLowerCase().includes(word)));
  chosen = Math.min(chosen, Math.max(shown.length - 1, 0));
  list.replaceChildren(...shown.map((place, index) => {
    const row = document.createElement("a");
    row.className = "palette-row";
    row.id = `palette-${index}`;
    row.href = place.href;
    row.tabIndex = -1;
    row.setAttribute("role", "option");
    row.setAttribute("aria-selected", index === chosen);
    const icon = document.createElement("i");
    icon.className = place.icon;
    icon.setAttribute("aria-hidden", "true");
    row.append(icon, place.name);
    return row;
  }));
  const active = list.children[chosen];
  active?.scrollIntoView({ block: "nearest" });
  input.setAttribute("aria-activedescendant", active?.id ?? "");
}

function open() {
  input.value = "";
  chosen = 0;
  dialog.showModal();
  draw();
}

document.addEventListener("keydown", (event) => {
  if ((event.ctrlKey || event.metaKey) && event.key.toLowerCase() === "k") {
    event.preventDefault();
    if (dialog.open) dialog.close();
    else open();
  }
});
document.addEventListener("click", (event) => { if (event.target.closest("[data-palette]")) open(); });
// A click on the backdrop is a click on the dialog itself.
dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
input.addEventListener("input", () => { chosen = 0; draw(); });
input.addEventListener("keydown", (event) => {
  const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
  if (step && shown.length) {
    event.preventDefault();
    chosen = (chosen + step + shown.length) % shown.length;
    draw();
  }
  if (event.key === "Enter" && shown[chosen]) {
    event.preventDefault();
    location.assign(shown[chosen].href);
  }
});
