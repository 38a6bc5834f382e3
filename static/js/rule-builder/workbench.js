/* What pages on which conditions are edited have in common: the tree on its canvas, the count, the open editor, the tools. */

import { Canvas } from "./canvas.js";
import { Counter, nearest } from "./counts.js";
import { Dragging } from "./drag.js";
import { Store } from "./store.js";
import { clear, formatNumber, h, icon, gettext } from "./dom.js";
import { newAudienceLeaf, newBehaviourLeaf, newFlow, newSequenceLeaf, newTagLeaf } from "./leaves.js";
import { showMembers } from "./preview.js";
import * as tree from "./tree.js";
import { watchKeys } from "./keyboard.js";

/** The part of the page with this name. */
export const find = (name) => document.querySelector(`[data-rb="${name}"]`);

/** A new condition of what the palette offers. */
async function make(fields, what) {
  if (what.kind === "audience") return tree.condition(newAudienceLeaf(what.audience));
  if (what.kind === "rfm") return tree.condition({ ...what });
  const info = await fields.load(what.dataset);
  if (what.kind === "aipl") return tree.condition({ kind: "aipl", dataset: what.dataset, ...(what.stages ? { stages: what.stages } : { flow: newFlow(info.days) }) });
  if (what.kind === "sequence") return tree.condition(newSequenceLeaf(what.dataset, info.behaviour));
  if (what.kind === "behaviour") return tree.condition(newBehaviourLeaf(what.dataset, info.behaviour, what.type));
  return tree.condition(newTagLeaf(what.dataset, info.byColumn.get(what.tag)));
}

export class Workbench {
  /**
   * `edit(leaf, options)` gives the elements of a condition's editor. `actions` are more of what canvas and keys can do,
   * `ops` how conditions can be joined, `unit` the name of the part that says what the total counts. `onrule()` is called
   * before another rule is said in words.
   */
  constructor({ api, fields, root, edit, actions = {}, ops, unit = "people", onrule = () => {} }) {
    Object.assign(this, { api, fields, edit, unit, onrule, editing: false, summarised: "", summaryTimer: 0 });
    const store = new Store(root);
    this.store = store;
    this.actions = {
      select(key, { focus = false } = {}) {
        store.select(key);
        if (focus) find("editor").querySelector("input, select, button")?.focus();
      },
      toggle: (key) => store.change(tree.toggle(store.root, key)),
      remove: (key) => store.change(tree.remove(store.root, key)),
      duplicate: (key) => store.change(tree.duplicate(store.root, key)),
      ungroup: (key) => store.change(tree.ungroup(store.root, key)),
      setOpAt: (key, index, op) => store.change(tree.setOpAt(store.root, key, index, op)),
      ...actions,
    };
    this.add = this.add.bind(this);
    this.canvas = new Canvas(find("canvas"), store, fields, this.actions, { ops });
    this.dragging = new Dragging(this.canvas.place, store, (element) => make(fields, JSON.parse(element.dataset.add)));
    this.counter = new Counter(store, api, fields);
    watchKeys(this.canvas.place, store, this.canvas, this.actions);
    store.on("selected", () => this.drawEditor());
    store.on("tree", () => {
      // An editor that is being typed in keeps its fields; undo and moves draw it anew.
      if (!this.editing) this.drawEditor();
      find("undo").disabled = !store.past.length;
      find("redo").disabled = !store.future.length;
    });
    store.on("counts", () => this.drawTotal());
    find("undo").addEventListener("click", () => store.undo());
    find("redo").addEventListener("click", () => store.redo());
    find("close-editor").addEventListener("click", () => {
      const key = store.selected;
      store.select(null);
      this.canvas.focus(key);
    });
    find("remove")?.addEventListener("click", () => {
      const key = store.selected;
      store.select(null);
      this.actions.remove(key);
    });
  }

  /** Begin: everything that the conditions read has been loaded. */
  start() {
    this.canvas.draw();
    this.dragging.attach();
    this.drawEditor();
    this.counter.plan(0);
  }

  async add(what) {
    const { store } = this;
    const node = await make(this.fields, what);
    store.change(tree.insert(store.root, store.root.key, node));
    this.actions.select(node.key, { focus: true });
    this.canvas.place.querySelector(`[data-key="${node.key}"]`)?.scrollIntoView({ block: "nearest" });
  }

  drawEditor() {
    const { store } = this;
    const place = clear(find("editor"));
    const node = store.selected && tree.find(store.root, store.selected);
    const open = Boolean(node && node.leaf);
    find("editor-panel").hidden = !open;
    find("save-panel").hidden = open;
    if (!open) return;
    const update = (leaf, label = "") => {
      this.editing = true;
      store.change(tree.setLeaf(store.root, node.key, leaf), { label: label && `${node.key}:${label}` });
      this.editing = false;
    };
    const alsoEmpty = (leaf) => {
      const empty = tree.condition({ kind: "tag", dataset: leaf.dataset, tag: leaf.tag, operator: "empty" });
      store.change(tree.mergeNew(store.root, empty, node.key, "union"));
    };
    place.append(...[this.edit(node.leaf, { fields: this.fields, api: this.api, update, alsoEmpty })].flat());
  }

  drawTotal() {
    const { store } = this;
    const total = find("total");
    total.classList.toggle("rb-stale", store.stale || store.counting);
    total.textContent = store.total === null ? "–" : formatNumber(store.total);
    find(this.unit).hidden = store.total === null;
    find("busy").hidden = !store.counting;
    const failure = find("failure");
    failure.hidden = !store.failure || store.counting;
    failure.textContent = store.failure || "";
  }

  /** The total's share of `base`; `words(share, base)` say it. */
  drawShare(base, words) {
    const { total } = this.store;
    const share = base && total !== null ? Math.min(1, total / base) : 0;
    find("share-bar").style.width = `${share * 100}%`;
    find("share").textContent = base && total !== null ? words(share, formatNumber(base)) : "";
  }

  /** Say the rule in words once nobody has typed for a moment. */
  summarise() {
    clearTimeout(this.summaryTimer);
    this.summaryTimer = setTimeout(async () => {
      const { rule } = this.counter.rule();
      const text = JSON.stringify(rule);
      if (text === this.summarised) return;
      this.summarised = text;
      this.onrule();
      const place = find("summary");
      if (!rule) {
        clear(place).append(h("span", { class: "text-secondary" }, gettext("The rule in words appears here.")));
        return;
      }
      try {
        const answer = await this.api.summary(rule);
        clear(place).append(h("div", {}, answer.text));
        for (const warning of answer.warnings || []) place.append(h("div", { class: "rb-warning" }, icon("alert-triangle"), " ", warning));
      } catch (error) {
        if (error.name !== "AbortError") this.summarised = "";
      }
    }, 350);
  }

  /** A button that shows something of the present rule in a dialog. */
  opens(name, show) {
    const dialog = find(`${name}-dialog`);
    find(name).addEventListener("click", () => {
      const { rule } = this.counter.rule();
      if (rule) show(dialog, this.api, rule);
    });
    find(`${name}-close`).addEventListener("click", () => dialog.close());
  }

  /** The button that shows whom the rule finds; `words` say what is counted, people unless they are given. */
  previews(words) {
    this.opens("preview", (dialog, api, rule) => showMembers(dialog, api, rule, words));
  }

  /** Errors of the rule stand on the cards that they are about. */
  showProblems(errors) {
    const { store } = this;
    const { paths } = this.counter.rule();
    store.problems = new Map();
    for (const [path, messages] of Object.entries(errors)) {
      const key = path.startsWith("rule") && nearest(paths, path.replace(/^rule\/?/, ""));
      if (key) store.problems.set(key, messages.join(" "));
    }
    store.emit("counts");
    if (Object.keys(errors).length) store.select(null);
  }

  /** Count once more although the rule is the same: what it reads is new. */
  recount() {
    this.counter.last = "";
    this.counter.plan(0);
  }
}
