"""What a dataset is computed from: its table, with further tables joined to it, as one relation of the engine.

A column of a joined table is called `<table>.<column>`, by the name that the table had when it was joined. A joined
table has at most one row for each row it is joined to: more would count people and events several times.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Any

import duckdb
from django.utils.translation import gettext as _

from cdp import lake
from cdp.core.errors import Conflict, NotFound
from cdp.lake.names import quote
from cdp.warehouse import get_engine
from insight.datasets.cleaning import LAKE_CLEANING, POSTGRES_CLEANING, Cleaning
from insight.datasets.models import Dataset, DatasetField, DatasetJoin
from insight.datasources import queries
from insight.datasources.connections import in_place
from insight.datasources.connections.in_place import InPlaceTable
from insight.datasources.models import LAKE, SourceTable
from insight.datasources.queries import masked

MOST_TABLES = 5
MOST_KEYS = 3
EXAMPLES = 10
MATCHED = "@matched"


Table = SourceTable | InPlaceTable


class Source:
    """A table and the tables joined to it, in order. Only `name`, `columns` and `column_type` need no lake.

    `clean` makes the values of its columns clean in the SQL of the engine `engine`; `fix_prefix` takes 86 off mobile
    numbers.
    """

    engine: str = LAKE
    clean: Cleaning = LAKE_CLEANING
    fix_prefix = False

    def __init__(self, workspace: Any, table: Any, joins: Sequence[DatasetJoin] = ()) -> None:
        self.workspace = workspace
        self.table = table
        self.joins = list(joins)

    def with_joins(self, joins: Sequence[DatasetJoin]) -> Source:
        """The same table with these tables joined to it."""
        return type(self)(self.workspace, self.table, joins)

    def joined(self, join: DatasetJoin) -> Any:
        """The table of a join."""
        return join.table

    @property
    def tables(self) -> list[Any]:
        return [self.table, *map(self.joined, self.joins)]

    @cached_property
    def columns(self) -> list[dict[str, Any]]:
        """[{"name", "type", "nullable"}], of joined tables with the names they have here."""
        joined = [
            {**column, "name": f"{join.name}.{column['name']}"}
            for join in self.joins
            for column in self.joined(join).columns
        ]
        return [*self.table.columns, *joined]

    def column_type(self, name: str) -> str | None:
        """The type of a column (text, integer, number, boolean, date, datetime); None where there is none."""
        return next((column["type"] for column in self.columns if column["name"] == name), None)

    def identifier(self, item: DatasetField, *, fix_prefix: bool | None = None) -> str:
        """The clean value of a column of IDs in SQL, NULL where it is not valid."""
        return self.clean.identifier(
            item.column,
            self.column_type(item.column) or "",
            item.id_type,
            item.encryption,
            fix_prefix=self.fix_prefix if fix_prefix is None else fix_prefix,
        )

    @property
    def examples(self) -> dict[str, list[Any]]:
        """A few values of each column, masked where they identify people."""
        found: dict[str, list[Any]] = {}
        starts = ["", *(f"{join.name}." for join in self.joins)]
        for start, table in zip(starts, self.tables, strict=True):
            for line in self._sample(table)["rows"]:
                for name, value in line.items():
                    found.setdefault(f"{start}{name}", []).append(value)
        return found

    def _sample(self, table: Any) -> dict[str, Any]:
        return queries.sample(table)

    @cached_property
    def physical(self) -> dict[str, str]:
        """The engine's types of the columns that are there now. Raises Conflict where a table is gone."""
        found = dict(self._described(self.table))
        for join in self.joins:
            columns = self._described(self.joined(join))
            found |= {f"{join.name}.{name}": kind for name, kind in columns.items()}
        return found

    def _described(self, table: Any) -> dict[str, str]:
        if not table.lake_table:
            raise Conflict(_("The source table is no longer there."), code="table_missing")
        try:
            return {column.name: column.type for column in lake.columns(self.workspace, table.lake_table)}
        except duckdb.CatalogException as error:
            raise Conflict(_("The source table is no longer there."), code="table_missing") from error

    @property
    def missing_keys(self) -> list[str]:
        """Columns that tables are joined by and that are no longer there."""
        wanted = [
            name
            for join in self.joins
            for left, right in join.pairs
            for name in (left, f"{join.name}.{right}")
        ]
        return [name for name in dict.fromkeys(wanted) if name not in self.physical]

    @property
    def relation(self) -> str:
        """SQL to stand after FROM: the rows that a dataset is made of."""
        if not self.joins:
            return self._path(self.table)
        inner = [f"{quote(f'{join.name}.{MATCHED}')}" for join in self.joins if join.kind == join.Kind.INNER]
        where = f" WHERE {' AND '.join(inner)}" if inner else ""
        return f"(SELECT * FROM {self._left_joined()}{where}) source"

    def _path(self, table: Any) -> str:
        return queries.path_of(table)

    def _left_joined(self) -> str:
        """All rows of the first table, with a mark for each joined one whether it had a match."""
        places = {column: f"b.{quote(column)}" for column in self._described(self.table)}
        shown, parts = ["b.*"], [f"(SELECT * FROM {self._path(self.table)}) b"]
        for number, join in enumerate(self.joins):
            alias, table = f"j{number}", self.joined(join)
            keys = " AND ".join(
                self._equal(places[left], join, left, right, alias) for left, right in join.pairs
            )
            marked = f"(SELECT *, true AS {quote(MATCHED)} FROM {self._path(table)})"
            parts.append(f"LEFT JOIN {marked} {alias} ON {keys}")
            for column in self._described(table):
                name = f"{join.name}.{column}"
                places[name] = f"{alias}.{quote(column)}"
                shown.append(f"{places[name]} AS {quote(name)}")
            mark = f"coalesce({alias}.{quote(MATCHED)}, false)"
            shown.append(f"{mark} AS {quote(f'{join.name}.{MATCHED}')}")
        return f"(SELECT {', '.join(shown)} FROM {' '.join(parts)}) joined"

    def _equal(self, place: str, join: DatasetJoin, left: str, right: str, alias: str) -> str:
        """Keys of the same type are compared as they are, others as text; empty text matches nothing."""
        other = f"{alias}.{quote(right)}"
        kinds = self._key_type(left), self._key_type(f"{join.name}.{right}")
        if kinds[0] == kinds[1] and kinds[0] not in ("VARCHAR", "text"):
            return f"{place} = {other}"
        clean = self.clean.text_of
        return f"nullif({clean(place, kinds[0])}, '') = nullif({clean(other, kinds[1])}, '')"

    def _key_type(self, column: str) -> str:
        return self.physical[column]

    def repeated(self) -> dict[int, list[dict[str, Any]]]:
        """By place of the join, keys that several rows of the joined table have: [{"value", "rows"}]."""
        found: dict[int, list[dict[str, Any]]] = {}
        for number, join in enumerate(self.joins):
            before = self.with_joins(self.joins[:number])
            keys = " AND ".join(
                self._equal(f"l.{quote(left)}", join, left, right, "r") for left, right in join.pairs
            )
            columns = [right for _left, right in join.pairs]
            names = ", ".join(f"r.{quote(column)}" for column in columns)
            repeats = get_engine(self.engine).rows(
                f"SELECT {names}, count(*) AS n FROM (SELECT * FROM {self._path(self.joined(join))}) r "
                f"WHERE EXISTS (SELECT 1 FROM (SELECT * FROM {before.relation}) l WHERE {keys}) "
                f"GROUP BY {names} HAVING count(*) > 1 ORDER BY n DESC, {names} LIMIT {EXAMPLES}"
            )
            if repeats:
                found[number] = [{"value": _shown(columns, row[:-1]), "rows": row[-1]} for row in repeats]
        return found

    def matches(self) -> list[dict[str, Any]]:
        """Per joined table how many rows found a match: [{"table", "type", "matched", "unmatched"}]."""
        if not self.joins:
            return []
        marks = [quote(f"{join.name}.{MATCHED}") for join in self.joins]
        counts = ", ".join(f"count(*) FILTER (WHERE {mark})" for mark in marks)
        [row] = get_engine(self.engine).rows(f"SELECT count(*), {counts} FROM {self._left_joined()}")
        total, *matched = row
        return [
            {"table": join.table_name, "type": join.kind, "matched": count, "unmatched": total - count}
            for join, count in zip(self.joins, matched, strict=True)
        ]


class PlacedSource(Source):
    """Tables of a data source that datasets live in, read where they are.

    `known` are tables that were looked at already, by name: each look asks the database.
    """

    clean = POSTGRES_CLEANING

    def __init__(
        self,
        workspace: Any,
        table: InPlaceTable,
        joins: Sequence[DatasetJoin] = (),
        known: dict[str, InPlaceTable] | None = None,
    ) -> None:
        super().__init__(workspace, table, joins)
        self.engine = table.source.pk
        self.known = {} if known is None else known

    def with_joins(self, joins: Sequence[DatasetJoin]) -> PlacedSource:
        return PlacedSource(self.workspace, self.table, joins, self.known)

    def joined(self, join: DatasetJoin) -> InPlaceTable:
        if join.remote not in self.known:
            self.known[join.remote] = InPlaceTable(self.table.source, join.remote, self.workspace)
        return self.known[join.remote]

    def _described(self, table: InPlaceTable) -> dict[str, str]:
        """The database's types."""
        try:
            return {column.name: column.declared for column in table.described}
        except NotFound as error:
            raise Conflict(_("The source table is no longer there."), code="table_missing") from error

    def _path(self, table: InPlaceTable) -> str:
        return table.relation

    def _key_type(self, column: str) -> str:
        """The type of ours, in which the relation of a table gives its values."""
        return self.column_type(column) or ""

    def _sample(self, table: InPlaceTable) -> dict[str, Any]:
        return table.sample()


def is_moment(source: Source, column: str) -> bool:
    """Whether a column holds moments in the world, not times of a clock somewhere."""
    return "with time zone" in source.physical.get(column, "").lower()


def table_of(dataset: Dataset) -> Table | None:
    """The table that a dataset is made of; None where it, or the data source that it lies in, is gone."""
    if dataset.source == LAKE:
        return dataset.table
    source = in_place.find(dataset.workspace, dataset.source)
    return InPlaceTable(source, dataset.remote, dataset.workspace) if source is not None else None


def source_of(dataset: Dataset) -> Source:
    """What a dataset is computed from. Raises Conflict where its table is gone."""
    source = _source_of(dataset)
    source.fix_prefix = dataset.fix_prefix
    return source


def _source_of(dataset: Dataset) -> Source:
    if dataset.source != LAKE:
        placed = table_of(dataset)
        if not isinstance(placed, InPlaceTable):
            raise Conflict(_("The data source is no longer there."), code="source_missing")
        return PlacedSource(dataset.workspace, placed, joins_of(dataset))
    if dataset.table is None:
        raise Conflict(_("The source table is no longer there."), code="table_missing")
    return Source(dataset.workspace, dataset.table, joins_of(dataset))


def joins_of(dataset: Dataset) -> list[DatasetJoin]:
    """The joined tables; without another query where a list has fetched them already."""
    if "joins" in getattr(dataset, "_prefetched_objects_cache", {}):
        return list(dataset.joins.all())
    return list(dataset.joins.select_related("table"))


def not_unique(join: DatasetJoin, examples: list[dict[str, Any]]) -> str:
    """Why a table cannot be joined, with examples."""
    shown = ", ".join(f"{item['value']} ({item['rows']})" for item in examples)
    return _(
        "The table %(table)s has several rows for one key, so people or events would count twice: %(examples)s."
    ) % {"table": join.table_name, "examples": shown}


def _shown(columns: list[str], values: Sequence[Any]) -> str:
    return " / ".join(str(masked(column, value)) for column, value in zip(columns, values, strict=True))
