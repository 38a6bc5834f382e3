/* The editor of an item pool: conditions on the tags of one item-tag dataset, made like a selection. */

import { Api } from "../rule-builder/api.js";
import { Canvas } from "../rule-builder/canvas.js";
import { Counter, nearest } from "../rule-builder/counts.js";
import { Dragging } from "../rule-builder/drag.js";
import { Fields } from "../rule-builder/fields.js";
import { Palette } from "../rule-builder/palette.js";
import { Store } from "../rule-builder/store.js";
import { clear, formatNumber, h, icon, gettext } from "../rule-builder/dom.js";
import { newTagLeaf } from "../rule-builder/leaves.js";
import { showMembers } from "../rule-builder/preview.js";
import { tagEditor } from "../rule-builder/editor-tag.js";
import * as tree from "../rule-builder/tree.js";
import { watchKeys } from "../rule-builder/keyboard.js";
import { PoolForm } from "./form.js";

const data = JSON.parse(document.getElementById("item-pool-data").textContent);
const find = (name) => document.querySelector(`[data-rb="${name}"]`);
const ITEMS = {
  nobody: () => gettext("No item fits these conditions."),
  some: (numbers) => gettext("%(shown)s of %(count)s items.", numbers),
  all: (numbers) => gettext("%(count)s items.", numbers),
};

const api = new Api(data.urls);
const fields = new Fields(api, data.datasets, []);
const store = new Store(tree.fromRule(data.rule));

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
  const info = await fields.load(what.dataset);
  return tree.condition(newTagLeaf(what.dataset, info.byColumn.get(what.tag)));
}

async function add(what) {
  const node = await make(what);
  store.change(tree.insert(store.root, store.root.key, node));
  actions.select(node.key, { focus: true });
  canvas.place.querySelector(`[data-key="${node.key}"]`)?.scrollIntoView({ block: "nearest" });
}

const canvas = new Canvas(find("canvas"), store, fields, actions, { ops: ["union", "intersect"] });
const dragging = new Dragging(canvas.place, store, (element) => make(JSON.parse(element.dataset.add)));
const counter = new Counter(store, api, fields);
watchKeys(canvas.place, store, canvas, actions);

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
  place.append(tagEditor(node.leaf, { fields, api, update, alsoEmpty, items: true }));
}

/** The dataset of the first condition, which all others must ask too. */
const dataset = () => tree.leaves(store.root)[0]?.leaf.dataset || null;

store.on("selected", drawEditor);
store.on("tree", () => {
  // An editor that is being typed in keeps its fields; undo and moves draw it anew.
  if (!editing) drawEditor();
  find("undo").disabled = !store.past.length;
  find("redo").disabled = !store.future.length;
  palette?.fix(dataset());
  summarise();
});

store.on("counts", () => {
  const total = find("total");
  total.classList.toggle("rb-stale", store.stale || store.counting);
  total.textContent = store.total === null ? "–" : formatNumber(store.total);
  find("items").hidden = store.total === null;
  find("busy").hidden = !store.counting;
  const failure = find("failure");
  failure.hidden = !store.failure || store.counting;
  failure.textContent = store.failure || "";
  const all = fields.loaded.get(dataset())?.dataset?.users || 0;
  const share = all && store.total !== null ? Math.min(1, store.total / all) : 0;
  find("share-bar").style.width = `${share * 100}%`;
  find("share").textContent = all && store.total !== null ? gettext("%(share)s % of %(base)s items", { share: (share * 100).toFixed(1), base: formatNumber(all) }) : "";
});

let summaryTimer = 0;
let summarised = "";
function summarise() {
  clearTimeout(summaryTimer);
  summaryTimer = setTimeout(async () => {
    const { rule } = counter.rule();
    const text = JSON.stringify(rule);
    if (text === summarised) return;
    summarised = text;
    const place = find("summary");
    if (!rule) {
      clear(place).append(h("span", { class: "text-secondary" }, gettext("The rule in words appears here.")));
      return;
    }
    try {
      const answer = await api.summary(rule);
      clear(place).append(h("div", {}, answer.text));
      for (const warning of answer.warnings) place.append(h("div", { class: "rb-warning" }, icon("alert-triangle"), " ", warning));
    } catch (error) {
      if (error.name !== "AbortError") summarised = "";
    }
  }, 350);
}

find("undo").addEventListener("click", () => store.undo());
find("redo").addEventListener("click", () => store.redo());
find("close-editor").addEventListener("click", () => {
  const key = store.selected;
  store.select(null);
  canvas.focus(key);
});
find("another").addEventListener("click", () => add(tree.find(store.root, store.selected).leaf));
find("remove").addEventListener("click", () => {
  const key = store.selected;
  store.select(null);
  actions.remove(key);
});
find("preview").addEventListener("click", () => {
  const { rule } = counter.rule();
  if (rule) showMembers(find("preview-dialog"), api, rule, ITEMS);
});
find("preview-close").addEventListener("click", () => find("preview-dialog").close());

/** Errors of the rule stand on the cards that they are about. */
function showProblems(errors) {
  const { paths } = counter.rule();
  store.problems = new Map();
  for (const [path, messages] of Object.entries(errors)) {
    const key = path.startsWith("rule") && nearest(paths, path.replace(/^rule\/?/, ""));
    if (key) store.problems.set(key, messages.join(" "));
  }
  store.emit("counts");
  if (Object.keys(errors).length) store.select(null);
}

/** Count once more although the rule is the same: what it reads is new. */
function recount() {
  counter.last = "";
  counter.plan(0);
}

let palette = null;
async function start() {
  await fields.loadAll(tree.leaves(store.root));
  const form = new PoolForm(document.getElementById("pool-form"), { api, data, store, counter, onproblems: showProblems });
  palette = new Palette(find("palette"), { fields, api, add, dragging, preferred: data.dataset, refreshed: recount, tagsOf: "item_tags" });
  palette.fix(dataset());
  store.on("tree", () => form.touch());
  canvas.draw();
  dragging.attach();
  drawEditor();
  counter.plan(0);
  summarise();
  find("builder").removeAttribute("aria-busy");
}
start();
