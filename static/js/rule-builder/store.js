/* State of the builder: the tree with its history, the selected condition, counts, and who listens. */

const HISTORY = 100;
const COUNTS_KEPT = 20;

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
    this.counted = [];
  }

  /** Note what the present rule was counted as, so that one can look and go back. */
  remember(total) {
    if (this.counted[0]?.root === this.root) return;
    this.counted = [{ root: this.root, total, at: new Date() }, ...this.counted].slice(0, COUNTS_KEPT);
    this.emit("counted");
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
