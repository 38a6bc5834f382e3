"""Reading from a source in pieces: DuckDB's scanners send one statement and hand on what it gives.

Each copy has a DuckDB of its own, so that the password and whatever goes wrong stay away from the lake's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import duckdb
import duckdb_extension_mysql_scanner
import duckdb_extension_postgres_scanner
import pyarrow as pa
import pyarrow.parquet as pq

from cdp import lake
from cdp.lake.names import literal, quote
from insight.datasources.connections.dialects import PostgreSQL, authorities, dialect_of
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
) -> int:
    """Rows of a source's table into a Parquet file, as the columns `names`; returns their number.

    `where` is a condition in the source's words, empty for all rows. `progress` is called with the rows so far, after
    each piece; what it raises ends the copy. Raises duckdb.Error.
    """
    dialect = dialect_of(source)
    listed = ", ".join(
        f"{dialect.value(column)} AS {dialect.quote(f'c{number}')}" for number, column in enumerate(columns)
    )
    statement = f"SELECT {listed} FROM {dialect.path(source, table)}" + (f" WHERE {where}" if where else "")
    values = ", ".join(
        f"{_fitted(f'c{number}', column, source.kind)} AS {quote(name)}"
        for number, (column, name) in enumerate(zip(columns, names, strict=True))
    )
    rows = 0
    with _attached(source, address) as handle:
        reader = handle.execute(
            f"SELECT {values} FROM {_QUERY[source.kind]}('source', {literal(statement)})"
        ).to_arrow_reader(BATCH)
        with pq.ParquetWriter(target, reader.schema, compression="zstd") as writer:
            for batch in reader:
                writer.write_table(pa.Table.from_batches([batch]))
                rows += batch.num_rows
                progress(rows)
    return rows


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
def _attached(source: Connection, address: str) -> Iterator[duckdb.DuckDBPyConnection]:
    with lake.apart() as handle:
        extension = next(Path(_EXTENSIONS[source.kind].__file__ or "").parent.rglob("*.duckdb_extension"))
        handle.execute(f"LOAD {literal(str(extension))}")
        handle.execute("SET TimeZone = 'UTC'")
        dialect = dialect_of(source)
        if isinstance(dialect, PostgreSQL):
            words = dialect.conninfo(source, address)
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
