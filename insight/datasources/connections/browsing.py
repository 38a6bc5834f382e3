"""Looking into a source: its tables, their columns, some of their values.

`viewer` is the workspace that looks, which sees of an organization's source what is shared with it; None is the
organization itself, whose managers see all of their sources.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import datetime
from typing import Any

import duckdb
from django.utils.translation import gettext as _

from cdp.core.errors import DomainError, NotFound
from insight.datasources.connections import busy, scanning
from insight.datasources.connections.diagnosis import diagnose, reachable, session
from insight.datasources.connections.dialects import ANSWER_SECONDS, RemoteTable, Rows, Session, dialect_of
from insight.datasources.connections.types import RemoteColumn
from insight.datasources.models import Connection, SourceTable
from insight.datasources.organization import conditions, grants
from insight.datasources.organization.grants import EVERYTHING, Allowed
from insight.datasources.profiling import masked_figures
from insight.datasources.queries import looks_personal, masked

log = logging.getLogger(__name__)
MAX_TABLES = 10_000
_ALIKE = 20
SAMPLED_ROWS = 200
SHOWN_VALUES = 5
SHOWN_CHARACTERS = 200
PROFILED_ROWS = 100_000
PROFILED_VALUES = 4_000_000
"""A table with many columns is profiled by fewer rows."""


def tables(source: Connection, search: str = "", *, viewer: Any = None) -> list[RemoteTable]:
    """The tables and views that may be read, by name; at most MAX_TABLES. Raises DomainError (502)."""
    with session(source) as opened:
        found = dialect_of(source).tables(opened, source, search=search.strip(), limit=MAX_TABLES)
    if viewer is None:
        return found
    seen = grants.readable(source, viewer, [table.name for table in found])
    return [_estimated(table, seen[table.name]) for table in found if table.name in seen]


def some_tables(
    source: Connection, search: str, limit: int, offset: int, *, viewer: Any
) -> list[RemoteTable]:
    """As `tables`, seen by a workspace: `limit` of them after the first `offset`. Raises DomainError (502)."""
    if source.is_shared:
        return tables(source, search, viewer=viewer)[offset : offset + limit]
    with session(source) as opened:
        return dialect_of(source).tables(opened, source, search=search.strip(), limit=limit, offset=offset)


def _estimated(table: RemoteTable, part: Allowed) -> RemoteTable:
    """How many rows there are is told to those who may read all of them."""
    return replace(table, rows=None) if part.rows else table


def copies(source: Connection, *, viewer: Any = None) -> dict[str, list[SourceTable]]:
    """The tables of the lake that are copied from each table of a source."""
    found: dict[str, list[SourceTable]] = {}
    feeds = source.feeds.select_related("table").order_by("table__name")
    for feed in feeds if viewer is None else feeds.filter(workspace=viewer):
        found.setdefault(feed.remote, []).append(feed.table)
    return found


def last_read(copies: list[SourceTable]) -> datetime | None:
    """When a table was last read as a whole or for what is new: the latest load of its copies, None without one."""
    return max((copy.loaded_at for copy in copies if copy.loaded_at), default=None)


def describe(
    source: Connection, table: str, *, viewer: Any = None, sampled: bool = False, clear: bool = False
) -> dict[str, Any]:
    """A table and its columns: {"name", "kind", "comment", "rows", "columns": [{"name", "declared", "type", …}]}.

    With `sampled`, each column also has `nulls` (share of the first SAMPLED_ROWS rows, None where there are no rows)
    and `values`: up to SHOWN_VALUES different ones as text, masked where they identify people unless `clear`.
    Raises NotFound, DomainError (502).
    """
    part = seen_by(viewer, source, table)
    with session(source) as opened:
        found, present = find(opened, source, table)
        columns = [column for column in present if part.has(column.name)]
        where = conditions.rows_where(source, part, {column.name: column for column in present})
        rows = _sample(opened, source, table, columns, where) if sampled else []
    listed = [
        {
            "name": column.name,
            "declared": column.declared,
            "type": column.type,
            "nullable": column.nullable,
            "comment": column.comment,
        }
        for column in columns
    ]
    if sampled:
        for number, column in enumerate(listed):
            column.update(_figures(str(column["name"]), [row[number] for row in rows], clear=clear))
    return {
        "name": found.name,
        "kind": found.kind,
        "comment": found.comment,
        "rows": _estimated(found, part).rows,
        "columns": listed,
    }


def profile(source: Connection, table: str, *, viewer: Any = None) -> dict[str, Any]:
    """Figures of the first rows of a table: {"rows", "complete", "columns"}, identifiers masked.

    `rows` says how many were looked at, `complete` whether these are all. Each column has name, declared, type,
    nullable, comment and the figures of `profiling.figures`. Raises NotFound, Conflict `no_grant`, DomainError (502).
    """
    part = seen_by(viewer, source, table)
    with session(source) as opened:
        _found, present = find(opened, source, table)
    columns = [column for column in present if part.has(column.name)]
    where = conditions.rows_where(source, part, {column.name: column for column in present})
    most = min(PROFILED_ROWS, PROFILED_VALUES // len(columns))
    try:
        rows, figures = scanning.profile(source, reachable(source), table, columns, where, most + 1)
    except duckdb.Error as error:
        # What the scanner says may hold the password, so its words go nowhere.
        log.warning("Looking at a table of %s failed: %s", source.pk, type(error).__name__)
        raise _unprofiled(source, error) from None
    shown = masked_figures(figures, looks_personal, masked)
    return {
        "rows": min(rows, most),
        "complete": rows <= most,
        "columns": [{**asdict(column), **found} for column, found in zip(columns, shown, strict=True)],
    }


def _unprofiled(source: Connection, error: duckdb.Error) -> DomainError:
    found = diagnose(source)
    if not found.ok:
        return found.broken()
    return DomainError(
        _("The database did not give the rows of this table within %(seconds)d seconds.")
        % {"seconds": ANSWER_SECONDS}
        if busy.is_busy(error) or isinstance(error, duckdb.InterruptException)
        else _("The source broke off while the rows of this table were read."),
        code="source_failed",
        status=502,
    )


def seen_by(viewer: Any, source: Connection, table: str) -> Allowed:
    """What of a table the viewer may read. Raises Conflict `no_grant`."""
    return EVERYTHING if viewer is None else grants.allowed(source, table, viewer)


def find(opened: Session, source: Connection, table: str) -> tuple[RemoteTable, list[RemoteColumn]]:
    """A table by its exact name, and its columns. Raises NotFound where there is none that may be read."""
    dialect = dialect_of(source)
    # MySQL also finds names in other letters, for which other grants would hold.
    alike = dialect.tables(opened, source, name=table, limit=_ALIKE)
    found = [item for item in alike if item.name == table]
    columns = dialect.columns(opened, source, table) if found else []
    if not columns:
        raise NotFound(
            _("The source has no table “%(name)s” that its account may read.") % {"name": table},
            code="table_missing",
        )
    return found[0], columns


def _sample(
    opened: Session, source: Connection, table: str, columns: Sequence[RemoteColumn], where: str
) -> Rows:
    dialect = dialect_of(source)
    shared = f" WHERE {where}" if where else ""
    listed = ", ".join(dialect.as_text(column, SHOWN_CHARACTERS) for column in columns)
    return opened.rows(f"SELECT {listed} FROM {dialect.path(source, table)}{shared} LIMIT {SAMPLED_ROWS}")


def _figures(name: str, values: list[Any], *, clear: bool) -> dict[str, Any]:
    filled = [str(value) for value in values if value is not None]
    shown = list(dict.fromkeys(filled))[:SHOWN_VALUES]
    if not clear:
        hidden = looks_personal(name, filled)
        shown = [masked(name, value, always=hidden) for value in shown]
    return {"nulls": 1 - len(filled) / len(values) if values else None, "values": shown}
