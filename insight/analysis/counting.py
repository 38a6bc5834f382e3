"""Users per value of tags, over a whole dataset or over audiences within it: one statement however many tags."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import ibis
import ibis.expr.types as ir
from django.core.cache import cache

from insight.analysis.models import KeptCounts
from insight.audiences.sources import WorkspaceCatalog
from insight.audiences.translated import Members
from insight.datasets import rights
from insight.datasets.models import TAG_KINDS, Dataset, DatasetField

USER = "user_unique_id"
MOST_VALUES = 5000
TOP = 200
"""The values that are shown of a tag with more than MOST_VALUES."""
CACHE_SECONDS = 24 * 3600
MOST_KEPT = 200
"""Values that a tag may have whose counts are kept with each version."""
_ALL = -1
_KNOWN, _VALUE = "known", "value"


@dataclass(frozen=True)
class Counts:
    """Users of one tag: those with a value, and (value, users), most frequent first, at most MOST_VALUES + 1."""

    known: int
    values: list[tuple[str, int]]


@dataclass(frozen=True)
class Counted:
    """`users` of one side, and the counts of its tags by column."""

    users: int
    tags: dict[str, Counts]


class Sides:
    """The users of a dataset and of audiences within it, as the person sees them.

    Counts are kept by versions and visible rows, so that only what nobody has asked for yet is counted.
    """

    def __init__(self, catalog: WorkspaceCatalog, dataset: Dataset) -> None:
        self.dataset = dataset
        self.unique = catalog.has_unique_users(dataset.pk)
        self.population = catalog.table_of(dataset.pk)
        self._seen = rights.digest(catalog.rows_of(dataset))
        self.engine = catalog.engine

    def count(self, sides: Sequence[Members | None], fields: Sequence[DatasetField]) -> list[Counted]:
        """The counts of each side; None stands for everybody. One statement for all that is not kept yet."""
        wanted = {
            (place, item.column if item else ""): self._name(side, item)
            for place, side in enumerate(sides)
            for item in (None, *fields)
        }
        kept = self._kept(fields) if None in sides else {}
        kept |= cache.get_many([name for name in wanted.values() if name not in kept])
        missing = [key for key, name in wanted.items() if name not in kept]
        if missing:
            by_column = {item.column: item for item in fields}
            fresh = self._run(sides, [(place, by_column.get(column)) for place, column in missing])
            named = {wanted[key]: value for key, value in fresh.items()}
            cache.set_many(named, CACHE_SECONDS)
            kept |= named
        return [
            Counted(
                kept[wanted[place, ""]],
                {item.column: Counts(*kept[wanted[place, item.column]]) for item in fields},
            )
            for place in range(len(sides))
        ]

    def _kept(self, fields: Sequence[DatasetField]) -> dict[str, Any]:
        """What has been counted of everybody when the version was made, for those who see all rows."""
        row = None
        if not self._seen:
            row = KeptCounts.objects.filter(dataset=self.dataset, version=self.dataset.version).first()
        if row is None:
            return {}
        found: dict[str, Any] = {self._name(None, None): row.users}
        for item in fields:
            counts = row.tags.get(item.column)
            if counts and counts["type"] == item.tag_type:
                values = [(value, users) for value, users in counts["values"]]
                found[self._name(None, item)] = (counts["known"], values)
        return found

    def count_some(self, side: Members | None, item: DatasetField, values: Sequence[str]) -> dict[str, int]:
        """Users of chosen values of one tag: what a list that was cut does not tell."""
        column = self._values(self._table(side, [item]), item)
        column = column.filter(column.value.isin(list(values)))
        grouped = column.group_by("value").aggregate(users=self._people(column))
        return {row["value"]: row["users"] for row in self.engine.execute(grouped).to_pylist()}

    def _name(self, side: Members | None, item: DatasetField | None) -> str:
        parts = [self.dataset.lake_table, self._seen, side.key if side else ""]
        parts += [item.column, item.tag_type] if item else []
        return f"analysis:{hashlib.sha256('/'.join(map(str, parts)).encode()).hexdigest()}"

    def _table(self, side: Members | None, fields: Sequence[DatasetField]) -> ibis.Table:
        """The columns that are counted, of the side's users."""
        table = self.population.select(USER, *dict.fromkeys(item.column for item in fields))
        return table.semi_join(side.people, USER) if side is not None else table

    def _run(
        self,
        sides: Sequence[Members | None],
        missing: Sequence[tuple[int, DatasetField | None]],
    ) -> dict[tuple[int, str], Any]:
        """Columns of the statement: side, place (of the tag), what, value, users."""
        branches: list[ibis.Table] = []
        shared: dict[str, ibis.Table] = {}
        for side, version in enumerate(sides):
            fields = [item for place, item in missing if place == side and item is not None]
            table = self._table(version, fields)
            if version is not None and fields:
                shared[f"side_{side}"] = table
                table = ibis.table(table.schema(), name=f"side_{side}")
            if (side, None) in missing:
                branches.append(_branch(table.aggregate(users=self._people(table)), side, _ALL, _KNOWN))
            for place, item in enumerate(fields):
                branches += self._branches(table, side, place, item)
        rows = self.engine.execute(_union(branches), shared).to_pydict()
        found: dict[tuple[int, str], Any] = {}
        columns = {
            side: [item.column for place, item in missing if place == side and item is not None]
            for side in range(len(sides))
        }
        for side, names in columns.items():
            found |= {(side, name): [None, []] for name in names}
        unknown: dict[tuple[int, str], int] = {}
        for side, place, what, value, users in zip(
            rows["side"], rows["place"], rows["what"], rows["value"], rows["users"], strict=True
        ):
            if place == _ALL:
                found[side, ""] = users
            elif what == _KNOWN:
                found[side, columns[side][place]][0] = users
            elif value is None:
                unknown[side, columns[side][place]] = users
            else:
                found[side, columns[side][place]][1].append((value, users))
        for key, counts in found.items():
            if key[1] and counts[0] is None:
                everybody = found[key[0], ""] if (key[0], "") in found else self._users(sides[key[0]])
                counts[0] = everybody - unknown.get(key, 0)
            if key[1]:
                counts[1].sort(key=lambda row: (-row[1], row[0]))
        return found

    def _users(self, side: Members | None) -> int:
        """The users of a side that have been counted before."""
        kept: int | None = cache.get(self._name(side, None))
        if kept is not None:
            return kept
        table = self._table(side, [])
        return int(self.engine.scalar(table.aggregate(users=self._people(table))))

    def _branches(self, table: ibis.Table, side: int, place: int, item: DatasetField) -> list[ibis.Table]:
        """Users per value of one tag. Those without a value are a value of their own where nobody can have two;
        elsewhere those who have one are counted beside. One value more than the limit tells that there are too many.
        """
        one_value = self.unique and item.tag_type != "multi"
        values = self._values(table, item)
        if not one_value:
            values = values.filter(values.value.notnull())
        grouped = values.group_by("value").aggregate(users=self._people(values))
        first = grouped.order_by([ibis.desc(grouped.value.isnull()), ibis.desc("users"), "value"])
        found = [_branch(first.limit(MOST_VALUES + 1 + one_value), side, place, _VALUE)]
        if not one_value:
            known = table.filter(_has_value(table[item.column], item))
            found.append(_branch(known.aggregate(users=self._people(known)), side, place, _KNOWN))
        return found

    def _values(self, table: ibis.Table, item: DatasetField) -> ibis.Table:
        """(user,) value: the parts of a multi-value tag; the empty text is no value."""
        column = table[item.column]
        parts = column.unnest() if item.tag_type == "multi" else column
        rows = table.select(**({} if self.unique else {USER: table[USER]}), value=parts)
        return rows.mutate(value=rows.value.nullif(""))

    def _people(self, table: ibis.Table) -> ir.IntegerScalar:
        return table.count() if self.unique else table[USER].nunique()


def keep(dataset: Dataset) -> None:
    """Count everybody once per version, so that charts of a whole dataset need no look at its rows."""
    if dataset.kind not in TAG_KINDS:
        return
    catalog = WorkspaceCatalog(dataset.workspace, dataset.source, access=None)
    row, every = catalog.row(dataset.pk)
    distinct = row.stats.get("distinct", {})
    fields = [
        item
        for item in every
        if item.role == "tag"
        and item.tag_type in ("enum", "multi")
        and item.pivot_enabled
        and not item.deleted
        and distinct.get(item.column, 0) <= MOST_KEPT
    ]
    [counted] = Sides(catalog, row).count([None], fields)
    tags = {
        item.column: {
            "type": item.tag_type,
            "known": counted.tags[item.column].known,
            "values": counted.tags[item.column].values,
        }
        for item in fields
    }
    KeptCounts.objects.update_or_create(
        dataset=row, defaults={"version": row.version, "users": counted.users, "tags": tags}
    )


def _has_value(column: Any, item: DatasetField) -> ir.BooleanValue:
    if item.tag_type == "multi":
        return column.notnull() & (column.length() > 0)
    return column.notnull() & (column != "")


def _branch(table: ibis.Table, side: int, place: int, what: str) -> ibis.Table:
    value = table.value if "value" in table.columns else ibis.literal(None, "string")
    return table.select(
        side=ibis.literal(side, "int16"),
        place=ibis.literal(place, "int16"),
        what=ibis.literal(what),
        value=value,
        users=table.users,
    )


def _union(branches: Sequence[ibis.Table]) -> ibis.Table:
    """All branches together. Halves of halves, since an expression as deep as there are tags compiles slowly."""
    if len(branches) == 1:
        return branches[0]
    middle = len(branches) // 2
    return ibis.union(_union(branches[:middle]), _union(branches[middle:]))
