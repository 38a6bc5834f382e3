/* Live counts: wait for a pause in editing, ask for the newest rule only, keep old numbers greyed meanwhile. */

import { active, toRule } from "./tree.js";
import { isComplete } from "./leaves.js";

const PAUSE = 300;

export class Counter {
  constructor(store, api, fields) {
    this.store = store;
    this.api = api;
    this.fields = fields;
    this.timer = 0;
    this.last = "";
    store.on("tree", () => this.plan());
  }

  rule() {
    return toRule(this.store.root, (leaf) => isComplete(leaf, this.fields));
  }

  /** Conditions in use that cannot be counted yet. */
  unfinished() {
    return active(this.store.root).filter((node) => !isComplete(node.leaf, this.fields));
  }

  plan(pause = PAUSE) {
    const { rule } = this.rule();
    const text = JSON.stringify(rule);
    if (text === this.last && !this.store.problems.size) {
      this.store.emit("counts");
      return;
    }
    this.store.stale = true;
    this.store.emit("counts");
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.run(), pause);
  }

  async run() {
    const { rule, paths } = this.rule();
    const { store } = this;
    this.last = JSON.stringify(rule);
    if (!rule) {
      Object.assign(store, { total: null, stale: false, counting: false, counts: new Map(), problems: new Map() });
      store.emit("counts");
      return;
    }
    store.counting = true;
    store.emit("counts");
    try {
      const answer = await this.api.count(rule);
      store.total = answer.count;
      store.elapsed = answer.elapsed_ms;
      store.counts = new Map();
      for (const { path, count } of [...answer.conditions, ...answer.groups]) {
        for (const key of paths.get(path) || []) store.counts.set(key, count);
      }
      store.unmatched = placed(paths, answer.conditions.filter((entry) => "unmatched" in entry).map((entry) => [entry.path, entry.unmatched]));
      store.offers = new Map();
      Object.assign(store, { stale: false, counting: false, problems: new Map(), failure: "" });
      if (JSON.stringify(this.rule().rule) === this.last) store.remember(answer.count);
    } catch (error) {
      if (error.name === "AbortError" || error.code === "cancelled") return;
      this.last = "";
      store.counting = false;
      store.failure = error.message;
      store.problems = new Map();
      store.offers = placed(paths, Object.entries(error.translations || {}).map(([path, offer]) => [path.replace(/^rule\/?/, ""), offer]));
      for (const [path, messages] of Object.entries(error.errors || {})) {
        const key = nearest(paths, path.replace(/^rule\/?/, ""));
        if (key) store.problems.set(key, messages.join(" "));
      }
    }
    store.emit("counts");
  }
}

/** What stands at paths, by the keys of their conditions. */
function placed(paths, entries) {
  return new Map(entries.flatMap(([path, value]) => (paths.get(path) || []).map((key) => [key, value])));
}

/** The condition that a path such as "items/0/value/1" lies in. */
export function nearest(paths, path) {
  const parts = path.split("/");
  for (let length = parts.length; length >= 0; length -= 1) {
    const keys = paths.get(parts.slice(0, length).join("/"));
    if (keys) return keys[0];
  }
  return null;
}
