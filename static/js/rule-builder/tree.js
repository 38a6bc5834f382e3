/* The tree of conditions as the builder holds it, and pure operations on it.
 *
 * A group is {key, op, items, disabled}, a condition {key, leaf, disabled}. `leaf` is the condition exactly as the
 * API takes it. Operations return a new root and leave the old one untouched, which is what makes undo simple.
 */

let counter = 0;

export function newKey() {
  counter += 1;
  return `n${counter}`;
}

export const OPS = ["union", "intersect", "subtract"];

export function group(op, items) {
  return { key: newKey(), op, items, disabled: false };
}

export function condition(leaf) {
  return { key: newKey(), leaf, disabled: false };
}

export function isGroup(node) {
  return Array.isArray(node.items);
}

/** The builder's tree of a stored rule. The root is always a group. */
export function fromRule(rule) {
  if (!rule) return group("union", []);
  const root = read(rule);
  return isGroup(root) ? root : group("union", [root]);
}

function read(node) {
  const disabled = Boolean(node.disabled);
  if (node.items) {
    return { key: newKey(), op: node.op, items: node.items.map(read), disabled };
  }
  if (node.leaf) return { key: newKey(), leaf: node.leaf, disabled };
  return condition(node);
}

/** The tree with what only the builder knows (disabled conditions), to be kept beside the rule. */
export function toDraft(node) {
  const kept = node.disabled ? { disabled: true } : {};
  return isGroup(node)
    ? { op: node.op, items: node.items.map(toDraft), ...kept }
    : { leaf: node.leaf, ...kept };
}

/**
 * The rule as the API takes it, without disabled and unfinished conditions.
 *
 * Answers {rule, paths}: `paths` maps "items/0/items/1" to the keys of the nodes that stand there (a group with
 * one item left shares its item's path). `rule` is null while there is nothing to count.
 */
export function toRule(root, isComplete) {
  const built = build(root, isComplete);
  if (!built) return { rule: null, paths: new Map() };
  const paths = new Map();
  for (const [path, key] of built.entries) {
    if (!paths.has(path)) paths.set(path, []);
    paths.get(path).push(key);
  }
  return { rule: built.rule, paths };
}

function build(node, isComplete) {
  if (node.disabled) return null;
  if (!isGroup(node)) {
    return isComplete(node.leaf) ? { rule: node.leaf, entries: [["", node.key]] } : null;
  }
  const parts = node.items.map((item) => build(item, isComplete));
  // Without the set that is taken from there is no difference.
  if (node.op === "subtract" && !parts[0]) return null;
  const left = parts.filter(Boolean);
  if (!left.length) return null;
  if (left.length === 1) {
    return { rule: left[0].rule, entries: [...left[0].entries, ["", node.key]] };
  }
  const entries = [["", node.key]];
  left.forEach((part, index) => {
    for (const [path, key] of part.entries) {
      entries.push([path ? `items/${index}/${path}` : `items/${index}`, key]);
    }
  });
  return { rule: { op: node.op, items: left.map((part) => part.rule) }, entries };
}

export function find(node, key) {
  if (node.key === key) return node;
  for (const item of node.items || []) {
    const found = find(item, key);
    if (found) return found;
  }
  return null;
}

export function parentOf(node, key) {
  for (const item of node.items || []) {
    if (item.key === key) return node;
    const found = parentOf(item, key);
    if (found) return found;
  }
  return null;
}

/** All conditions in reading order. */
export function leaves(node) {
  return isGroup(node) ? node.items.flatMap(leaves) : [node];
}

/** Conditions that are not left out, by themselves or with a group around them. */
export function active(node) {
  if (node.disabled) return [];
  return isGroup(node) ? node.items.flatMap(active) : [node];
}

/** All nodes below the root in reading order. */
export function nodes(root) {
  return (root.items || []).flatMap((item) => [item, ...nodes(item)]);
}

export function depth(node) {
  return isGroup(node) ? 1 + Math.max(0, ...node.items.map(depth)) : 0;
}

export function replace(root, key, change) {
  if (root.key === key) return change(root);
  if (!isGroup(root)) return root;
  const items = root.items.map((item) => replace(item, key, change));
  return items.some((item, index) => item !== root.items[index]) ? { ...root, items } : root;
}

export function setLeaf(root, key, leaf) {
  return replace(root, key, (node) => ({ ...node, leaf }));
}

export function setOp(root, key, op) {
  return replace(root, key, (node) => ({ ...node, op }));
}

export function toggle(root, key) {
  return replace(root, key, (node) => ({ ...node, disabled: !node.disabled }));
}

/** Put a node into a group at a place (at the end where none is given). */
export function insert(root, groupKey, node, index) {
  return replace(root, groupKey, (target) => {
    const items = [...target.items];
    items.splice(index ?? items.length, 0, node);
    return { ...target, items };
  });
}

export function remove(root, key) {
  return tidy(cut(root, key));
}

function cut(node, key) {
  if (!isGroup(node)) return node;
  return { ...node, items: node.items.filter((item) => item.key !== key).map((item) => cut(item, key)) };
}

/** Drop empty groups and unwrap groups with a single item; the root stays. */
export function tidy(root) {
  return { ...root, items: root.items.map(tidyInner).filter(Boolean) };
}

function tidyInner(node) {
  if (!isGroup(node)) return node;
  const items = node.items.map(tidyInner).filter(Boolean);
  if (!items.length) return null;
  if (items.length === 1) return items[0];
  return { ...node, items };
}

/** Move a node into a group. `index` counts the group's items without the moved one. */
export function move(root, key, groupKey, index) {
  const node = find(root, key);
  if (!node || find(node, groupKey)) return root;
  return tidy(insert(cut(root, key), groupKey, node, index));
}

/** Put `key` together with the condition or group `ontoKey` into a new group at its place. */
export function merge(root, key, ontoKey, op = "intersect") {
  const node = find(root, key);
  if (!node || key === ontoKey || find(node, ontoKey)) return root;
  return tidy(mergeNew(cut(root, key), node, ontoKey, op));
}

export function mergeNew(root, node, ontoKey, op = "intersect") {
  return replace(root, ontoKey, (target) => group(op, [target, node]));
}

/** Wrap a node into a group of its own with a sibling yet to come; for several nodes of one group use `merge`. */
export function ungroup(root, key) {
  const parent = parentOf(root, key);
  const node = find(root, key);
  if (!parent || !isGroup(node)) return root;
  return replace(root, parent.key, (target) => ({
    ...target,
    items: target.items.flatMap((item) => (item.key === key ? node.items : [item])),
  }));
}

export function duplicate(root, key) {
  const parent = parentOf(root, key);
  const node = find(root, key);
  if (!parent) return root;
  const index = parent.items.findIndex((item) => item.key === key);
  return insert(root, parent.key, fresh(node), index + 1);
}

function fresh(node) {
  const copy = { ...node, key: newKey() };
  if (isGroup(node)) copy.items = node.items.map(fresh);
  else copy.leaf = structuredClone(node.leaf);
  return copy;
}

/**
 * Change the operator at one place between siblings.
 *
 * A row with mixed operators is read from left to right, so what stands before the place becomes a group: A ∪ B ∪ C
 * with ∩ at the second place is (A ∪ B) ∩ C.
 */
export function setOpAt(root, key, index, op) {
  const target = find(root, key);
  if (!target || target.op === op) return root;
  if (target.items.length <= 2) return setOp(root, key, op);
  return replace(root, key, (node) => {
    const before = node.items.slice(0, index);
    const after = node.items.slice(index + 1);
    const left = before.length === 1 ? before[0] : group(node.op, before);
    const joined = [left, node.items[index]];
    return after.length
      ? { ...node, items: [group(op, joined), ...after] }
      : { ...node, op, items: joined };
  });
}

/** Move a node one place up or down among its siblings. */
export function shift(root, key, step) {
  const parent = parentOf(root, key);
  if (!parent) return root;
  const index = parent.items.findIndex((item) => item.key === key);
  const to = index + step;
  if (to < 0 || to >= parent.items.length) return root;
  return replace(root, parent.key, (target) => {
    const items = [...target.items];
    const [node] = items.splice(index, 1);
    items.splice(to, 0, node);
    return { ...target, items };
  });
}

/** Move a node out of its group, behind it. */
export function outdent(root, key) {
  const parent = parentOf(root, key);
  const outer = parent && parentOf(root, parent.key);
  if (!outer) return root;
  const index = outer.items.findIndex((item) => item.key === parent.key);
  const node = find(root, key);
  return tidy(insert(cut(root, key), outer.key, node, index + 1));
}

/** Move a node into the group before it, or make a group with the condition before it. */
export function indent(root, key) {
  const parent = parentOf(root, key);
  if (!parent) return root;
  const index = parent.items.findIndex((item) => item.key === key);
  if (index < 1) return root;
  const before = parent.items[index - 1];
  if (isGroup(before)) return move(root, key, before.key, before.items.length);
  return merge(root, key, before.key, parent.op === "intersect" ? "union" : "intersect");
}
