/* Starts the rule builder on its page and ties its parts together. */

import { Api } from "./api.js";
import { Fields } from "./fields.js";
import { Palette } from "./palette.js";
import { SaveForm } from "./form.js";
import { behaviourEditor } from "./editor-behaviour.js";
import { aiplEditor } from "./editor-aipl.js";
import { audienceEditor } from "./editor-audience.js";
import { rfmEditor } from "./editor-rfm.js";
import { sequenceEditor } from "./editor-sequence.js";
import { gettext } from "./dom.js";
import { showHistory } from "./history.js";
import { showStarters } from "./starters.js";
import { showSteps } from "./steps.js";
import { tagEditor } from "./editor-tag.js";
import * as tree from "./tree.js";
import { find, Workbench } from "./workbench.js";

const data = JSON.parse(document.getElementById("rule-builder-data").textContent);
const EDITORS = { tag: tagEditor, behaviour: behaviourEditor, rfm: rfmEditor, aipl: aiplEditor, sequence: sequenceEditor, audience: audienceEditor };

const api = new Api(data.urls);
const fields = new Fields(api, data.datasets, data.audiences);
fields.own = data.audience?.id;
fields.idTypes = data.id_types || {};
fields.translations = data.translations;
const bench = new Workbench({
  api,
  fields,
  root: tree.fromRule(data.builder || data.rule),
  edit: (leaf, options) => EDITORS[leaf.kind](leaf, options),
  actions: {
    translate(key, to) {
      const { map, ...leaf } = tree.find(store.root, key).leaf;
      store.change(tree.setLeaf(store.root, key, to ? { ...leaf, map: { to } } : leaf));
    },
  },
  onrule: () => form.showIds(),
});
const { store, counter } = bench;

store.on("counts", () => {
  const base = Math.max(0, ...[...fields.loaded.values()].map((info) => info.dataset?.users || 0));
  bench.drawShare(base, (share, shown) => gettext("%(share)s % of %(base)s known people", { share: (share * 100).toFixed(share < 0.1 ? 2 : 1), base: shown }));
});
store.on("tree", () => bench.summarise());

bench.previews();
bench.opens("steps", showSteps);
find("another").addEventListener("click", () => {
  const { kind, dataset, tag, audience, stages } = tree.find(store.root, store.selected).leaf;
  bench.add({ kind, dataset, tag, audience, ...(kind === "rfm" ? { types: [] } : {}), ...(stages ? { stages: [] } : {}) });
});
showHistory(find("history"), store);

async function startFrom(rule) {
  const root = tree.fromRule(rule);
  await fields.loadAll(tree.leaves(root));
  store.change(root);
}

const saving = document.getElementById("audience-form");
// Until everything is loaded, saving does nothing.
saving.addEventListener("submit", (event) => event.preventDefault());

let form;
async function start() {
  await fields.loadAll(tree.leaves(store.root));
  form = new SaveForm(saving, { store, api, data, rule: () => counter.rule(), unfinished: () => counter.unfinished(), onproblems: (errors) => bench.showProblems(errors), datasets: fields.datasets });
  const misfit = (what) => {
    const [first] = tree.active(store.root);
    return first ? fields.misfit(what, first.leaf) : "";
  };
  const palette = new Palette(find("palette"), { fields, api, add: bench.add, dragging: bench.dragging, preferred: data.dataset, refreshed: () => bench.recount(), misfit });
  store.on("tree", () => palette.judge());
  bench.start();
  bench.summarise();
  if (data.prefilled) form.touch();
  find("builder").removeAttribute("aria-busy");
  if (!data.audience) await showStarters(find("starters"), { api, store, use: startFrom });
}
start();
