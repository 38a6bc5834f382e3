/* State of the builder: the tree with its history, the selected condition, counts, and who listens. */

const HISTORY = 100;

export class Store extends EventTarget {
  constructor(root) {
    super();
    this.root = root;
    this.past = [];
    this.future = [];
    this.selected = null;
    this.counts = new Map();
    this.total = null;
    this.counting = false;
    this.stale = false;
    this.problems = new Map();
    this.unmatched = new Map();
    this.offers = new Map();
    this.steps = 0;
  }

  /** Change the tree. `label` joins quick edits of one field into one step of undo. */
  change(next, { label = "" } = {}) {
    if (next === this.root) return;
    const joined = label && label === this.lastLabel;
    if (!joined) {
      this.past.push(this.root);
      if (this.past.length > HISTORY) this.past.shift();
    }
    this.lastLabel = label;
    this.future = [];
    this.root = next;
    this.steps += 1;
    this.emit("tree");
  }

  undo() {
    if (!this.past.length) return false;
    this.future.push(this.root);
    this.root = this.past.pop();
    this.lastLabel = "";
    this.steps += 1;
    this.emit("tree");
    return true;
  }

  redo() {
    if (!this.future.length) return false;
    this.past.push(this.root);
    this.root = this.future.pop();
    this.lastLabel = "";
    this.steps += 1;
    this.emit("tree");
    return true;
  }

  select(key) {
    if (this.selected === key) return;
    this.selected = key;
    this.lastLabel = "";
    this.emit("selected");
  }

  emit(name) {
    this.dispatchEvent(new CustomEvent(name));
  }

  on(name, listener) {
    this.addEventListener(name, listener);
  }
}
