"""Tag values of people: columns of datasets' current versions, joined to a set of people in the engine."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import ibis

from cdp.core.access import Access
from insight.audiences import rules
from insight.audiences.catalog import TagDataset
from insight.audiences.sources import WorkspaceCatalog
from insight.datasets import rights
from insight.datasets.models import DatasetField

USER = "user_unique_id"
TagRef = tuple[str, str]
"""A dataset ID and the column of one of its tags."""


@dataclass(frozen=True)
class Tag:
    dataset: str
    column: str
    label: str


def has_tag(access: Access, dataset_id: str, tag: str) -> bool:
    rows = DatasetField.objects.filter(dataset__in=rights.visible(access).filter(pk=dataset_id), role="tag")
    return rows.filter(column=tag, deleted=False).exists()


def tags_of(rule: rules.Rule, catalog: WorkspaceCatalog) -> list[Tag]:
    """The tags that a rule asks about, in its order, each once."""
    found: dict[tuple[str, str], Tag] = {}
    for _path, leaf in rules.leaves(rule):
        if isinstance(leaf, rules.TagLeaf) and leaf.map is None:
            dataset = catalog.dataset(leaf.dataset)
            if isinstance(dataset, TagDataset) and leaf.tag in dataset.columns:
                label = dataset.columns[leaf.tag].label or leaf.tag
                found.setdefault((leaf.dataset, leaf.tag), Tag(leaf.dataset, leaf.tag, label))
    return list(found.values())


def with_tags(people: ibis.Table, tags: Sequence[TagRef], catalog: WorkspaceCatalog) -> ibis.Table:
    """The people's columns, then one per tag, named `tag_0`, `tag_1` …; null where the dataset does not know them.

    One join per dataset, however many tags it gives.
    """
    if not tags:
        return people
    places = {
        dataset: place for place, dataset in enumerate(dict.fromkeys(dataset for dataset, _tag in tags))
    }
    joined = people
    for dataset, place in places.items():
        wanted = list(dict.fromkeys(tag for owner, tag in tags if owner == dataset))
        values = catalog.one_row_per_user(dataset, wanted)
        renamed = values.rename({f"t{place}_{tag}": tag for tag in wanted}).rename(_right=USER)
        joined = joined.left_join(renamed, joined[USER] == renamed["_right"]).drop("_right")
    named = {f"tag_{index}": joined[f"t{places[dataset]}_{tag}"] for index, (dataset, tag) in enumerate(tags)}
    return joined.select(*people.columns, **named)
