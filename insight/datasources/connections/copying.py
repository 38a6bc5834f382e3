"""Copying a table of a source into the lake: what is to be read, and how it becomes the table's next version."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
from django.utils.translation import gettext as _

from cdp import lake
from cdp.core.errors import Conflict, DomainError, NotFound
from cdp.lake.names import literal, quote
from insight.datasources.connections import browsing, busy, parts
from insight.datasources.connections.diagnosis import Diagnosis, reachable, session
from insight.datasources.connections.dialects import dialect_of
from insight.datasources.connections.types import RemoteColumn
from insight.datasources.files import check_names
from insight.datasources.models import Connection, Feed
from insight.datasources.organization import conditions, grants
from insight.datasources.organization.grants import Allowed

log = logging.getLogger(__name__)
CURSOR_TYPES = ("integer", "date", "datetime")
_CURSOR_VALUE = re.compile(r"[0-9 .:+-]+")


@dataclass
class Plan:
    """What is read: columns of the source and their names in the lake, and since which value of the cursor.

    `present` are all columns that the source has, by name; `source_rows` its estimate for the whole table, `estimate`
    the one for what is shared. `where` is the condition for the rows that are shared with the workspace, in the words
    of the source; `granted` the fingerprint of its rights; `unshared` are columns of the last copy that it has no right
    to any more.
    """

    columns: list[RemoteColumn]
    names: list[str]
    since: str
    estimate: int | None
    present: dict[str, RemoteColumn] = field(default_factory=dict)
    is_table: bool = False
    source_rows: int | None = None
    where: str = ""
    granted: str = ""
    unshared: tuple[str, ...] = ()


@dataclass
class Written:
    """What a copy gave: rows read, rows of the new version, and its greatest value of the cursor."""

    read: int
    rows: int
    cursor_value: str


def plan(feed: Feed, *, whole: bool = False, accept_columns: bool = False) -> Plan:
    """Look at the source again. Raises Conflict: no_grant, table_missing, column_missing; DomainError (502).

    Where the grants are others than at the last copy, the whole table is read.
    """
    source = feed.connection
    part = grants.allowed(source, feed.remote, feed.workspace)
    try:
        with session(source) as opened:
            found, columns = browsing.find(opened, source, feed.remote)
    except NotFound:
        raise Conflict(
            _(
                "The table “%(table)s” is no longer in the source, or its account may not read it any more. "
                "The rows copied before stay."
            )
            % {"table": feed.remote},
            code="table_missing",
        ) from None
    present = {column.name: column for column in columns}
    if not accept_columns:
        _check_known(feed.known, present)
    _check_wanted(feed, present)
    chosen = [column for column in columns if not feed.columns or column.name in feed.columns]
    wanted = [column for column in chosen if part.has(column.name)]
    _check_shared(feed, part, wanted)
    whole = whole or accept_columns or feed.granted != part.fingerprint
    since = feed.cursor_value if feed.mode == Feed.Mode.INCREMENTAL and not whole else ""
    had = {column["name"] for column in feed.known}
    return Plan(
        columns=wanted,
        names=check_names([column.name for column in wanted]),
        since=since if feed.table.version else "",
        estimate=None if part.rows else found.rows,
        present=present,
        is_table=found.kind == "table",
        source_rows=found.rows,
        where=conditions.rows_where(source, part, present),
        granted=part.fingerprint,
        unshared=tuple(column.name for column in chosen if column.name in had and not part.has(column.name)),
    )


def _check_known(known: list[dict[str, str]], present: dict[str, RemoteColumn]) -> None:
    """Nothing that the last copy had may be gone or mean something else: datasets rely on it."""
    gone = [column["name"] for column in known if column["name"] not in present]
    other = [
        f"{column['name']} ({column['declared']} → {present[column['name']].declared})"
        for column in known
        if column["name"] in present and present[column["name"]].type != column["type"]
    ]
    if gone:
        raise _column_missing(
            _("The source no longer has these columns: %(names)s. The rows copied before stay."), gone
        )
    if other:
        raise _column_missing(
            _("Columns of the source have another type now: %(names)s. The rows copied before stay."), other
        )


def _check_wanted(feed: Feed, present: dict[str, RemoteColumn]) -> None:
    """Columns that were chosen, and those that tell rows apart, are needed even where changes are accepted."""
    needed = [*feed.columns]
    if feed.mode == Feed.Mode.INCREMENTAL:
        needed += [name for name in (feed.cursor, feed.key) if name]
    gone = [name for name in dict.fromkeys(needed) if name not in present]
    if gone:
        raise _column_missing(
            _("The source no longer has these columns: %(names)s. Choose the columns of the copy again."),
            gone,
        )


def _check_shared(feed: Feed, part: Allowed, wanted: list[RemoteColumn]) -> None:
    """Something must be left to copy, and the columns by which what is new is told."""
    told_by = [name for name in (feed.cursor, feed.key) if name and not part.has(name)]
    if told_by:
        text = _(
            "New rows are told by columns that are no longer shared with your workspace: %(names)s. Choose anew how "
            "the table is copied, or ask a manager of your organization. The rows copied before stay."
        )
        raise Conflict(text % {"names": ", ".join(told_by)}, code="no_grant")
    if not wanted:
        text = _(
            "None of the columns that are copied is shared with your workspace any more. Choose others, or ask a "
            "manager of your organization. The rows copied before stay."
        )
        raise Conflict(text, code="no_grant")


def _column_missing(text: str, names: list[str]) -> Conflict:
    return Conflict(text % {"names": ", ".join(names)}, code="column_missing")


@dataclass
class Fetched:
    """Rows of the source in files; `until` is what the next copy begins with, where it is not their greatest cursor."""

    rows: int
    files: list[Path]
    until: str | None = None

    @property
    def relation(self) -> str:
        """SQL to stand after FROM."""
        return f"read_parquet([{', '.join(literal(str(path)) for path in self.files)}])"

    @property
    def size(self) -> int:
        return sum(path.stat().st_size for path in self.files)


def condition(feed: Feed, found: Plan) -> str:
    """The condition for all rows that are read, in the source's words; empty for the whole table."""
    return " AND ".join(filter(None, (found.where, _since(feed, found) if found.since else "")))


def fetch(feed: Feed, found: Plan, cut: parts.Cut, folder: Path, progress: Callable[[int], None]) -> Fetched:
    """The planned rows of the source, in one file for each part. Raises DomainError."""
    source = feed.connection
    try:
        rows = parts.read(feed, found, reachable(source), condition(feed, found), cut, folder, progress)
    except duckdb.Error as error:
        # What the scanner says may hold the password, so its words go nowhere.
        log.warning("Copying %s failed: %s", feed.pk, type(error).__name__)
        _check_known(known(found), plan(feed, accept_columns=True).present)
        if busy.is_busy(error):
            raise Diagnosis(failure=busy.refusal()).broken() from None
        raise DomainError(
            _("The source broke off while its rows were read. The rows copied before stay."),
            code="source_failed",
            status=502,
        ) from None
    files = [parts.path_of(folder, number) for number in range(len(cut.conditions))]
    return Fetched(rows, files, cut.until)


def known(found: Plan) -> list[dict[str, str]]:
    """The columns that are read, as a feed keeps them."""
    return [
        {"name": column.name, "type": column.type, "declared": column.declared} for column in found.columns
    ]


def _since(feed: Feed, found: Plan) -> str:
    """The condition for what is new, in the source's words: the last value is read again, for rows that share it."""
    dialect = dialect_of(feed.connection)
    column = next(column for column in found.columns if column.name == feed.cursor)
    if not _CURSOR_VALUE.fullmatch(found.since):
        raise ValueError(f"No value of a cursor: {found.since!r}")
    value = found.since if column.type == "integer" else literal(found.since)
    if feed.connection.kind == Connection.Kind.MYSQL:
        value = value.replace("+00'", "'")
    # The plain comparison can use an index; the second leaves out what the lake holds as empty.
    return f"{dialect.quote(column.name)} >= {value} AND ({dialect.value(column)}) IS NOT NULL"


def write(feed: Feed, found: Plan, fetched: Fetched, name: str) -> Written | None:
    """The lake table `name` from the fetched rows, behind the older ones where they are kept.

    None where the source has nothing new; no table is written then.
    """
    table = feed.table
    lake.ensure_schema(table.workspace)
    source, path = fetched.relation, lake.table_path(table.workspace, name)
    cursor = found.names[_index(found, feed.cursor)] if feed.mode == Feed.Mode.INCREMENTAL else ""
    with lake.transaction() as handle:
        latest = fetched.until
        if latest is None:
            latest = _latest(handle, source, cursor) if cursor else ""
        before = ""
        if found.since:
            if not fetched.rows or _same(handle, feed, found, source, cursor):
                return None
            before = f"SELECT * FROM {_old(feed)} old WHERE {_kept(feed, found, source, cursor)} UNION ALL BY NAME "
        handle.execute(f"CREATE OR REPLACE TABLE {path} AS {before}SELECT * FROM {source}")
        total = handle.execute(f"SELECT count(*) FROM {path}").fetchall()[0][0]
    return Written(read=fetched.rows, rows=int(total), cursor_value=latest or found.since)


def _index(found: Plan, remote: str) -> int:
    return next(number for number, column in enumerate(found.columns) if column.name == remote)


def _old(feed: Feed) -> str:
    return lake.table_path(feed.table.workspace, feed.table.lake_table)


def _latest(handle: duckdb.DuckDBPyConnection, source: str, cursor: str) -> str:
    """The greatest value of the cursor as text that both the source and the lake understand."""
    value, kind = handle.execute(
        f"SELECT max({quote(cursor)}), any_value(typeof({quote(cursor)})) FROM {source}"
    ).fetchall()[0]
    if value is None:
        return ""
    if kind == "TIMESTAMP WITH TIME ZONE":
        return str(value.strftime("%Y-%m-%d %H:%M:%S.%f+00"))
    return str(value.strftime("%Y-%m-%d %H:%M:%S.%f") if kind == "TIMESTAMP" else value)


def _kept(feed: Feed, found: Plan, source: str, cursor: str) -> str:
    """Which rows of the older version stay: those from before the last value of the cursor, and with another key."""
    name = quote(cursor)
    before = f"({name} < {_value(_type_of(feed, cursor), found.since)} OR {name} IS NULL)"
    if not feed.key:
        return before
    key = quote(found.names[_index(found, feed.key)])
    return (
        f"CASE WHEN old.{key} IS NULL THEN {before} "
        f"ELSE NOT EXISTS (SELECT 1 FROM {source} new WHERE new.{key} = old.{key}) END"
    )


def _type_of(feed: Feed, column: str) -> str:
    """The lake's type of a column in the table's present version."""
    return next(
        item.type for item in lake.columns(feed.table.workspace, feed.table.lake_table) if item.name == column
    )


def _value(kind: str, since: str) -> str:
    return f"CAST({literal(since)} AS {kind})"


def _same(handle: duckdb.DuckDBPyConnection, feed: Feed, found: Plan, source: str, cursor: str) -> bool:
    """Whether the fetched rows are just those that were fetched last time."""
    old_names = {column.name for column in lake.columns(feed.table.workspace, feed.table.lake_table)}
    if set(found.names) != old_names:
        return False
    listed, name = ", ".join(map(quote, found.names)), quote(cursor)
    since = _value(_type_of(feed, cursor), found.since)
    last = f"(SELECT {listed} FROM {_old(feed)} WHERE {name} >= {since})"
    fetched = f"(SELECT {listed} FROM {source})"
    row: Any = handle.execute(
        f"SELECT (SELECT count(*) FROM {last}) = (SELECT count(*) FROM {fetched}) "
        f"AND NOT EXISTS (SELECT * FROM {fetched} EXCEPT ALL SELECT * FROM {last})"
    ).fetchall()[0]
    return bool(row[0])
