/* The editor of an item pool: conditions on the tags of one item-tag dataset, made like a selection. */

import { Api } from "../rule-builder/api.js";
import { Fields } from "../rule-builder/fields.js";
import { Palette } from "../rule-builder/palette.js";
import { gettext } from "../rule-builder/dom.js";
import { tagEditor } from "../rule-builder/editor-tag.js";
import * as tree from "../rule-builder/tree.js";
import { find, Workbench } from "../rule-builder/workbench.js";
import { PoolForm } from "./form.js";

const data = JSON.parse(document.getElementById("item-pool-data").textContent);
const ITEMS = {
  nobody: () => gettext("No item fits these conditions."),
  some: (numbers) => gettext("%(shown)s of %(count)s items.", numbers),
  all: (numbers) => gettext("%(count)s items.", numbers),
};

const api = new Api(data.urls);
const fields = new Fields(api, data.datasets, []);
const bench = new Workbench({
  api,
  fields,
  root: tree.fromRule(data.rule),
  edit: (leaf, options) => tagEditor(leaf, { ...options, items: true }),
  ops: ["union", "intersect"],
  unit: "items",
});
const { store, counter } = bench;

/** The dataset of the first condition, which all others must ask too. */
const dataset = () => tree.leaves(store.root)[0]?.leaf.dataset || null;

store.on("tree", () => {
  palette?.fix(dataset());
  bench.summarise();
});
store.on("counts", () => {
  const base = fields.loaded.get(dataset())?.dataset?.users || 0;
  bench.drawShare(base, (share, shown) => gettext("%(share)s % of %(base)s items", { share: (share * 100).toFixed(1), base: shown }));
});
find("another").addEventListener("click", () => bench.add(tree.find(store.root, store.selected).leaf));
bench.previews(ITEMS);

const saving = document.getElementById("pool-form");
// Until everything is loaded, saving does nothing.
saving.addEventListener("submit", (event) => event.preventDefault());

let palette = null;
async function start() {
  await fields.loadAll(tree.leaves(store.root));
  const form = new PoolForm(saving, { api, data, store, counter, onproblems: (errors) => bench.showProblems(errors) });
  palette = new Palette(find("palette"), { fields, api, add: bench.add, dragging: bench.dragging, preferred: data.dataset, refreshed: () => bench.recount(), tagsOf: "item_tags" });
  palette.fix(dataset());
  store.on("tree", () => form.touch());
  bench.start();
  bench.summarise();
  find("builder").removeAttribute("aria-busy");
}
start();
