"""The workspace's datasets and audiences as the rule compiler wants them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from functools import cached_property
from typing import Any, TypeAlias, cast

import ibis
from django.db import models
from django.utils.translation import gettext as _

from cdp.core import timezones
from cdp.core.access import Access
from cdp.core.errors import DomainError
from cdp.jobs.services import active_job
from cdp.warehouse import Engine, get_engine
from insight.audiences import visibility
from insight.audiences.catalog import (
    ITEM_TAG,
    AiplModel,
    AudienceTable,
    BehaviourDataset,
    Dataset,
    RfmModel,
    TagColumn,
    TagDataset,
    TagType,
    Unknown,
)
from insight.audiences.item_tags import ItemTags
from insight.audiences.models import Audience, AudienceVersion
from insight.audiences.rules import AudienceLeaf, Rule, leaves, references
from insight.audiences.translating import Translator
from insight.datasets import aipl_days, naming, rights
from insight.datasets.models import TAG_KINDS, DatasetField
from insight.datasets.models import Dataset as DatasetRow
from insight.datasources.connections import in_place
from insight.datasources.models import LAKE
from insight.oneid import queries as oneid
from insight.oneid.models import IdentityGraph

USER = "user_unique_id"


Known: TypeAlias = Mapping[str, tuple[DatasetRow, list[DatasetField]]]


class WorkspaceCatalog:
    """Finds datasets and audiences of one workspace; remembers what it found and in which version.

    `access` says whose rights count: datasets without a grant are not there, and of the others only the rows show
    that the person sees. None opens everything: it is for naming things, and for figures of everybody, which only
    those are shown who see all rows.

    What is read together lives in one data source: `source`, or where none is given, that of what is looked up first.
    `known` are datasets, each with its fields, that the caller has read already and that the person may use.
    """

    def __init__(
        self,
        workspace: Any,
        source: str | None = None,
        *,
        access: Access | None,
        known: Known | None = None,
        today: date | None = None,
    ) -> None:
        self.workspace = workspace
        self.access = access
        self._source = source
        self.dataset_versions: dict[str, int] = {}
        self.audience_versions: dict[str, int] = {}
        self._known = known or {}
        self._datasets: dict[str, tuple[DatasetRow, list[DatasetField]]] = {}
        self._compiled: dict[str, Dataset] = {}
        self._versions: dict[str, AudienceVersion] = {}
        self._tables: dict[str, ibis.Table] = {}
        self._rows: dict[str, rights.Rows] = {}
        self._identities: IdentityGraph | None = None
        self._today = today

    @cached_property
    def today(self) -> date:
        """The workspace's day on which the computation began: the same for every part of it, also past midnight."""
        return self._today or timezones.today(self.workspace)

    @property
    def source(self) -> str:
        """The data source that everything looked up lives in."""
        return self._source or LAKE

    @property
    def engine(self) -> Engine:
        return get_engine(self.source)

    def _lives_here(self, name: str, source: str) -> None:
        """Raises Unknown for what lives in another data source than the rest. What is only named may live anywhere."""
        if self.access is None:
            return
        self._source = self._source or source
        if source != self._source:
            raise Unknown(
                _(
                    "“%(name)s” lives in the data source “%(found)s”, not in “%(wanted)s”. Only what lives in one data "
                    "source can be combined."
                )
                % {
                    "name": name,
                    "found": in_place.name_of(self.workspace, source),
                    "wanted": in_place.name_of(self.workspace, self._source),
                }
            )

    def dataset(self, dataset_id: str) -> Dataset:
        """Raises Unknown where the dataset is gone or has never been computed."""
        if dataset_id not in self._compiled:
            row, fields = self.row(dataset_id)
            if row.kind in TAG_KINDS:
                self._compiled[dataset_id] = self._tags(row, fields)
            elif row.kind == "behaviour":
                self._compiled[dataset_id] = self._behaviour(row, fields)
            elif row.kind == "rfm":
                self._compiled[dataset_id] = RfmModel(row.pk, row.name, lambda: self._open(row))
            elif row.kind == "aipl":
                self._compiled[dataset_id] = self._stages(row)
            else:
                raise Unknown(_("Datasets of this kind cannot be used in conditions."))
        return self._compiled[dataset_id]

    def audience(self, audience_id: str, snapshot: str | int | None) -> AudienceTable:
        """The members of an audience's latest good version, or of a snapshot. Raises Unknown."""
        version = self.version(audience_id, snapshot)
        if snapshot is None:
            self.audience_versions[audience_id] = version.number
        name = "" if snapshot is None else version.snapshot_name
        return AudienceTable(audience_id, version.audience.name, lambda: self._members(version), name)

    def version(self, audience_id: str, snapshot: str | int | None) -> AudienceVersion:
        key = f"{audience_id}/{snapshot}"
        if key not in self._versions:
            version = _find_version(self.workspace, audience_id, snapshot)
            self._lives_here(version.audience.name, version.audience.source)
            self._versions[key] = version
        return self._versions[key]

    def note_versions(self, rule: Rule) -> None:
        """Look up everything that a checked rule reads, so that the versions are known before it is compiled."""
        found = references(rule)
        for dataset_id in found.datasets:
            self.row(dataset_id)
        for _path, leaf in leaves(rule):
            if isinstance(leaf, AudienceLeaf):
                self.audience(leaf.audience, leaf.snapshot)
            if leaf.map is not None:
                self.identities()

    def identities(self) -> IdentityGraph | None:
        """The workspace's identities, where they have been computed; they are noted as read."""
        if self._identities is None:
            self._identities = oneid.current_graph(self.workspace)
        return self._identities

    def translator(self, leaf: Any) -> Translator:
        """What translates a condition's users. Raises Unknown where the identities have not been computed."""
        graph = self.identities()
        if graph is None:
            raise Unknown(_("The identities have not been computed yet: set them up and start a run."))
        if isinstance(leaf, AudienceLeaf):
            version = self.version(leaf.audience, leaf.snapshot)
            form = version.encryption_of(version.user_id_type)
            return Translator(oneid.map_table(graph), version.user_id_type, form)
        field = next(item for item in self.row(leaf.dataset)[1] if item.role == "identifier")
        return Translator(oneid.map_table(graph), field.id_type, field.encryption)

    def row(self, dataset_id: str) -> tuple[DatasetRow, list[DatasetField]]:
        """The dataset and its fields; its version is noted as read. Raises Unknown."""
        if dataset_id not in self._datasets:
            row, fields = self._known.get(dataset_id) or self._read(dataset_id)
            if row is None:
                raise Unknown(_("The dataset is no longer there, or there is no right to use it."))
            if not row.version:
                message = (
                    _("“%(name)s” is being computed for the first time. It can be used when that has ended.")
                    if active_job(row)
                    else _("The dataset “%(name)s” has not been computed yet. Refresh it first.")
                )
                raise Unknown(message % {"name": row.name})
            self._lives_here(row.name, row.source)
            self._datasets[dataset_id] = row, fields
        row, fields = self._datasets[dataset_id]
        self.dataset_versions[dataset_id] = row.version
        return row, fields

    def _read(self, dataset_id: str) -> tuple[DatasetRow | None, list[DatasetField]]:
        every = DatasetRow.objects.in_workspace(self.workspace)
        rows = every if self.access is None else rights.visible(self.access)
        row = rows.filter(pk=dataset_id).first()
        return row, list(row.fields.select_related("category")) if row else []

    def closed(self, datasets: Iterable[str]) -> list[str]:
        """Names of those datasets that exist, without a right to use them."""
        rows = DatasetRow.objects.in_workspace(self.workspace).filter(pk__in=list(datasets))
        if self.access is not None:
            rows = rows.exclude(pk__in=rights.visible(self.access).values("pk"))
            return list(rows.order_by("name").values_list("name", flat=True))
        return []

    def closed_audiences(self, audiences: Iterable[str]) -> list[str]:
        """Names of those audiences that exist, but are somebody else's private ones."""
        rows = Audience.objects.in_workspace(self.workspace).filter(pk__in=list(audiences))
        if self.access is not None:
            rows = rows.exclude(pk__in=visibility.visible(self.access).values("pk"))
            return list(rows.order_by("name").values_list("name", flat=True))
        return []

    def table_of(self, key: str) -> ibis.Table:
        """The table of a dataset by its ID, of an audience's current version or snapshot by its `AudienceLeaf.key`."""
        if key.startswith("aud_"):
            audience, _slash, snapshot = key.partition("/")
            return self._members(self.version(audience, snapshot or None))
        return self._open(self.row(key)[0])

    def rows_of(self, row: DatasetRow) -> rights.Rows:
        """The rows of a dataset that may be read."""
        if row.pk not in self._rows:
            self._rows[row.pk] = None if self.access is None else rights.rows_of(self.access, row)
        return self._rows[row.pk]

    def rows_digest(self) -> str:
        """Tells apart what people with different rights find in the same versions.

        It also changes with the identities and with the days of models, which make no version of a dataset.
        """
        found = {key: rights.digest(self.rows_of(row)) for key, (row, _fields) in self._datasets.items()}
        models = [key for key, (row, _fields) in self._datasets.items() if row.kind == "aipl"]
        found |= {f"{key} days": aipl_days.mark(key) for key in models}
        if self._identities is not None:
            found["identities"] = f"{self._identities.pk} {self._identities.version}"
        return json.dumps({key: text for key, text in found.items() if text}, sort_keys=True)

    def value_names(self, dataset_id: str, place: str, attribute: str = "") -> ibis.Table | None:
        """What the values of a column are called, (value, label); None where nothing names them."""
        return naming.names(self.row(dataset_id)[0], place, attribute)

    def value_labels(
        self, dataset_id: str, place: str, values: Sequence[Any], attribute: str = ""
    ) -> dict[str, str]:
        """What some values are called; those without a name are left out."""
        return naming.labels(self.row(dataset_id)[0], place, values, attribute)

    def _open(self, row: DatasetRow) -> ibis.Table:
        """The current version's table, with the rows that may be read: the only way to a dataset's data."""
        return rights.only(self._table(row.source, row.lake_table), self.rows_of(row))

    def _members(self, version: AudienceVersion) -> ibis.Table:
        return self._table(version.audience.source, version.table_name)

    def has_unique_users(self, key: str) -> bool:
        if key.startswith("aud_"):
            return True
        row, _fields = self.row(key)
        return row.kind in (*TAG_KINDS, "rfm", "aipl") and unique_users(row)

    def one_row_per_user(self, key: str, columns: Sequence[str]) -> ibis.Table:
        """`user_unique_id` and some columns, one row per user: any of a user's values where there are several rows."""
        table = self.table_of(key).select(USER, *columns)
        if self.has_unique_users(key):
            return table
        return table.group_by(USER).aggregate(**{column: table[column].arbitrary() for column in columns})

    def _table(self, source: str, name: str) -> ibis.Table:
        if name not in self._tables:
            self._tables[name] = get_engine(source).table(self.workspace, name)
        return self._tables[name]

    def _tags(self, row: DatasetRow, fields: list[DatasetField]) -> TagDataset:
        if self.access is None and row.source != LAKE:
            return self._named_tags(row, fields)
        table = self._open(row)
        types = table.schema()
        columns: dict[str, TagColumn] = {}
        lost: set[str] = set()
        for item in fields:
            if item.role != "tag":
                continue
            if item.deleted or item.column not in types:
                lost.add(item.column)
                continue
            is_time = types[item.column].is_timestamp()
            columns[item.column] = TagColumn(item.column, item.name, cast(TagType, item.tag_type), is_time)
        return TagDataset(row.pk, row.name, table, columns, unique_users(row), frozenset(lost))

    def _named_tags(self, row: DatasetRow, fields: list[DatasetField]) -> TagDataset:
        """The tags as the last refresh found them: what only names things must not wait for a database outside."""
        tags = [item for item in fields if item.role == "tag"]
        columns = {
            item.column: TagColumn(item.column, item.name, cast(TagType, item.tag_type))
            for item in tags
            if not item.deleted
        }
        lost = frozenset(item.column for item in tags if item.deleted)
        return TagDataset(row.pk, row.name, lambda: self._open(row), columns, unique_users(row), lost)

    def _behaviour(self, row: DatasetRow, fields: list[DatasetField]) -> BehaviourDataset:
        live = [item for item in fields if not item.deleted]
        roles = {item.role for item in live}
        key_value = "object_key" in roles
        objects: dict[str, str] = {}
        if not key_value:
            for item in live:
                if item.role == "object":
                    objects[item.column] = item.column
                    objects[item.name or item.column] = item.column
        return BehaviourDataset(
            row.pk,
            row.name,
            "key_value" if key_value else "wide",
            lambda: self._open(row),
            objects,
            "channel" in roles,
            "count" in roles,
            "amount" in roles,
            row.base_object or None if key_value else None,
            self._items(row),
        )

    def _items(self, behaviour: DatasetRow) -> ItemTags | None:
        """The tags of the items that the records name; None where there are none to be used."""
        linked = behaviour.definition.get("items")
        if not linked:
            return None
        try:
            row, fields = self.row(linked["dataset"])
        except Unknown:
            return None
        try:
            table = self._open(row)
        except DomainError:
            if self.access is None:
                return None
            raise
        types = ("enum", "text", "multi")
        labels = {
            f"{ITEM_TAG}{item.column}": item.name
            for item in fields
            if item.role == "tag"
            and item.tag_type in types
            and item.column in table.columns
            and not item.deleted
        }
        return ItemTags(row.pk, linked["object"], table, labels)

    def _stages(self, row: DatasetRow) -> AiplModel:
        row.workspace = self.workspace
        return AiplModel(
            row.pk,
            row.name,
            lambda: self._open(row),
            lambda: self._table(row.source, aipl_days.days_table(row.pk)),
            lambda: aipl_days.computed_days(row),
        )


def unique_users(row: DatasetRow) -> bool:
    """Whether the current version has one row per user."""
    return bool(row.stats.get("unique_users", False))


def _find_version(workspace: Any, audience_id: str, snapshot: str | int | None) -> AudienceVersion:
    rows = (
        AudienceVersion.objects.in_workspace(workspace)
        .filter(audience_id=audience_id)
        .select_related("audience")
    )
    if snapshot is None:
        found = rows.filter(pk=models.F("audience__current")).first()
    else:
        number = {"number": int(snapshot)} if str(snapshot).isdecimal() else {"pk": str(snapshot)}
        kept = rows.filter(is_snapshot=True)
        found = kept.filter(**number).first() or kept.filter(snapshot_name=str(snapshot)).first()
    if found is not None and found.dropped_at is None:
        return found
    audience = Audience.objects.in_workspace(workspace).filter(pk=audience_id).first()
    if audience is None:
        raise Unknown(_("The audience is no longer there."))
    if snapshot is not None:
        raise Unknown(_("The audience “%(name)s” has no such snapshot.") % {"name": audience.name})
    raise Unknown(
        _("The audience “%(name)s” has not been computed yet. Refresh it first.") % {"name": audience.name}
    )
