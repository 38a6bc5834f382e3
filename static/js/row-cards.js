/* Cards beside things in a list: what an audience is made of, its snapshots, its menu. Fetched when first wanted. */

const HOVER = 250;
const known = new Map();
const card = document.createElement("div");
card.className = "row-card card";
card.hidden = true;
document.body.append(card);

let opener = null;
let timer = 0;

async function content(url) {
  if (!known.has(url)) {
    const answer = await fetch(url, { headers: { "HX-Request": "true" } });
    if (!answer.ok) return null;
    known.set(url, await answer.text());
  }
  return known.get(url);
}

async function open(element) {
  if (opener === element) return;
  close();
  opener = element;
  const html = await content(element.dataset.card);
  if (html === null || opener !== element) return;
  card.innerHTML = html;
  card.hidden = false;
  element.setAttribute("aria-expanded", "true");
  place(element);
}

/** Below the thing where there is room, else above it; never over the edge. */
function place(element) {
  const at = element.getBoundingClientRect();
  const size = card.getBoundingClientRect();
  const below = at.bottom + 4;
  const top = below + size.height > innerHeight ? Math.max(8, at.top - size.height - 4) : below;
  card.style.top = `${top}px`;
  card.style.left = `${Math.max(8, Math.min(at.left, innerWidth - size.width - 8))}px`;
}

function close({ focus = false } = {}) {
  clearTimeout(timer);
  if (!opener) return;
  opener.setAttribute("aria-expanded", "false");
  if (focus) opener.focus();
  opener = null;
  card.hidden = true;
}

document.addEventListener("click", (event) => {
  const element = event.target.closest("[data-card]");
  if (element) {
    event.preventDefault();
    if (opener === element && !("cardHover" in element.dataset)) close();
    else open(element).then(() => card.querySelector("a, button")?.focus());
  } else if (!card.contains(event.target)) close();
});

document.addEventListener("mouseover", (event) => {
  const element = event.target.closest("[data-card-hover]");
  if (element) {
    clearTimeout(timer);
    timer = setTimeout(() => open(element), HOVER);
  } else if (opener && "cardHover" in opener.dataset && !card.contains(event.target)) {
    clearTimeout(timer);
    timer = setTimeout(close, HOVER);
  } else if (card.contains(event.target)) clearTimeout(timer);
});

document.addEventListener("keydown", (event) => {
  if (!opener) return;
  if (event.key === "Escape") close({ focus: true });
  if (event.key === "ArrowDown" || event.key === "ArrowUp") {
    const entries = [...card.querySelectorAll("a:not(.disabled), button")];
    const step = event.key === "ArrowDown" ? 1 : -1;
    const next = entries[(entries.indexOf(document.activeElement) + step + entries.length) % entries.length];
    next?.focus();
    event.preventDefault();
  }
});
document.addEventListener("focusin", (event) => {
  if (opener && !card.contains(event.target) && event.target !== opener) close();
});
addEventListener("scroll", (event) => { if (!card.contains(event.target)) close(); }, { capture: true, passive: true });
