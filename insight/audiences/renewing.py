"""Rules written for what tags could be asked before: what means the same today is put in its place.

What no longer has an equal is left as it is, and refused by `checking`: an audience keeps its members, and can be
refreshed again when its rule has been changed.
"""

from __future__ import annotations

from insight.audiences.catalog import Catalog, TagDataset, Unknown
from insight.audiences.leaves import TagLeaf
from insight.audiences.rules import Group, Rule

EQUAL = {("multi", "in"): "contains", ("multi", "not_in"): "contains_none"}
"""By type of the tag and former operator: the operator that finds the same people."""


def renewed(rule: Rule, catalog: Catalog) -> Rule:
    """The rule in today's operators; the very same one where nothing has changed."""
    if isinstance(rule, Group):
        items = tuple(renewed(item, catalog) for item in rule.items)
        return rule if items == rule.items else Group(rule.op, items)
    if not isinstance(rule, TagLeaf):
        return rule
    try:
        dataset = catalog.dataset(rule.dataset)
    except Unknown:
        return rule
    column = dataset.columns.get(rule.tag) if isinstance(dataset, TagDataset) else None
    operator = EQUAL.get((column.type, rule.operator)) if column else None
    return rule.model_copy(update={"operator": operator}) if operator else rule
