"""Reading from a source in pieces: DuckDB's scanners send one statement and hand on what it gives.

Each copy has a DuckDB of its own, so that the password and whatever goes wrong stay away from the lake's.
"""

from __future__ import annotations

import threading
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import duckdb
import duckdb_extension_mysql_scanner
import duckdb_extension_postgres_scanner
import pyarrow as pa
import pyarrow.parquet as pq

from cdp import lake
from cdp.lake.names import literal, quote
from insight.datasources import profiling
from insight.datasources.connections.dialects import ANSWER_SECONDS, PostgreSQL, authorities, dialect_of
from insight.datasources.connections.types import RemoteColumn
from insight.datasources.models import Connection

BATCH = 100_000
"""Rows between two looks at whether the work shall go on."""
_SSL_MODES = {
    "disable": "disabled",
    "prefer": "preferred",
    "require": "required",
    "verify": "verify_identity",
}
_EXTENSIONS = {"postgresql": duckdb_extension_postgres_scanner, "mysql": duckdb_extension_mysql_scanner}
_QUERY = {"postgresql": "postgres_query", "mysql": "mysql_query"}


def copy(
    source: Connection,
    address: str,
    table: str,
    columns: Sequence[RemoteColumn],
    names: Sequence[str],
    where: str,
    target: Path,
    progress: Callable[[int], None],
    at_once: int = 1,
) -> int:
    """Rows of a source's table into a Parquet file, as the columns `names`; returns their number.

    `where` is a condition in the source's words, empty for all rows. `progress` is called with the rows so far, after
    each piece; what it raises ends the copy. `at_once` copies share the memory. The file is there once it is complete.
    Raises duckdb.Error.
    """
    rows, unfinished = 0, target.with_suffix(f".{uuid.uuid4().hex}")
    with _attached(source, address, at_once=at_once) as handle:
        reader = handle.execute(_read(source, table, columns, names, where)).to_arrow_reader(BATCH)
        with pq.ParquetWriter(unfinished, reader.schema, compression="zstd") as writer:
            for batch in reader:
                writer.write_table(pa.Table.from_batches([batch]))
                rows += batch.num_rows
                progress(rows)
    unfinished.replace(target)
    return rows


def profile(
    source: Connection, address: str, table: str, columns: Sequence[RemoteColumn], where: str, most: int
) -> tuple[int, list[dict[str, Any]]]:
    """Figures of the first `most` rows that fit `where`; see `profiling.figures`. Raises duckdb.Error."""
    names = [f"c{number}" for number in range(len(columns))]
    with _attached(source, address, seconds=ANSWER_SECONDS) as handle:
        rows = _read(source, table, columns, names, where, f" LIMIT {int(most)}")
        handle.execute(f"CREATE TEMP TABLE part AS {rows}")
        counted, found = profiling.figures(handle, "part", names)
    return counted, [{**figures, "name": column.name} for column, figures in zip(columns, found, strict=True)]


def _read(
    source: Connection,
    table: str,
    columns: Sequence[RemoteColumn],
    names: Sequence[str],
    where: str,
    limit: str = "",
) -> str:
    """DuckDB's statement that reads columns of a source's table in the types of the lake."""
    dialect = dialect_of(source)
    listed = ", ".join(
        f"{dialect.value(column)} AS {dialect.quote(f'c{number}')}" for number, column in enumerate(columns)
    )
    condition = f" WHERE {where}" if where else ""
    statement = f"SELECT {listed} FROM {dialect.path(source, table)}{condition}{limit}"
    values = ", ".join(
        f"{_fitted(f'c{number}', column, source.kind)} AS {quote(name)}"
        for number, (column, name) in enumerate(zip(columns, names, strict=True))
    )
    return f"SELECT {values} FROM {_QUERY[source.kind]}('source', {literal(statement)})"


def _fitted(name: str, column: RemoteColumn, kind: str) -> str:
    """A value in the type that it has in the lake."""
    if column.type == "text":
        # PostgreSQL, which keeps the values of tags, has no NUL in text.
        return f"replace({name}::VARCHAR, chr(0), '')"
    if column.type == "integer":
        return name if "unsigned" in column.declared else f"{name}::BIGINT"
    if column.type == "datetime" and column.is_instant:
        # MySQL gives moments as times of the session, whose zone is UTC.
        return f"timezone('UTC', {name})" if kind == "mysql" else f"{name}::TIMESTAMPTZ"
    return {"boolean": f"{name}::BOOLEAN", "date": f"{name}::DATE", "datetime": f"{name}::TIMESTAMP"}.get(
        column.type, name
    )


@contextmanager
def _limited(handle: duckdb.DuckDBPyConnection, seconds: int) -> Iterator[None]:
    limit = threading.Timer(seconds, handle.interrupt) if seconds else None
    if limit:
        limit.start()
    try:
        yield
    finally:
        if limit:
            limit.cancel()


@contextmanager
def _attached(
    source: Connection, address: str, *, seconds: int = 0, at_once: int = 1
) -> Iterator[duckdb.DuckDBPyConnection]:
    """With `seconds`, what takes longer is broken off. `at_once` of them share the memory of one."""
    with lake.apart(at_once) as handle, _limited(handle, seconds):
        extension = next(Path(_EXTENSIONS[source.kind].__file__ or "").parent.rglob("*.duckdb_extension"))
        handle.execute(f"LOAD {literal(str(extension))}")
        handle.execute("SET TimeZone = 'UTC'")
        dialect = dialect_of(source)
        if isinstance(dialect, PostgreSQL):
            timeout = {"options": f"-c statement_timeout={seconds}s"} if seconds else {}
            words = dialect.conninfo(source, address, **timeout)
            handle.execute(f"ATTACH {literal(words)} AS source (TYPE postgres, READ_ONLY)")
        else:
            _attach_mysql(handle, source, address)
        yield handle


def _attach_mysql(handle: duckdb.DuckDBPyConnection, source: Connection, address: str) -> None:
    """Settings first: they hold for sessions that are opened afterwards."""
    handle.execute("SET mysql_session_time_zone = '+00:00'")
    handle.execute("SET mysql_query_timeout_enabled = false")
    handle.execute("SET mysql_sql_buffer_result = false")
    verifies = source.tls == Connection.Tls.VERIFY
    words = {
        # A certificate is checked against the name, which keeps out whoever else answers under it.
        "HOST": source.host if verifies else address,
        "DATABASE": source.database,
        "USER": source.account,
        "PASSWORD": source.password or "",
        "SSL_MODE": _SSL_MODES[source.tls],
        **({"SSL_CA": authorities()} if verifies else {}),
    }
    listed = ", ".join(f"{name} {literal(value)}" for name, value in words.items())
    handle.execute(f"CREATE SECRET login (TYPE mysql, PORT {int(source.port)}, {listed})")
    handle.execute("ATTACH '' AS source (TYPE mysql, READ_ONLY, SECRET login)")
