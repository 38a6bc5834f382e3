"""The rule compiler run by PostgreSQL: the same worlds and rules as on the lake's engine."""

from __future__ import annotations

from typing import Any

import ibis
import psycopg
import pyarrow as pa
from ibis.backends.sql.datatypes import PostgresType

from cdp.lake.names import quote
from cdp.warehouse.postgres_compiler import to_sql
from tests.conftest import _database_url
from tests.insight.audiences.engine import Engine
from tests.insight.audiences.reference import World


class PostgresWorld(Engine):
    """A world in temporary tables of a connection's transaction. Usable as a Catalog; `close` forgets the tables."""

    def __init__(self, world: World) -> None:
        self.postgres = psycopg.connect(_database_url())
        super().__init__(world)

    def _store(self, name: str, rows: pa.Table) -> ibis.Table:
        schema = ibis.Schema.from_pyarrow(rows.schema)
        columns = ", ".join(
            f"{quote(column)} {PostgresType.to_string(kind)}" for column, kind in schema.items()
        )
        with self.postgres.cursor() as handle:
            handle.execute(f"CREATE TEMPORARY TABLE {quote(name)} ({columns})")
            with handle.copy(f"COPY {quote(name)} FROM STDIN") as copy:
                for row in rows.to_pylist():
                    copy.write_row(list(row.values()))
        return ibis.table(schema, name=name)

    def run(self, expression: ibis.Table) -> list[tuple[Any, ...]]:
        with self.postgres.cursor() as handle:
            return handle.execute(to_sql(expression)).fetchall()

    def close(self) -> None:
        self.postgres.close()
