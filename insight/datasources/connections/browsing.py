"""Looking into a source: its tables, their columns, some of their values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.utils.translation import gettext as _

from cdp.core.errors import NotFound
from insight.datasources.connections.diagnosis import session
from insight.datasources.connections.dialects import RemoteTable, Rows, Session, dialect_of
from insight.datasources.connections.types import RemoteColumn
from insight.datasources.models import Connection, SourceTable
from insight.datasources.queries import looks_personal, masked

MAX_TABLES = 10_000
SAMPLED_ROWS = 200
SHOWN_VALUES = 5
SHOWN_CHARACTERS = 200


def tables(source: Connection, search: str = "") -> list[RemoteTable]:
    """The tables and views that may be read, by name; at most MAX_TABLES. Raises DomainError (502)."""
    with session(source) as opened:
        return dialect_of(source).tables(opened, source, search=search.strip(), limit=MAX_TABLES)


def copies(source: Connection) -> dict[str, list[SourceTable]]:
    """The tables of the lake that are copied from each table of a source."""
    found: dict[str, list[SourceTable]] = {}
    for feed in source.feeds.select_related("table").order_by("table__name"):
        found.setdefault(feed.remote, []).append(feed.table)
    return found


def describe(source: Connection, table: str, *, sampled: bool = False, clear: bool = False) -> dict[str, Any]:
    """A table and its columns: {"name", "kind", "comment", "rows", "columns": [{"name", "declared", "type", …}]}.

    With `sampled`, each column also has `nulls` (share of the first SAMPLED_ROWS rows, None where there are no rows)
    and `values`: up to SHOWN_VALUES different ones as text, masked where they identify people unless `clear`.
    Raises NotFound, DomainError (502).
    """
    with session(source) as opened:
        found, columns = find(opened, source, table)
        rows = _sample(opened, source, table, columns) if sampled else []
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
        "rows": found.rows,
        "columns": listed,
    }


def find(opened: Session, source: Connection, table: str) -> tuple[RemoteTable, list[RemoteColumn]]:
    """A table by its exact name, and its columns. Raises NotFound where there is none that may be read."""
    dialect = dialect_of(source)
    found = dialect.tables(opened, source, name=table, limit=1)
    columns = dialect.columns(opened, source, found[0].name) if found else []
    if not columns:
        raise NotFound(
            _("The source has no table “%(name)s” that its account may read.") % {"name": table},
            code="table_missing",
        )
    return found[0], columns


def _sample(opened: Session, source: Connection, table: str, columns: Sequence[RemoteColumn]) -> Rows:
    dialect = dialect_of(source)
    listed = ", ".join(dialect.as_text(column, SHOWN_CHARACTERS) for column in columns)
    return opened.rows(f"SELECT {listed} FROM {dialect.path(source, table)} LIMIT {SAMPLED_ROWS}")


def _figures(name: str, values: list[Any], *, clear: bool) -> dict[str, Any]:
    filled = [str(value) for value in values if value is not None]
    shown = list(dict.fromkeys(filled))[:SHOWN_VALUES]
    if not clear:
        hidden = looks_personal(name, filled)
        shown = [masked(name, value, always=hidden) for value in shown]
    return {"nulls": 1 - len(filled) / len(values) if values else None, "values": shown}
