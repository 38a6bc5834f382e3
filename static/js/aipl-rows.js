/* A stage's rule as a row of conditions: joined from left to right, without other nesting. */

/** {items, ops} of a rule, null where it is nested otherwise. */
export function fromRule(rule) {
  if (!rule.op) return { items: [rule], ops: [] };
  const [head, ...rest] = rule.items;
  if (rule.op === "subtract" || rest.some((item) => item.op)) return null;
  const first = fromRule(head);
  if (!first) return null;
  return { items: [...first.items, ...rest], ops: [...first.ops, ...rest.map(() => rule.op)] };
}

/** The rule of a row; conditions that follow each other with the same sign stand in one group. null for an empty row. */
export function toRule(items, ops) {
  if (!items.length) return null;
  let rule = items[0];
  ops.forEach((op, index) => {
    const next = items[index + 1];
    rule = index && ops[index - 1] === op ? { op, items: [...rule.items, next] } : { op, items: [rule, next] };
  });
  return rule;
}
