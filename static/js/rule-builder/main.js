/* Starts the rule builder on its page and ties its parts together. */

import { Api } from "./api.js";
import { Canvas } from "./canvas.js";
import { Counter, nearest } from "./counts.js";
import { Dragging } from "./drag.js";
import { Fields } from "./fields.js";
import { Palette } from "./palette.js";
import { SaveForm } from "./form.js";
import { Store } from "./store.js";
import { behaviourEditor } from "./editor-behaviour.js";
import { aiplEditor } from "./editor-aipl.js";
import { audienceEditor } from "./editor-audience.js";
import { rfmEditor } from "./editor-rfm.js";
import { sequenceEditor } from "./editor-sequence.js";
import { clear, formatNumber, h, icon, gettext } from "./dom.js";
import { newAudienceLeaf, newBehaviourLeaf, newFlow, newSequenceLeaf, newTagLeaf } from "./leaves.js";
import { showHistory } from "./history.js";
import { showMembers } from "./preview.js";
import { showStarters } from "./starters.js";
import { showSteps } from "./steps.js";
import { tagEditor } from "./editor-tag.js";
import * as tree from "./tree.js";
import { watchKeys } from "./keyboard.js";

const data = JSON.parse(document.getElementById("rule-builder-data").textContent);
const find = (name) => document.querySelector(`[data-rb="${name}"]`);

const api = new Api(data.urls);
const fields = new Fields(api, data.datasets, data.audiences);
fields.own = data.audience?.id;
fields.idTypes = data.id_types || {};
const store = new Store(tree.fromRule(data.builder || data.rule));

const actions = {
  select(key, { focus = false } = {}) {
    store.select(key);
    if (focus) find("editor").querySelector("input, select, button")?.focus();
  },
  toggle: (key) => store.change(tree.toggle(store.root, key)),
  remove: (key) => store.change(tree.remove(store.root, key)),
  duplicate: (key) => store.change(tree.duplicate(store.root, key)),
  ungroup: (key) => store.change(tree.ungroup(store.root, key)),
  translate(key, to) {
    const { map, ...leaf } = tree.find(store.root, key).leaf;
    store.change(tree.setLeaf(store.root, key, to ? { ...leaf, map: { to } } : leaf));
  },
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
  canvas.place.querySelector(`[data-key="${node.key}"]`)?.scrollIntoView({ block: "nearest" });
}

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
  const options = { fields, api, update, alsoEmpty };
  if (node.leaf.kind === "tag") place.append(tagEditor(node.leaf, options));
  else if (node.leaf.kind === "behaviour") place.append(behaviourEditor(node.leaf, options));
  else if (node.leaf.kind === "rfm") place.append(rfmEditor(node.leaf, options));
  else if (node.leaf.kind === "aipl") place.append(aiplEditor(node.leaf, options));
  else if (node.leaf.kind === "sequence") place.append(sequenceEditor(node.leaf, options));
  else place.append(audienceEditor(node.leaf, options));
}

let editing = false;
store.on("selected", drawEditor);
store.on("tree", () => {
  // An editor that is being typed in keeps its fields; undo and moves draw it anew.
  if (!editing) drawEditor();
  find("undo").disabled = !store.past.length;
  find("redo").disabled = !store.future.length;
});

const canvas = new Canvas(find("canvas"), store, fields, actions);
const dragging = new Dragging(canvas.place, store, (element) => make(JSON.parse(element.dataset.add)));
const counter = new Counter(store, api, fields);
watchKeys(canvas.place, store, canvas, actions);

store.on("counts", () => {
  const total = find("total");
  total.classList.toggle("rb-stale", store.stale || store.counting);
  total.textContent = store.total === null ? "–" : formatNumber(store.total);
  find("people").hidden = store.total === null;
  find("busy").hidden = !store.counting;
  const failure = find("failure");
  failure.hidden = !store.failure || store.counting;
  failure.textContent = store.failure || "";
  drawShare();
});

function drawShare() {
  const base = Math.max(0, ...[...fields.loaded.values()].map((info) => info.dataset?.users || 0));
  const share = base && store.total !== null ? Math.min(1, store.total / base) : 0;
  find("share-bar").style.width = `${share * 100}%`;
  find("share").textContent = base && store.total !== null ? gettext("%(share)s % of %(base)s known people", { share: (share * 100).toFixed(share < 0.1 ? 2 : 1), base: formatNumber(base) }) : "";
}

let summaryTimer = 0;
let summarised = "";
function summarise() {
  clearTimeout(summaryTimer);
  summaryTimer = setTimeout(async () => {
    const { rule } = counter.rule();
    const text = JSON.stringify(rule);
    if (text === summarised) return;
    summarised = text;
    form.showIds();
    const place = find("summary");
    if (!rule) {
      clear(place).append(h("span", { class: "text-secondary" }, gettext("The rule in words appears here.")));
      return;
    }
    try {
      const answer = await api.summary(rule);
      clear(place).append(h("div", {}, answer.text));
      for (const warning of answer.warnings || []) place.append(h("div", { class: "rb-warning" }, icon("alert-triangle"), " ", warning));
    } catch (error) {
      if (error.name !== "AbortError") summarised = "";
    }
  }, 350);
}
store.on("tree", summarise);

find("undo").addEventListener("click", () => store.undo());
find("redo").addEventListener("click", () => store.redo());
find("close-editor").addEventListener("click", () => {
  const key = store.selected;
  store.select(null);
  canvas.focus(key);
});
find("preview").addEventListener("click", () => {
  const { rule } = counter.rule();
  if (rule) showMembers(find("preview-dialog"), api, rule);
});
find("preview-close").addEventListener("click", () => find("preview-dialog").close());
find("steps").addEventListener("click", () => {
  const { rule } = counter.rule();
  if (rule) showSteps(find("steps-dialog"), api, rule);
});
find("steps-close").addEventListener("click", () => find("steps-dialog").close());
find("another").addEventListener("click", () => {
  const { kind, dataset, tag, audience, stages } = tree.find(store.root, store.selected).leaf;
  add({ kind, dataset, tag, audience, ...(kind === "rfm" ? { types: [] } : {}), ...(stages ? { stages: [] } : {}) });
});
find("remove").addEventListener("click", () => {
  const key = store.selected;
  store.select(null);
  actions.remove(key);
});
showHistory(find("history"), store);

function showProblems(errors) {
  const { paths } = counter.rule();
  const problems = new Map();
  for (const [path, messages] of Object.entries(errors)) {
    if (!path.startsWith("rule")) continue;
    const key = nearest(paths, path.replace(/^rule\/?/, ""));
    if (key) problems.set(key, messages.join(" "));
  }
  store.problems = problems;
  store.emit("counts");
  if (Object.keys(errors).length) store.select(null);
}

async function startFrom(rule) {
  const root = tree.fromRule(rule);
  await fields.loadAll(tree.leaves(root));
  store.change(root);
}

/** Count once more although the rule is the same: what it reads is new. */
function recount() {
  counter.last = "";
  counter.plan(0);
}

let form;
async function start() {
  await fields.loadAll(tree.leaves(store.root));
  form = new SaveForm(document.getElementById("audience-form"), { store, api, data, rule: () => counter.rule(), unfinished: () => counter.unfinished(), onproblems: showProblems, datasets: fields.datasets });
  new Palette(find("palette"), { fields, api, add, dragging, preferred: data.dataset, refreshed: recount });
  canvas.draw();
  dragging.attach();
  drawEditor();
  counter.plan(0);
  summarise();
  if (data.prefilled) form.touch();
  find("builder").removeAttribute("aria-busy");
  if (!data.audience) await showStarters(find("starters"), { api, store, use: startFrom });
}
start();
