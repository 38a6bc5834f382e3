/* Rules to start from, shown while the canvas is empty. */

import { clear, h, icon, gettext } from "./dom.js";

const ICONS = { vip: "crown", birthday: "cake", new: "user-plus", again: "repeat", churn: "user-minus", cart: "shopping-cart", win_back: "magnet" };

/** Draws the rules into `place`; `use` gets the one that is chosen. */
export async function showStarters(place, { api, store, use }) {
  const fit = () => {
    place.hidden = Boolean(store.root.items.length) || !place.childElementCount;
  };
  store.on("tree", fit);
  const { results } = await api.get(api.urls.starters);
  if (!results.length) return;
  clear(place).append(
    h("h3", { class: "h4 text-secondary mb-2" }, gettext("Or start from a question")),
    h(
      "div",
      { class: "rb-starters" },
      results.map((starter) =>
        h(
          "button",
          { type: "button", class: "rb-starter", dataset: { starter: starter.key }, onclick: () => use(starter.rule) },
          icon(ICONS[starter.key] || "bulb", "text-primary"),
          h("span", {}, h("strong", {}, starter.title), h("small", { class: "text-secondary" }, starter.description)),
        ),
      ),
    ),
  );
  fit();
}
