"""Custom tags that would be made from themselves, directly or through other tags, audiences and models."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

from django.utils.translation import gettext as _

from insight.audiences import provenance, rules
from insight.audiences.models import Audience, Dependency
from insight.datasets.models import Dataset
from insight.tags.models import CustomTag

Node = tuple[str, str, str]
"""("tag", dataset, column), ("audience", ID, "") or ("dataset", ID, "") for all of a dataset."""


def nodes(reads: Iterable[Any]) -> set[Node]:
    """What is read, of entries as `provenance.dependencies` gives them."""
    found: set[Node] = set()
    for kind, target, columns in reads:
        if kind == Dependency.Kind.DATASET and columns:
            found |= {("tag", target, column) for column in columns}
        else:
            found.add((str(kind), target, ""))
    return found


def reaches(workspace: Any, start: set[Node], target: Node) -> bool:
    """Whether the target is among what is read, or what that is made from."""
    custom = _custom_tags(workspace)
    seen: set[Node] = set()
    waiting = set(start)
    while waiting:
        if target in waiting:
            return True
        seen |= waiting
        waiting = _behind(workspace, waiting, custom) - seen
    return False


def _custom_tags(workspace: Any) -> dict[tuple[str, str], set[Node]]:
    rows = CustomTag.objects.in_workspace(workspace).values_list("field__dataset", "field__column", "reads")
    return {(dataset, column): nodes(reads) for dataset, column, reads in rows}


def _behind(workspace: Any, read: set[Node], custom: dict[tuple[str, str], set[Node]]) -> set[Node]:
    """What these are made from."""
    found: set[Node] = set()
    for kind, key, column in read:
        if kind == "tag":
            found |= custom.get((key, column), set())
        elif kind == "dataset":
            found |= {("tag", *place) for place in custom if place[0] == key}
    audiences = [key for kind, key, _column in read if kind == "audience"]
    rows = Dependency.objects.filter(audience__in=audiences).values_list("kind", "target", "columns")
    found |= nodes(rows)
    models = Dataset.objects.in_workspace(workspace).filter(
        pk__in=[key for kind, key, _column in read if kind == "dataset"], definition__has_key="dataset"
    )
    return found | {("dataset", key, "") for key in models.values_list("definition__dataset", flat=True)}


def through_tags(rule: rules.Rule, audience: Audience) -> Iterator[tuple[str, list[str]]]:
    """The conditions of an audience's rule that are, through custom tags, made from this very audience."""
    for path, leaf in rules.leaves(rule):
        start = nodes(provenance.dependencies(leaf))
        part = "audience" if isinstance(leaf, rules.AudienceLeaf) else "tag"
        if any(kind in ("tag", "audience") for kind, _key, _column in start) and reaches(
            audience.workspace, start, ("audience", audience.pk, "")
        ):
            yield rules.join(path, part), [_("A custom tag in it is itself made from this audience.")]
