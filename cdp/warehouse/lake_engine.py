"""The built-in engine: DuckDB over the lake, inside this process."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import duckdb
import ibis
import pyarrow as pa

from cdp import lake
from cdp.core import metrics
from cdp.lake import TableColumn
from cdp.lake.names import CATALOG, literal
from cdp.warehouse import cancel, failures
from cdp.warehouse.engine import BATCH, Shared, register_engine, with_shared


@lru_cache(maxsize=4096)
def _schema(columns: tuple[tuple[str, str], ...]) -> ibis.Schema:
    from ibis.backends.sql.datatypes import DuckDBType

    return ibis.schema({name: DuckDBType.from_string(kind) for name, kind in columns})


@dataclass(frozen=True)
class LakeTransaction:
    """Statements on one connection; see `Transaction`."""

    handle: duckdb.DuckDBPyConnection
    workspace: Any

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        return self.handle.execute(statement).fetchall()

    def create_table_as(
        self, name: str, query: str, *, sort: Sequence[str] = (), partition: Sequence[str] = ()
    ) -> int:
        target = self.path(name)
        order = " ORDER BY " + ", ".join(lake.quote(column) for column in sort) if sort else ""
        self.rows(f"DROP TABLE IF EXISTS {target}")
        if partition:
            self.rows(f"CREATE TABLE {target} AS FROM ({query}) LIMIT 0")
            self.rows(f"ALTER TABLE {target} SET PARTITIONED BY ({', '.join(partition)})")
            counted = self.rows(f"INSERT INTO {target} FROM ({query}){order}")
        else:
            counted = self.rows(f"CREATE TABLE {target} AS FROM ({query}){order}")
        return int(counted[0][0]) if counted else 0

    def path(self, name: str) -> str:
        return lake.table_path(self.workspace, name)

    def scratch(self, name: str, columns: Mapping[str, str]) -> str:
        target = lake.quote(name)
        self.rows(f"CREATE OR REPLACE TEMP TABLE {target} ({_listed(columns)})")
        return target

    def keep_table(self, name: str, columns: Mapping[str, str], *, key: str = "") -> None:
        """The values of `key` are partitions."""
        if lake.table_exists(self.workspace, name):
            return
        target = self.path(name)
        self.rows(f"CREATE TABLE {target} ({_listed(columns)})")
        if key:
            self.rows(f"ALTER TABLE {target} SET PARTITIONED BY ({lake.quote(key)})")

    def replace(self, name: str, condition: str, query: str) -> None:
        target = self.path(name)
        self.rows(f"DELETE FROM {target} WHERE {condition}")
        self.rows(f"INSERT INTO {target} {query}")


class LakeEngine:
    """Compiles expressions for DuckDB and runs them on cursors of this process's lake connection."""

    name = "lake"

    def table(self, workspace: Any, name: str) -> ibis.Table:
        schema = _schema(tuple((column.name, column.type) for column in self.columns(workspace, name)))
        return ibis.table(schema, name=name, catalog=CATALOG, database=lake.workspace_schema(workspace))

    def columns(self, workspace: Any, name: str) -> list[TableColumn]:
        with translated():
            return lake.columns(workspace, name)

    def tables(self, workspace: Any) -> list[str]:
        with translated():
            return lake.tables(workspace)

    def path(self, workspace: Any, name: str) -> str:
        return lake.table_path(workspace, name)

    def rows(self, statement: str) -> list[tuple[Any, ...]]:
        with translated(), lake.cursor() as handle, cancel.interruptible(handle.interrupt):
            return handle.execute(statement).fetchall()

    def sql(self, expression: ibis.Expr) -> str:
        """The DuckDB statement of an expression."""
        return str(ibis.to_sql(expression, dialect="duckdb"))

    def execute(self, expression: ibis.Expr, shared: Shared | None = None) -> pa.Table:
        with self._run(expression, shared) as result:
            return result.to_arrow_table()

    def execute_with(self, expression: ibis.Expr, given: Mapping[str, pa.Table]) -> pa.Table:
        """The whole result of an expression that also reads tables in memory: as `ibis.table(schema, name=…)`."""
        started = time.perf_counter()
        with translated(), lake.cursor() as handle, cancel.interruptible(handle.interrupt):
            for name, table in given.items():
                handle.register(name, table)
            try:
                result = handle.execute(self.sql(expression)).to_arrow_table()
            finally:
                for name in given:
                    handle.unregister(name)
        metrics.ENGINE_QUERIES.labels(self.name).observe(time.perf_counter() - started)
        return result

    def scalar(self, expression: ibis.Expr) -> Any:
        with self._run(expression) as result:
            row = result.fetchone()
        return None if row is None else row[0]

    def batches(self, expression: ibis.Expr, size: int = BATCH) -> Iterator[pa.RecordBatch]:
        with self._run(expression) as result:
            yield from result.to_arrow_reader(size)

    def create_table_as(
        self,
        workspace: Any,
        name: str,
        expression: ibis.Expr | str,
        *,
        sort: Sequence[str] = (),
        partition: Sequence[str] = (),
    ) -> int:
        query = expression if isinstance(expression, str) else self.sql(expression)
        with self.transaction(workspace) as work:
            return work.create_table_as(name, query, sort=sort, partition=partition)

    @contextmanager
    def transaction(self, workspace: Any) -> Iterator[LakeTransaction]:
        lake.ensure_schema(workspace)
        with translated(), lake.transaction() as handle, cancel.interruptible(handle.interrupt):
            yield LakeTransaction(handle, workspace)

    def load(self, workspace: Any, name: str, file: Path) -> int:
        return self.create_table_as(workspace, name, f"SELECT * FROM read_parquet({literal(str(file))})")

    def drop(self, workspace: Any, name: str) -> None:
        with translated():
            lake.drop_table(workspace, name)

    def set_view(self, workspace: Any, name: str, table: str) -> None:
        with translated():
            lake.set_view(workspace, name, table)

    def drop_view(self, workspace: Any, name: str) -> None:
        with translated():
            lake.drop_view(workspace, name)

    @contextmanager
    def _run(
        self, expression: ibis.Expr, shared: Shared | None = None
    ) -> Iterator[duckdb.DuckDBPyConnection]:
        started = time.perf_counter()
        parts = {name: self.sql(part) for name, part in (shared or {}).items()}
        statement = with_shared(self.sql(expression), parts)
        with translated(), lake.cursor() as handle, cancel.interruptible(handle.interrupt):
            yield handle.execute(statement)
        metrics.ENGINE_QUERIES.labels(self.name).observe(time.perf_counter() - started)


def _listed(columns: Mapping[str, str]) -> str:
    return ", ".join(f"{lake.quote(column)} {kind}" for column, kind in columns.items())


@contextmanager
def translated() -> Iterator[None]:
    """DuckDB's errors as ours: what happened, and whether trying again can help."""
    try:
        yield
    except duckdb.InterruptException as error:
        raise failures.interrupted() from error
    except duckdb.OutOfMemoryException as error:
        raise failures.out_of_memory(error) from error
    except duckdb.CatalogException as error:
        raise failures.table_missing(error) from error
    except duckdb.BinderException as error:
        raise failures.column_missing(error) from error
    except (duckdb.TransactionException, duckdb.IOException) as error:
        raise failures.busy(error) from error
    except duckdb.Error as error:
        raise failures.failed(error) from error


register_engine("lake", LakeEngine())
