"""Large tables are read in parts, by ranges of one column's values: several at once, each of them once.

What has been cut, and the parts that are finished, lie in the job's folder: whoever goes on with the job after a lost
worker or a database that was away reads the missing parts alone, as long as the same is to be read.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from dataclasses import asdict, dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow.parquet as pq
from django.conf import settings

from cdp.core.errors import DomainError
from cdp.lake.names import literal
from insight.datasources.connections import busy, scanning
from insight.datasources.connections.diagnosis import session
from insight.datasources.connections.dialects import Session, dialect_of
from insight.datasources.connections.types import RemoteColumn
from insight.datasources.models import Connection, Feed

if TYPE_CHECKING:
    from insight.datasources.connections.copying import Plan

log = logging.getLogger(__name__)
PARALLEL = min(4, os.cpu_count() or 1)
MOST_PARTS = 1000
LOOK_SECONDS = 0.4
"""How often a copy under way is looked at."""
_WHOLE_NUMBERS = ("tinyint", "smallint", "mediumint", "int", "integer", "bigint")


@dataclass(frozen=True)
class Cut:
    """The condition of each part in the source's words; a single empty one where a table is read at once.

    `until` is the greatest value of the cursor when reading began, up to which nothing can have been missed; None where
    one statement reads everything. `rows` are about how many there are, None where nobody knows.
    """

    conditions: tuple[str, ...] = ("",)
    until: str | None = None
    rows: int | None = None


class Stopped(Exception):
    """Another part failed, or somebody cancelled."""


def cut(feed: Feed, found: Plan, condition: str, folder: Path) -> Cut:
    """How the planned rows are read: as they were cut before in this folder, or anew. Raises DomainError (502).

    `condition` is the one for all of them, in the source's words.
    """
    note, print_of = folder / "parts.json", _fingerprint(feed, found)
    try:
        known = json.loads(note.read_text())
    except (OSError, ValueError):
        known = {}
    if known.get("of") == print_of:
        return Cut(**{**known["cut"], "conditions": tuple(known["cut"]["conditions"])})
    for left in folder.iterdir():
        left.unlink()
    made = _cut(feed, found, condition)
    unfinished = folder / "parts.json.new"
    unfinished.write_text(json.dumps({"of": print_of, "cut": asdict(made)}))
    unfinished.replace(note)
    return made


def finished(folder: Path, made: Cut) -> dict[int, int]:
    """The parts that are there already, with their rows."""
    paths = ((number, path_of(folder, number)) for number in range(len(made.conditions)))
    return {number: pq.read_metadata(path).num_rows for number, path in paths if path.is_file()}


def path_of(folder: Path, number: int) -> Path:
    return folder / f"{number:04d}.parquet"


def read(
    feed: Feed,
    found: Plan,
    address: str,
    condition: str,
    made: Cut,
    folder: Path,
    progress: Callable[[int], None],
) -> int:
    """Read what is missing; returns the rows of all parts. What `progress` raises ends the copy.

    Raises duckdb.Error.
    """
    rows = finished(folder, made)
    missing = [number for number in range(len(made.conditions)) if number not in rows]
    workers = min(PARALLEL, len(missing))
    stop = threading.Event()

    def part(number: int, told: Callable[[int], None]) -> None:
        where = " AND ".join(filter(None, (condition, made.conditions[number])))
        rows[number] = scanning.copy(
            feed.connection,
            address,
            feed.remote,
            found.columns,
            found.names,
            where,
            path_of(folder, number),
            told,
            workers,
        )

    def noted(number: int) -> Callable[[int], None]:
        def told(read: int) -> None:
            rows[number] = read
            if stop.is_set():
                raise Stopped

        return told

    def guarded(number: int) -> None:
        if stop.is_set():
            raise Stopped
        try:
            part(number, noted(number))
        except BaseException:
            # No other part is begun.
            stop.set()
            raise

    if len(made.conditions) == 1:
        for number in missing:
            part(number, progress)
        return sum(rows.values())
    with ThreadPoolExecutor(max(1, workers), thread_name_prefix="copy") as pool:
        pending = {pool.submit(guarded, number) for number in missing}
        try:
            while pending:
                done, pending = wait(pending, LOOK_SECONDS, FIRST_EXCEPTION)
                for future in done:
                    error = future.exception()
                    if error is not None and not isinstance(error, Stopped):
                        raise error
                progress(sum(list(rows.values())))
        except BaseException:
            stop.set()
            pool.shutdown(cancel_futures=True)
            raise
    return sum(rows.values())


def _fingerprint(feed: Feed, found: Plan) -> str:
    """The same as long as the same is to be read from the same place."""
    source = feed.connection
    columns = [[column.name, column.declared] for column in found.columns]
    what = [source.pk, source.edit_version, feed.remote, columns, found.where, found.granted, found.since]
    return hashlib.sha256(json.dumps([*what, feed.mode, feed.cursor, feed.key]).encode()).hexdigest()


def _cut(feed: Feed, found: Plan, condition: str) -> Cut:
    at_once = Cut(rows=None if found.since else found.estimate)
    if not found.is_table:
        # A view may compute everything anew for each part.
        return at_once
    try:
        with session(feed.connection) as opened:
            return _ranges(opened, feed, found, condition) or at_once
    except DomainError as error:
        if error.code != busy.CODE:
            raise
        # Looking for the ends would take longer than reading at once.
        log.info("%s is copied at once: its ends could not be found in time.", feed.pk)
        return at_once


def _ranges(opened: Session, feed: Feed, found: Plan, condition: str) -> Cut | None:
    dialect = dialect_of(feed.connection)
    path = dialect.path(feed.connection, feed.remote)
    cursor = found.present.get(feed.cursor) if feed.mode == Feed.Mode.INCREMENTAL else None
    by = cursor if found.since else _whole_by(opened, feed, found) or cursor
    if by is None:
        return None
    where = f" WHERE {condition}" if found.since and condition else ""
    value = dialect.value(by)
    rows = found.source_rows
    if found.since or rows is None:
        rows = int(opened.rows(f"SELECT count(*) FROM {path}{where}")[0][0])
    wanted = min(MOST_PARTS, -(-rows // settings.COPY_PART_ROWS))
    if wanted < 2:
        return None
    first, last = opened.rows(f"SELECT min({value}), max({value}) FROM {path}{where}")[0]
    if first is None:
        return None
    until = None
    if cursor is not None:
        shared = f" WHERE {found.where}" if found.where else ""
        newest = opened.rows(f"SELECT max({dialect.value(cursor)}) FROM {path}{shared}")[0][0]
        until = "" if newest is None else as_text(cursor, newest)
    bounds = list(_bounds(first, last, wanted))
    if not bounds:
        return None
    ends = (first, last) if by is cursor else (None, None)
    conditions = _conditions(feed.connection, by, [ends[0], *bounds], ends[1])
    if not found.since and (by.nullable or by is cursor):
        conditions.append(f"({value}) IS NULL")
    return Cut(tuple(conditions), until, rows)


def _whole_by(opened: Session, feed: Feed, found: Plan) -> RemoteColumn | None:
    """The whole number that tells rows apart, if there is one: it stays with a row."""
    name = dialect_of(feed.connection).primary_key(opened, feed.connection, feed.remote) or feed.key
    column = found.present.get(name)
    return column if column is not None and column.word in _WHOLE_NUMBERS else None


def _bounds(first: Any, last: Any, wanted: int) -> Iterator[Any]:
    """The beginnings of the second and all further parts."""
    span: Any = last - first
    step: Any
    if isinstance(first, datetime):
        step = span / wanted
        smallest: Any = timedelta(microseconds=1)
    elif isinstance(first, date):
        step, smallest = timedelta(days=-(-span.days // wanted)), timedelta(days=1)
    else:
        step, smallest = -(-span // wanted), 1
    if step < smallest:
        return
    for number in range(1, wanted):
        bound = first + step * number
        if bound > last:
            return
        yield bound


def _conditions(source: Connection, by: RemoteColumn, starts: list[Any], last: Any) -> list[str]:
    """Ranges between the starts; the first and the last one are open where no end is given."""
    dialect = dialect_of(source)
    name, value = dialect.quote(by.name), dialect.value(by)
    found = []
    for start, end in zip(starts, [*starts[1:], None], strict=True):
        parts = [f"{name} >= {_literal(source, by, start)}"] if start is not None else []
        if end is not None:
            parts.append(f"{name} < {_literal(source, by, end)}")
        elif last is not None:
            parts.append(f"{name} <= {_literal(source, by, last)}")
        found.append(" AND ".join([*parts, f"({value}) IS NOT NULL"]))
    return found


def _literal(source: Connection, column: RemoteColumn, value: Any) -> str:
    if column.type == "integer":
        return str(int(value))
    text = as_text(column, value)
    return literal(text.removesuffix("+00") if source.kind == Connection.Kind.MYSQL else text)


def as_text(column: RemoteColumn, value: Any) -> str:
    """A value of a cursor as it is kept: both the source and the lake understand it."""
    if not isinstance(value, datetime):
        return str(int(value)) if column.type == "integer" else str(value)
    if column.is_instant:
        value = value.astimezone(UTC) if value.tzinfo else value
        return f"{value:%Y-%m-%d %H:%M:%S.%f}+00"
    return f"{value:%Y-%m-%d %H:%M:%S.%f}"
