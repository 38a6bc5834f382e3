"""Sources that datasets and audiences may live in: which they are, what lives in them, and their tables as they are."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import Any

from django.db import transaction
from django.db.models import OuterRef, Q, QuerySet, Subquery
from django.utils.translation import gettext as _

from cdp.core.errors import Conflict, NotFound, ValidationFailed
from cdp.core.registry import Registry
from cdp.warehouse import get_engine
from insight.datasources.connections import browsing
from insight.datasources.connections.diagnosis import session
from insight.datasources.connections.dialects import dialect_of
from insight.datasources.connections.types import RemoteColumn
from insight.datasources.models import LAKE, Connection
from insight.datasources.organization import conditions, grants
from insight.datasources.queries import looks_personal, masked

users_of: Registry[Any] = Registry("source user")
"""Functions (source -> names of what lives in it), registered by higher layers."""
PROFILED_ROWS = 10_000
EXAMPLE_ROWS = 20


def usable(workspace: Any) -> QuerySet[Connection]:
    """The sources that new datasets of the workspace may live in: its own, and those shared with it."""
    return grants.sources_seen_in(workspace).filter(push_down=True).order_by("name")


def find(workspace: Any, source_id: str) -> Connection | None:
    """A source that something of the workspace may live in already, also where nothing of it is shared any more."""
    mine = Q(workspace=workspace) | Q(organization=workspace.organization_id)
    return Connection.objects.filter(mine, push_down=True, pk=source_id).first()


def names(workspace: Any) -> dict[str, str]:
    """What people call the places where datasets and audiences live, by ID; the built-in one first."""
    found = {LAKE: str(_("Built-in"))}
    return found | dict(usable(workspace).values_list("pk", "name"))


def name_of(workspace: Any, source: str) -> str:
    """What people call one of them; the ID itself where the source has gone."""
    if source == LAKE:
        return str(_("Built-in"))
    found = find(workspace, source)
    return found.name if found else source


def with_names(rows: QuerySet[Any]) -> QuerySet[Any]:
    """Rows that have a `source`, with `source_name`; None for the built-in one."""
    found = Connection.objects.filter(pk=OuterRef("source")).values("name")
    return rows.annotate(source_name=Subquery(found[:1]))


def users(source: Connection) -> list[str]:
    """Names of what lives in a source."""
    return [name for finder in users_of for name in finder(source)]


def switch(source: Connection, values: Mapping[str, Any]) -> None:
    """Let datasets live in a source, or no longer. Raises ValidationFailed; Conflict while something lives there."""
    if values.get("push_down") is None:
        return
    wanted = values["push_down"]
    if not isinstance(wanted, bool):
        raise ValidationFailed(errors={"push_down": [_("Use true or false.")]})
    if wanted and source.kind != Connection.Kind.POSTGRESQL:
        message = _("Datasets can live in PostgreSQL databases only.")
        raise ValidationFailed(message, errors={"push_down": [message]})
    if source.push_down and not wanted and (found := users(source)):
        message = _("This lives in the source: %(names)s. Remove it first.") % {"names": ", ".join(found)}
        raise Conflict(message, code="in_use", errors={"push_down": [message]})
    source.push_down = wanted


@contextmanager
def kept_free(source: Connection) -> Iterator[None]:
    """A transaction in which nothing new can come to live in a source. Raises Conflict where something does."""
    with transaction.atomic():
        hold(source)
        if found := users(source):
            raise Conflict(
                _("This lives in the source: %(names)s. Remove it first.") % {"names": ", ".join(found)},
                code="in_use",
            )
        yield


def hold(source: Connection) -> None:
    """Keep a source as it is until the end of the transaction. Raises NotFound where it has gone."""
    if not Connection.objects.select_for_update().filter(pk=source.pk).exists():
        raise NotFound(_("The data source is no longer there."), code="source_missing")


def hold_place(workspace: Any, source_id: str) -> None:
    """Keep the place as it is where something comes to live. Raises NotFound (source_missing) where it has gone."""
    if source_id != LAKE:
        source = find(workspace, source_id)
        if source is None:
            raise NotFound(_("The data source is no longer there."), code="source_missing")
        hold(source)


@dataclass(frozen=True)
class InPlaceTable:
    """A table of a source as a workspace sees it, read where it is; it can be asked what a table of the lake can.

    Of an organization's source that are the shared rows and columns. What is read raises Conflict `no_grant` where
    nothing of the table is shared.
    """

    source: Connection
    name: str
    workspace: Any
    loaded_at: datetime | None = None

    def __str__(self) -> str:
        return self.name

    @cached_property
    def part(self) -> grants.Allowed:
        """What of it the workspace may read. Raises Conflict `no_grant`."""
        return browsing.seen_by(self.workspace, self.source, self.name)

    @cached_property
    def present(self) -> list[RemoteColumn]:
        """All columns that it has now. Raises NotFound (table_missing), DomainError (502)."""
        with session(self.source) as opened:
            return browsing.find(opened, self.source, self.name)[1]

    @cached_property
    def described(self) -> list[RemoteColumn]:
        """The columns that the workspace may read. Raises NotFound (table_missing), Conflict, DomainError (502)."""
        part = self.part
        return [column for column in self.present if part.has(column.name)]

    @cached_property
    def columns(self) -> list[dict[str, Any]]:
        """[{"name", "type", "nullable"}]"""
        return [
            {"name": column.name, "type": column.type, "nullable": column.nullable}
            for column in self.described
        ]

    @property
    def relation(self) -> str:
        """SQL to stand after FROM: the rows, their values in the types that columns of the lake have."""
        dialect = dialect_of(self.source)
        listed = ", ".join(
            f"{dialect.value(column)} AS {dialect.quote(column.name)}" for column in self.described
        )
        shared = conditions.rows_where(
            self.source, self.part, {column.name: column for column in self.present}
        )
        where = f" WHERE {shared}" if shared else ""
        return f"(SELECT {listed} FROM {dialect.path(self.source, self.name)}{where}) source"

    @cached_property
    def rows(self) -> int:
        """How many rows `profile` looks at."""
        return int(get_engine(self.source.pk).rows(f"SELECT count(*) FROM {self._some(PROFILED_ROWS)}")[0][0])

    def sample(self) -> dict[str, Any]:
        """Some rows: {"columns": [...], "rows": [{column: value}]}; columns that identify people are masked."""
        listed = [column["name"] for column in self.columns]
        found = get_engine(self.source.pk).rows(f"SELECT * FROM {self._some(EXAMPLE_ROWS)}")
        values = dict(zip(listed, zip(*found, strict=True), strict=True)) if found else {}
        hidden = {name for name in listed if looks_personal(name, values.get(name, ()))}
        rows = [
            {
                name: masked(name, value, always=name in hidden)
                for name, value in zip(listed, row, strict=True)
            }
            for row in found
        ]
        return {"columns": listed, "rows": rows}

    def profile(self) -> list[dict[str, Any]]:
        """Per column, of its first rows: share of nulls, distinct values, smallest and largest."""
        quote = dialect_of(self.source).quote
        parts = []
        for column in self.columns:
            name = quote(column["name"])
            parts += [f"count({name})", f"count(DISTINCT {name})", f"min({name}::text)", f"max({name}::text)"]
        row = get_engine(self.source.pk).rows(
            f"SELECT count(*), {', '.join(parts)} FROM {self._some(PROFILED_ROWS)}"
        )[0]
        found = []
        for index, column in enumerate(self.columns):
            filled, distinct, low, high = row[1 + index * 4 : 5 + index * 4]
            found.append(
                {**column, "filled": filled / (row[0] or 1), "distinct": distinct, "min": low, "max": high}
            )
        return found

    def _some(self, rows: int) -> str:
        return f"(SELECT * FROM {self.relation} LIMIT {rows}) part"


def find_table(workspace: Any, source_id: str, name: str) -> InPlaceTable:
    """A table of a source that datasets may live in.

    Raises NotFound: source_missing, table_missing; Conflict: no_grant; DomainError (502).
    """
    source = usable(workspace).filter(pk=source_id).first()
    if source is None:
        raise NotFound(_("There is no such data source that datasets may live in."), code="source_missing")
    table = InPlaceTable(source, name, workspace)
    table.described  # noqa: B018  (raises where there is no such table)
    return table
