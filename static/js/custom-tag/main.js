/* The editor of a custom tag: values in a row, and the rule of the one that is open, made like a selection. */

import { Api } from "../rule-builder/api.js";
import { Canvas } from "../rule-builder/canvas.js";
import { Counter } from "../rule-builder/counts.js";
import { Dragging } from "../rule-builder/drag.js";
import { Fields } from "../rule-builder/fields.js";
import { Palette } from "../rule-builder/palette.js";
import { Store } from "../rule-builder/store.js";
import { aiplEditor } from "../rule-builder/editor-aipl.js";
import { behaviourEditor } from "../rule-builder/editor-behaviour.js";
import { rfmEditor } from "../rule-builder/editor-rfm.js";
import { sequenceEditor } from "../rule-builder/editor-sequence.js";
import { tagEditor } from "../rule-builder/editor-tag.js";
import { clear, formatNumber, h, gettext } from "../rule-builder/dom.js";
import { isComplete, newAudienceLeaf, newBehaviourLeaf, newFlow, newSequenceLeaf, newTagLeaf } from "../rule-builder/leaves.js";
import * as tree from "../rule-builder/tree.js";
import { watchKeys } from "../rule-builder/keyboard.js";
import { Check } from "./check.js";
import { TagForm } from "./form.js";
import { offerRanges } from "./ranges.js";
import { Values } from "./values.js";

const data = JSON.parse(document.getElementById("custom-tag-data").textContent);
const find = (name) => document.querySelector(`[data-rb="${name}"]`);
const EDITORS = { tag: tagEditor, behaviour: behaviourEditor, rfm: rfmEditor, aipl: aiplEditor, sequence: sequenceEditor };

const api = new Api(data.urls);
const fields = new Fields(api, data.datasets, data.audiences);
const values = new Values(find("values"), data.tag?.values || [], data.most);
const store = new Store(values.current.root);

const actions = {
  select(key, { focus = false } = {}) {
    store.select(key);
    if (focus) find("editor").querySelector("input, select, button")?.focus();
  },
  toggle: (key) => store.change(tree.toggle(store.root, key)),
  remove: (key) => store.change(tree.remove(store.root, key)),
  duplicate: (key) => store.change(tree.duplicate(store.root, key)),
  ungroup: (key) => store.change(tree.ungroup(store.root, key)),
  setOpAt: (key, index, op) => store.change(tree.setOpAt(store.root, key, index, op)),
};

async function make(what) {
  if (what.kind === "audience") return tree.condition(newAudienceLeaf(what.audience));
  if (what.kind === "rfm") return tree.condition({ ...what });
  const info = await fields.load(what.dataset);
  if (what.kind === "aipl") return tree.condition({ kind: "aipl", dataset: what.dataset, ...(what.stages ? { stages: what.stages } : { flow: newFlow(info.days) }) });
  if (what.kind === "sequence") return tree.condition(newSequenceLeaf(what.dataset, info.behaviour));
  if (what.kind === "behaviour") return tree.condition(newBehaviourLeaf(what.dataset, info.behaviour, what.type));
  return tree.condition(newTagLeaf(what.dataset, info.byColumn.get(what.tag)));
}

async function add(what) {
  const node = await make(what);
  store.change(tree.insert(store.root, store.root.key, node));
  actions.select(node.key, { focus: true });
}

const canvas = new Canvas(find("canvas"), store, fields, actions);
const dragging = new Dragging(canvas.place, store, (element) => make(JSON.parse(element.dataset.add)));
const counter = new Counter(store, api, fields);
watchKeys(canvas.place, store, canvas, actions);

/* Each value has its own tree; undo goes back within the value that is open. */
values.addEventListener("open", () => {
  // A count of the value before would be taken for this one's.
  api.waiting.get("count")?.abort();
  store.past = [];
  store.future = [];
  store.select(null);
  Object.assign(store, { root: values.current.root, counts: new Map(), total: null, problems: new Map() });
  counter.last = "";
  store.emit("tree");
  drawEditor();
});
values.addEventListener("change", () => form.touch());

let editing = false;
function drawEditor() {
  const place = clear(find("editor"));
  const node = store.selected && tree.find(store.root, store.selected);
  const open = Boolean(node && node.leaf);
  find("editor-panel").hidden = !open;
  find("save-panel").hidden = open;
  if (!open) return;
  const update = (leaf, label = "") => {
    editing = true;
    store.change(tree.setLeaf(store.root, node.key, leaf), { label: label && `${node.key}:${label}` });
    editing = false;
  };
  const alsoEmpty = (leaf) => {
    const empty = tree.condition({ kind: "tag", dataset: leaf.dataset, tag: leaf.tag, operator: "empty" });
    store.change(tree.mergeNew(store.root, empty, node.key, "union"));
  };
  const editor = EDITORS[node.leaf.kind];
  if (editor) place.append(editor(node.leaf, { fields, api, update, alsoEmpty }));
  else place.append(h("div", { class: "h3" }, fields.audienceName(node.leaf.audience)), h("p", {}, gettext("Everybody who belongs to the latest good version of this audience.")));
}
store.on("selected", drawEditor);
store.on("tree", () => {
  if (!editing) drawEditor();
  if (values.current.root !== store.root) values.keep(store.root);
  find("undo").disabled = !store.past.length;
  find("redo").disabled = !store.future.length;
});
store.on("counts", () => {
  const total = find("total");
  total.classList.toggle("rb-stale", store.stale || store.counting);
  total.textContent = store.total === null ? "–" : formatNumber(store.total);
  find("people").hidden = store.total === null;
  find("busy").hidden = !store.counting;
  find("failure").hidden = !store.failure || store.counting;
  find("failure").textContent = store.failure || "";
  if (!store.stale && !store.counting) values.count(store.total);
});
find("undo").addEventListener("click", () => store.undo());
find("redo").addEventListener("click", () => store.redo());
find("close-editor").addEventListener("click", () => {
  const key = store.selected;
  store.select(null);
  canvas.focus(key);
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
  new Palette(find("palette"), { fields, api, add, dragging, preferred: data.ranges?.dataset });
  offerRanges(find("ranges"), find("ranges-button"), { api, fields, asked: data.ranges, use: useRanges });
  values.draw();
  canvas.draw();
  dragging.attach();
  drawEditor();
  counter.plan(0);
  form.showDataset();
  find("builder").removeAttribute("aria-busy");
}
start();
