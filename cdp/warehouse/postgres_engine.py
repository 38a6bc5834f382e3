"""PostgreSQL as an engine: queries run where the data is, and results are written there."""

from __future__ import annotations

import io
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import ibis
import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
from ibis.backends.sql.datatypes import PostgresType
from psycopg_pool import ConnectionPool, PoolTimeout
from pyarrow import csv

from cdp.core import metrics
from cdp.lake import TableColumn
from cdp.lake.names import literal, quote, workspace_schema
from cdp.warehouse import cancel, failures
from cdp.warehouse.engine import BATCH, Shared, with_shared
from cdp.warehouse.postgres_compiler import to_sql

CONNECTIONS = 4
WAIT_SECONDS = 15
_TABLES = "SELECT tablename FROM pg_tables WHERE schemaname = %s ORDER BY 1"
_SESSION = (
    "SET TimeZone = 'UTC'; SET DateStyle = 'ISO, YMD'; SET IntervalStyle = 'postgres'; "
    "SET standard_conforming_strings = on"
)
_COLUMNS = """
    SELECT attname, format_type(atttypid, atttypmod), NOT attnotnull FROM pg_attribute
    WHERE attrelid = to_regclass(%s) AND attnum > 0 AND NOT attisdropped ORDER BY attnum
"""


@lru_cache(maxsize=4096)
def _schema(columns: tuple[tuple[str, str], ...]) -> ibis.Schema:
    return ibis.schema({name: PostgresType.from_string(kind) for name, kind in columns})


@dataclass(frozen=True)
class PostgresTransaction:
    """Statements on one connection; see `Transaction`. Partitions are the lake's: here columns are indexed."""

    connection: psycopg.Connection[tuple[Any, ...]]
    workspace: Any

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        found = self.connection.execute(statement.encode())
        return found.fetchall() if found.description else []

    def create_table_as(
        self, name: str, query: str, *, sort: Sequence[str] = (), partition: Sequence[str] = ()
    ) -> int:
        target = self.path(name)
        order = " ORDER BY " + ", ".join(quote(column) for column in sort) if sort else ""
        self.rows(f"DROP TABLE IF EXISTS {target}")
        made = f"CREATE TABLE {target} AS SELECT * FROM ({query}) q{order}"
        written = self.connection.execute(made.encode()).rowcount
        if sort:
            self._index(target, sort)
        self.rows(f"ANALYZE {target}")
        return written

    def path(self, name: str) -> str:
        return _path(self.workspace, name)

    def scratch(self, name: str, columns: Mapping[str, str]) -> str:
        """As the interface says. An account that may make tables need not be allowed temporary ones."""
        target = self.path(name)
        self.rows(f"DROP TABLE IF EXISTS {target}")
        self.rows(f"CREATE UNLOGGED TABLE {target} ({_listed(columns)})")
        return target

    def keep_table(self, name: str, columns: Mapping[str, str], *, key: str = "") -> None:
        target = self.path(name)
        if self.rows(f"SELECT to_regclass({literal(target)})") != [(None,)]:
            return
        self.rows(f"CREATE TABLE {target} ({_listed(columns)})")
        if key:
            self._index(target, [key])

    def replace(self, name: str, condition: str, query: str) -> None:
        target = self.path(name)
        # Two that replace the same part at once would not see each other's rows.
        self.rows(f"LOCK TABLE {target} IN SHARE ROW EXCLUSIVE MODE")
        self.rows(f"DELETE FROM {target} WHERE {condition}")
        self.rows(f"INSERT INTO {target} {query}")
        self.rows(f"ANALYZE {target}")

    def _index(self, target: str, columns: Sequence[str]) -> None:
        listed = ", ".join(quote(column) for column in columns)
        self.rows(f"CREATE INDEX ON {target} USING brin ({listed})")


class PostgresEngine:
    """One database. Each workspace has a schema of its own in it, named as in the lake.

    `address` is a libpq connection string of an account that may create schemas and tables.
    """

    name = "postgresql"

    def __init__(self, address: str) -> None:
        self._address = address
        self._pool = ConnectionPool(
            address,
            min_size=0,
            max_size=CONNECTIONS,
            timeout=WAIT_SECONDS,
            max_idle=60,
            kwargs={"application_name": "tideline", "connect_timeout": WAIT_SECONDS},
            configure=_configure,
            check=ConnectionPool.check_connection,
            open=True,
        )

    def close(self) -> None:
        """Close the connections; the engine cannot be used any more."""
        self._pool.close()

    def table(self, workspace: Any, name: str) -> ibis.Table:
        schema = _schema(tuple((column.name, column.type) for column in self.columns(workspace, name)))
        return ibis.table(schema, name=name, database=workspace_schema(workspace))

    def columns(self, workspace: Any, name: str) -> list[TableColumn]:
        with self._connection() as connection:
            rows = connection.execute(_COLUMNS, [_path(workspace, name)]).fetchall()
        if not rows:
            raise failures.table_missing(name)
        return [TableColumn(*row) for row in rows]

    def tables(self, workspace: Any) -> list[str]:
        with self._connection() as connection:
            rows = connection.execute(_TABLES, [workspace_schema(workspace)]).fetchall()
        return [row[0] for row in rows]

    def path(self, workspace: Any, name: str) -> str:
        return _path(workspace, name)

    def sql(self, expression: ibis.Expr) -> str:
        return to_sql(expression)

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        with self._connection() as connection, self._measured():
            return connection.execute(statement.encode()).fetchall()

    def execute(self, expression: ibis.Expr, shared: Shared | None = None) -> pa.Table:
        schema = expression.as_table().schema().to_pyarrow()
        parts = {name: to_sql(part) for name, part in (shared or {}).items()}
        statement = with_shared(to_sql(expression), parts)
        return pa.Table.from_batches(list(self._stream(statement, schema, BATCH)), schema)

    def scalar(self, expression: ibis.Expr) -> Any:
        with self._connection() as connection, self._measured():
            row = connection.execute(to_sql(expression).encode()).fetchone()
        return None if row is None else row[0]

    def batches(self, expression: ibis.Expr, size: int = BATCH) -> Iterator[pa.RecordBatch]:
        yield from self._stream(to_sql(expression), expression.as_table().schema().to_pyarrow(), size)

    def _stream(self, statement: str, schema: pa.Schema, size: int) -> Iterator[pa.RecordBatch]:
        with (
            self._connection() as connection,
            self._measured(),
            connection.cursor("batches") as handle,
        ):
            handle.execute(statement.encode())
            while rows := handle.fetchmany(size):
                columns = zip(*rows, strict=True)
                arrays = [pa.array(values, field.type) for values, field in zip(columns, schema, strict=True)]
                yield pa.RecordBatch.from_arrays(arrays, schema=schema)

    def create_table_as(
        self,
        workspace: Any,
        name: str,
        expression: ibis.Expr | str,
        *,
        sort: Sequence[str] = (),
        partition: Sequence[str] = (),
    ) -> int:
        query = expression if isinstance(expression, str) else to_sql(expression)
        with self.transaction(workspace) as work:
            return work.create_table_as(name, query, sort=sort)

    @contextmanager
    def transaction(self, workspace: Any) -> Iterator[PostgresTransaction]:
        with self._connection() as connection, self._measured():
            _make_schema(connection, workspace_schema(workspace))
            yield PostgresTransaction(connection, workspace)

    def load(self, workspace: Any, name: str, file: Path) -> int:
        target, rows = _path(workspace, name), pq.ParquetFile(file)
        schema = ibis.Schema.from_pyarrow(rows.schema_arrow)
        columns = _listed({column: PostgresType.to_string(kind) for column, kind in schema.items()})
        with self._connection() as connection, self._measured(), connection.cursor() as handle:
            _make_schema(connection, workspace_schema(workspace))
            handle.execute(f"DROP TABLE IF EXISTS {target}".encode())
            handle.execute(f"CREATE TABLE {target} ({columns})".encode())
            statement = f"COPY {target} FROM STDIN (FORMAT csv, ENCODING 'UTF8')"
            with handle.copy(statement.encode()) as copy:
                for batch in rows.iter_batches(BATCH):
                    copy.write(_lines(batch))
            handle.execute(f"ANALYZE {target}".encode())
        return int(rows.metadata.num_rows)

    def drop(self, workspace: Any, name: str) -> None:
        with self._connection() as connection:
            connection.execute(f"DROP TABLE IF EXISTS {_path(workspace, name)}".encode())

    def set_view(self, workspace: Any, name: str, table: str) -> None:
        view = _path(workspace, name)
        query = f"VIEW {view} AS SELECT * FROM {_path(workspace, table)}"
        with self._connection() as connection:
            try:
                with connection.transaction():
                    connection.execute(f"CREATE OR REPLACE {query}".encode())
            except psycopg.errors.InvalidTableDefinition:
                # A view can be replaced as long as its columns stay.
                connection.execute(f"DROP VIEW {view}".encode())
                connection.execute(f"CREATE {query}".encode())

    def drop_view(self, workspace: Any, name: str) -> None:
        with self._connection() as connection:
            connection.execute(f"DROP VIEW IF EXISTS {_path(workspace, name)}".encode())

    @contextmanager
    def _connection(self) -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
        """A connection in a transaction that ends with the block; interrupted with the request it works for."""
        with _translated():
            if not self._pool.get_stats().get("pool_size"):
                # The pool would try in the background for long; this says at once what keeps us out.
                psycopg.connect(self._address, connect_timeout=WAIT_SECONDS).close()
            with self._pool.connection() as connection, cancel.interruptible(connection.cancel):
                yield connection

    @contextmanager
    def _measured(self) -> Iterator[None]:
        started = time.perf_counter()
        yield
        metrics.ENGINE_QUERIES.labels(self.name).observe(time.perf_counter() - started)


def _path(workspace: Any, name: str) -> str:
    return f"{quote(workspace_schema(workspace))}.{quote(name)}"


def _listed(columns: Mapping[str, str]) -> str:
    return ", ".join(f"{quote(column)} {kind}" for column, kind in columns.items())


def _lines(batch: pa.RecordBatch) -> bytes:
    """Lines of CSV in which what is null has no quotes."""
    out = io.BytesIO()
    csv.write_csv(batch, out, csv.WriteOptions(include_header=False, quoting_style="all_valid"))
    return out.getvalue()


def _configure(connection: psycopg.Connection[tuple[Any, ...]]) -> None:
    """Moments, days and texts are written the same way, however the server is set."""
    connection.execute(_SESSION)
    connection.commit()


def _make_schema(connection: psycopg.Connection[tuple[Any, ...]], schema: str) -> None:
    """Make the workspace's schema; where it is there, the account needs no right to make any."""
    found = connection.execute("SELECT to_regnamespace(%s)", [quote(schema)]).fetchone()
    if found is None or found[0] is None:
        connection.execute(f"CREATE SCHEMA IF NOT EXISTS {quote(schema)}".encode())


@contextmanager
def _translated() -> Iterator[None]:
    """PostgreSQL's errors as ours: what happened, and whether trying again can help."""
    try:
        yield
    except psycopg.errors.QueryCanceled as error:
        raise failures.interrupted() from error
    except psycopg.errors.UndefinedTable as error:
        raise failures.table_missing(error) from error
    except (
        psycopg.errors.UndefinedColumn,
        psycopg.errors.UndefinedFunction,
        psycopg.errors.DatatypeMismatch,
    ) as error:
        raise failures.column_missing(error) from error
    except (psycopg.errors.InsufficientPrivilege, psycopg.errors.ReadOnlySqlTransaction) as error:
        raise failures.rights_missing(error) from error
    except (psycopg.errors.OutOfMemory, psycopg.errors.DiskFull) as error:
        raise failures.out_of_memory(error) from error
    except (psycopg.OperationalError, PoolTimeout) as error:
        raise failures.busy(error) from error
    except psycopg.Error as error:
        raise failures.failed(error) from error
