"""What the compiler is handed: tables of datasets and audiences, and what their columns mean."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias

import ibis

if TYPE_CHECKING:
    from insight.audiences.item_tags import ItemTags
    from insight.audiences.translating import Translator

TagType = Literal["enum", "multi", "text", "number", "date"]
ITEM_TAG = "item:"
"""How the names of objects begin that ask for a tag of the item."""
OBJECT = "object"
"""The place of the values of all attributes, in the attribute-and-value form."""
TableSource: TypeAlias = ibis.Table | Callable[[], ibis.Table]


class Unknown(LookupError):
    """A dataset or audience that is not there, or may not be used; the message is for the person."""


@dataclass(frozen=True)
class TagColumn:
    """A tag: its column, its name for people, and its type. `is_timestamp`: a date tag with a time of day."""

    name: str
    label: str
    type: TagType
    is_timestamp: bool = False


@dataclass(frozen=True)
class TagDataset:
    """A user-tag dataset's materialised version. `unique_users`: one row per identifier.

    `lost` names tags whose column has disappeared from the source.
    """

    id: str
    label: str
    source: TableSource
    columns: Mapping[str, TagColumn]
    unique_users: bool = True
    lost: frozenset[str] = frozenset()

    @property
    def table(self) -> ibis.Table:
        return resolved(self.source)


@dataclass(frozen=True)
class BehaviourDataset:
    """A behaviour dataset's materialised version.

    `objects` maps both the names for people and the column names (wide form) or attribute names (key/value form) to
    the column or attribute. `base_attribute` stands in where a condition names no object (key/value form).
    """

    id: str
    label: str
    form: Literal["wide", "key_value"]
    source: TableSource
    objects: Mapping[str, str] = field(default_factory=dict)
    has_channel: bool = True
    has_count: bool = True
    has_amount: bool = True
    base_attribute: str | None = None
    items: ItemTags | None = None

    @property
    def table(self) -> ibis.Table:
        return resolved(self.source)

    def object_column(self, name: str) -> str | None:
        """The column (wide) or attribute (key/value) of an object name; any name where none are listed."""
        if self.is_item_tag(name):
            return self.items.object if self.items and name in self.items.labels else None
        found = self.objects.get(name)
        return name if found is None and self.form == "key_value" and not self.objects else found

    def named_at(self, name: str) -> tuple[str, str, str]:
        """Where what an object's values are called is kept: dataset, place and attribute."""
        if self.items is not None and self.is_item_tag(name):
            return self.items.dataset, name.removeprefix(ITEM_TAG), ""
        found = self.object_column(name) or ""
        return (self.id, OBJECT, found) if self.form == "key_value" else (self.id, found, "")

    def is_item_tag(self, name: str) -> bool:
        """Whether an object name asks for a tag of the item, not for the object itself."""
        return self.items is not None and name.startswith(ITEM_TAG)


@dataclass(frozen=True)
class RfmModel:
    """An RFM model's latest version: one row per customer with r_days, f, m, rs, fs, ms, type."""

    id: str
    label: str
    source: TableSource

    @property
    def table(self) -> ibis.Table:
        return resolved(self.source)


@dataclass(frozen=True)
class AiplModel:
    """An AIPL model: user and stage on the latest day, and in `days` (day, user_unique_id, stage) on all days kept.

    `computed` gives the days that are there, earliest first; on some of them nobody may have a stage.
    """

    id: str
    label: str
    source: TableSource
    days: TableSource
    computed: Callable[[], Sequence[date]]

    @property
    def table(self) -> ibis.Table:
        return resolved(self.source)


@dataclass(frozen=True)
class AudienceTable:
    """Members of an audience version; `user_unique_id` is unique in it. `snapshot`: what a snapshot is called."""

    id: str
    label: str
    source: TableSource
    snapshot: str = ""

    @property
    def table(self) -> ibis.Table:
        return resolved(self.source)


Dataset = TagDataset | BehaviourDataset | RfmModel | AiplModel


class Catalog(Protocol):
    """Finds what a rule names. The methods raise `Unknown` with a message for the person."""

    def dataset(self, dataset_id: str) -> Dataset: ...

    def audience(self, audience_id: str, snapshot: str | int | None) -> AudienceTable: ...

    def translator(self, leaf: Any) -> Translator: ...


def resolved(source: TableSource) -> ibis.Table:
    return source if isinstance(source, ibis.Table) else source()
