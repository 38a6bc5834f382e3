"""What a rule reads: datasets, columns, other audiences; directly and through them."""

from __future__ import annotations

from typing import Any

from insight.audiences import rules
from insight.audiences.models import Audience, Dependency
from insight.datasets.models import TAG_KINDS, Dataset


def all_user_tags(workspace: Any, rule: rules.Rule) -> bool:
    """Whether everything that the rule reads, also through audiences, comes from user-tag datasets."""
    found = rules.references(rule)
    seen: set[str] = set()
    datasets = set(found.datasets)
    waiting = set(found.audiences)
    while waiting:
        seen |= waiting
        rows = Dependency.objects.filter(audience__in=waiting).values_list("kind", "target")
        datasets |= {target for kind, target in rows if kind == Dependency.Kind.DATASET}
        waiting = {target for kind, target in rows if kind == Dependency.Kind.AUDIENCE} - seen
    kinds = Dataset.objects.in_workspace(workspace).filter(pk__in=datasets).values_list("kind", flat=True)
    return set(kinds) <= set(TAG_KINDS)


def may_be_hourly(audience: Audience) -> bool:
    """Whether the audience may be refreshed every few hours: where it has a rule, only from user-tag datasets."""
    if not audience.rule:
        return True
    try:
        return all_user_tags(audience.workspace, rules.parse_rule(audience.rule))
    except rules.RuleInvalid:
        return False


def dependencies(rule: rules.Rule) -> list[tuple[str, str, list[str]]]:
    """(kind, ID, columns) of everything that the rule reads, in its order."""
    columns: dict[tuple[str, str], list[str]] = {}
    for _path, leaf in rules.leaves(rule):
        if isinstance(leaf, rules.AudienceLeaf):
            columns.setdefault((Dependency.Kind.AUDIENCE, leaf.audience), [])
            continue
        used = columns.setdefault((Dependency.Kind.DATASET, leaf.dataset), [])
        if isinstance(leaf, rules.TagLeaf) and leaf.tag not in used:
            used.append(leaf.tag)
        if isinstance(leaf, rules.BehaviourLeaf) and leaf.base:
            columns.setdefault((Dependency.Kind.DATASET, leaf.base), [])
    return [(kind, target, used) for (kind, target), used in columns.items()]


def audiences_of_dataset(dataset: Dataset) -> list[str]:
    """Names of the audiences whose rule reads the dataset."""
    rows = Dependency.objects.filter(kind=Dependency.Kind.DATASET, target=dataset.pk)
    return list(rows.order_by("audience__name").values_list("audience__name", flat=True))


def leads_to(start: str, target: str) -> bool:
    """Whether the audience `start` is made, directly or through others, from the audience `target`."""
    seen: set[str] = set()
    waiting = {start}
    while waiting:
        seen |= waiting
        found = set(
            Dependency.objects.filter(audience__in=waiting, kind=Dependency.Kind.AUDIENCE).values_list(
                "target", flat=True
            )
        )
        if target in found:
            return True
        waiting = found - seen
    return False
