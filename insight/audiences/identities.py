"""The IDs of a rule's people: by which one the data knows them, and which others could be saved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from cdp.core.identifiers import ID_TYPES
from insight.audiences import rules
from insight.audiences.models import AudienceVersion
from insight.audiences.sources import WorkspaceCatalog
from insight.datasets.models import Dataset, DatasetField

USER = "user_unique_id"


@dataclass(frozen=True)
class IdColumn:
    """A column that holds an ID. `identifier`: it is `user_unique_id` itself.

    `dataset` is the dataset or audience that has it, or the snapshot (`AudienceLeaf.key`).
    """

    id_type: str
    dataset: str
    dataset_name: str
    column: str
    encryption: str
    fill_rate: float | None
    identifier: bool


def identifier_of(leaf: Any, catalog: WorkspaceCatalog) -> str:
    """By which ID a condition's users are known, after its translation if it has one."""
    if leaf.map is not None:
        return str(leaf.map.to)
    if isinstance(leaf, rules.AudienceLeaf):
        return catalog.version(leaf.audience, leaf.snapshot).user_id_type
    return next((item.id_type for item in catalog.row(leaf.dataset)[1] if item.role == "identifier"), "")


def user_id_type(rule: rules.Rule, catalog: WorkspaceCatalog) -> str:
    """The ID type of the rule's users."""
    found = (identifier_of(leaf, catalog) for _path, leaf in rules.leaves(rule))
    return next((item for item in found if item), "")


def identifier_label(rule: rules.Rule, catalog: WorkspaceCatalog) -> str:
    return str(ID_TYPES[key].label) if (key := user_id_type(rule, catalog)) in ID_TYPES else USER


def id_columns(rule: rules.Rule, catalog: WorkspaceCatalog) -> list[IdColumn]:
    """All ID columns of what the rule reads, in its order; the identifier first."""
    found: dict[tuple[str, str], IdColumn] = {}
    for _path, leaf in rules.leaves(rule):
        if leaf.map is not None:
            # The other IDs of its people are found by the one that they had before.
            translated = IdColumn(leaf.map.to, "", _("Identities"), USER, "plain", 1.0, True)
            found.setdefault(("", leaf.map.to), translated)
            continue
        columns = (
            _audience_ids(catalog.version(leaf.audience, leaf.snapshot), leaf)
            if isinstance(leaf, rules.AudienceLeaf)
            else _dataset_ids(*catalog.row(leaf.dataset))
        )
        for column in columns:
            found.setdefault((column.dataset, column.column), column)
    return sorted(found.values(), key=lambda column: not column.identifier)


def _dataset_ids(row: Dataset, fields: list[DatasetField]) -> list[IdColumn]:
    columns = []
    for item in fields:
        if item.role not in ("identifier", "id") or item.deleted or not item.id_type:
            continue
        identifier = item.role == "identifier"
        rate = 1.0 if identifier else fill_rate(row, item.column)
        columns.append(
            IdColumn(item.id_type, row.pk, row.name, item.column, item.encryption, rate, identifier)
        )
    return columns


def fill_rate(row: Dataset, column: str) -> float | None:
    """The share of a dataset's rows that have a value in the column, 0 to 1; None where it is not known."""
    known = row.stats.get("filled", {}).get(column)
    return float(known) if known is not None else None


def _audience_ids(version: AudienceVersion, leaf: rules.AudienceLeaf) -> list[IdColumn]:
    name = version.audience.name if leaf.snapshot is None else version.snapshot_name
    encryption = version.id_stats.get(version.user_id_type, {}).get("encryption", "plain")
    columns = [IdColumn(version.user_id_type, leaf.key, name, USER, encryption, 1.0, True)]
    for key in version.save_ids:
        stats = version.id_stats.get(key, {})
        columns.append(
            IdColumn(
                key,
                leaf.key,
                name,
                key,
                stats.get("encryption", "plain"),
                stats.get("fill_rate"),
                False,
            )
        )
    return columns


def offered_ids(rule: rules.Rule, catalog: WorkspaceCatalog) -> list[dict[str, Any]]:
    """The ID types that an audience of this rule can save, one entry each, as the builder shows them."""
    offered: dict[str, dict[str, Any]] = {}
    for column in id_columns(rule, catalog):
        entry = {
            "id_type": column.id_type,
            "label": str(ID_TYPES[column.id_type].label),
            "dataset": column.dataset,
            "dataset_name": column.dataset_name,
            "column": column.column,
            "encryption": column.encryption,
            "fill_rate": column.fill_rate,
            "identifier": column.identifier,
        }
        offered.setdefault(column.id_type, entry)
    return list(offered.values())
