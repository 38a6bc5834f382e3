/* The editor of a custom tag: values in a row, and the rule of the one that is open, made like a selection. */

import { Api } from "../rule-builder/api.js";
import { Fields } from "../rule-builder/fields.js";
import { Palette } from "../rule-builder/palette.js";
import { aiplEditor } from "../rule-builder/editor-aipl.js";
import { behaviourEditor } from "../rule-builder/editor-behaviour.js";
import { rfmEditor } from "../rule-builder/editor-rfm.js";
import { sequenceEditor } from "../rule-builder/editor-sequence.js";
import { tagEditor } from "../rule-builder/editor-tag.js";
import { h, gettext } from "../rule-builder/dom.js";
import { isComplete } from "../rule-builder/leaves.js";
import * as tree from "../rule-builder/tree.js";
import { find, Workbench } from "../rule-builder/workbench.js";
import { Check } from "./check.js";
import { TagForm } from "./form.js";
import { offerRanges } from "./ranges.js";
import { Values } from "./values.js";

const data = JSON.parse(document.getElementById("custom-tag-data").textContent);
const EDITORS = {
  tag: tagEditor,
  behaviour: behaviourEditor,
  rfm: rfmEditor,
  aipl: aiplEditor,
  sequence: sequenceEditor,
  audience: (leaf) => [
    h("div", { class: "h3" }, fields.audienceName(leaf.audience)),
    h("p", {}, gettext("Everybody who belongs to the latest good version of this audience.")),
  ],
};

const api = new Api(data.urls);
const fields = new Fields(api, data.datasets, data.audiences);
fields.idTypes = Object.fromEntries(Object.entries(data.id_types).map(([key, { label }]) => [key, label]));
const values = new Values(find("values"), data.tag?.values || [], data.most);
const bench = new Workbench({ api, fields, root: values.current.root, edit: (leaf, options) => EDITORS[leaf.kind](leaf, options) });
const { store } = bench;

/* Each value has its own tree; undo goes back within the value that is open. */
values.addEventListener("open", () => {
  // A count of the value before would be taken for this one's.
  api.waiting.get("count")?.abort();
  store.past = [];
  store.future = [];
  store.select(null);
  Object.assign(store, { root: values.current.root, counts: new Map(), total: null, problems: new Map() });
  bench.counter.last = "";
  store.emit("tree");
  bench.drawEditor();
});
values.addEventListener("change", () => form.touch());

store.on("tree", () => {
  if (values.current.root !== store.root) values.keep(store.root);
});
store.on("counts", () => {
  if (!store.stale && !store.counting) values.count(store.total);
});
find("new-value").addEventListener("click", () => values.add());

/** The rules of all values as the API takes them; `unfinished` is the first value without a whole rule. */
function collected() {
  const complete = (leaf) => isComplete(leaf, fields);
  let unfinished = null;
  const entries = values.items.map((item) => {
    const { rule } = tree.toRule(item.root, complete);
    const open = tree.active(item.root).some((node) => !complete(node.leaf));
    if (!rule || open) unfinished ||= item;
    return { value: item.value.trim(), remark: item.remark.trim(), rule };
  });
  return { entries, unfinished };
}

const form = new TagForm(document.getElementById("tag-form"), { api, data, values, collected });
const check = new Check(find("check"), { api, values, collected, problems: (errors) => form.showErrors(errors) });
find("check-button").addEventListener("click", () => check.run());

async function useRanges(made, name) {
  const roots = made.map((entry) => ({ ...entry, root: tree.fromRule(entry.rule) }));
  await fields.loadAll(roots.flatMap((entry) => tree.leaves(entry.root)));
  values.addAll(roots);
  form.propose(name);
}

async function start() {
  await fields.loadAll(values.items.flatMap((item) => tree.leaves(item.root)));
  new Palette(find("palette"), { fields, api, add: bench.add, dragging: bench.dragging, preferred: data.ranges?.dataset });
  offerRanges(find("ranges"), find("ranges-button"), { api, fields, asked: data.ranges, use: useRanges });
  values.draw();
  bench.start();
  form.showDataset();
  find("builder").removeAttribute("aria-busy");
}
start();
