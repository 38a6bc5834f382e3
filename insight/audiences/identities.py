"""The IDs of a rule's people: by which one the data knows them, and which others could be saved."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext as _

from cdp.core.identifiers import ID_TYPES, form_label
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


@dataclass(frozen=True)
class Identity:
    """By which ID users are known, and in which form: two sets of users can be compared only where both are the same.

    `id_type` is empty where nothing tells.
    """

    id_type: str = ""
    encryption: str = "plain"

    @property
    def label(self) -> str:
        return form_label(self.id_type, self.encryption)


def identity_of(leaf: Any, catalog: WorkspaceCatalog) -> Identity:
    """By which ID a condition's users are known, after its translation if it has one, which keeps the form."""
    if isinstance(leaf, rules.AudienceLeaf):
        own = identity_of_version(catalog.version(leaf.audience, leaf.snapshot))
    else:
        own = identity_of_dataset(leaf.dataset, catalog)
    return Identity(str(leaf.map.to), own.encryption) if leaf.map is not None else own


def identity_of_dataset(dataset: str, catalog: WorkspaceCatalog) -> Identity:
    """By which ID a dataset knows its users."""
    return identity_of_fields(catalog.row(dataset)[1])


def identity_of_fields(fields: Iterable[DatasetField]) -> Identity:
    """By which ID a dataset of these fields knows its users."""
    found = (item for item in fields if item.role == "identifier")
    return next((Identity(item.id_type, item.encryption) for item in found), Identity())


def identity_of_version(version: AudienceVersion) -> Identity:
    return Identity(version.user_id_type, version.encryption_of(version.user_id_type))


def identity_of_rule(rule: rules.Rule, catalog: WorkspaceCatalog) -> Identity:
    """By which ID the rule's users are known."""
    found = (identity_of(leaf, catalog) for _path, leaf in rules.leaves(rule))
    return next((item for item in found if item.id_type), Identity())


def user_id_type(rule: rules.Rule, catalog: WorkspaceCatalog) -> str:
    """The ID type of the rule's users."""
    return identity_of_rule(rule, catalog).id_type


def identifier_label(rule: rules.Rule, catalog: WorkspaceCatalog) -> str:
    return str(ID_TYPES[key].label) if (key := user_id_type(rule, catalog)) in ID_TYPES else USER


def id_columns(rule: rules.Rule, catalog: WorkspaceCatalog) -> list[IdColumn]:
    """All ID columns of what the rule reads, in its order; the identifier first."""
    found: dict[tuple[str, str], IdColumn] = {}
    for _path, leaf in rules.leaves(rule):
        if leaf.map is not None:
            # The other IDs of its people are found by the one that they had before.
            form = identity_of(leaf, catalog).encryption
            translated = IdColumn(leaf.map.to, "", _("Identities"), USER, form, 1.0, True)
            found.setdefault(("", leaf.map.to), translated)
            continue
        if isinstance(leaf, rules.AudienceLeaf):
            columns = _audience_ids(catalog.version(leaf.audience, leaf.snapshot), leaf)
        else:
            columns = [column for dataset in _read_by(leaf) for column in _dataset_ids(*catalog.row(dataset))]
        for column in columns:
            found.setdefault((column.dataset, column.column), column)
    return sorted(found.values(), key=lambda column: not column.identifier)


def _read_by(leaf: Any) -> list[str]:
    """The datasets that know a condition's people, first the one that all of them are in."""
    base = leaf.base if isinstance(leaf, rules.BehaviourLeaf) else None
    return [base, leaf.dataset] if base else [leaf.dataset]


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
    encryption = version.encryption_of(version.user_id_type)
    columns = [IdColumn(version.user_id_type, leaf.key, name, USER, encryption, 1.0, True)]
    for key in version.save_ids:
        stats = version.id_stats.get(key, {})
        columns.append(
            IdColumn(
                key,
                leaf.key,
                name,
                key,
                version.encryption_of(key),
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
