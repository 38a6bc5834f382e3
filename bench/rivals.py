"""Other engines over the same rows: PostgreSQL, chDB and pandas."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection
from psycopg.conninfo import make_conninfo

from bench.world import World
from cdp import lake
from cdp.lake.names import literal, quote

Query = Callable[[str], list[Any]]

POSTGRES_TYPES = {"DOUBLE": "double precision"}


@contextmanager
def postgres(world: World, table: str, name: str) -> Iterator[str]:
    """A PostgreSQL table (unlogged, analysed, no index) with the rows of a lake table; its name.

    It lies in the run's own server, which has its default settings: 128 MB of shared buffers, the rest of the table
    in the operating system's cache, two parallel workers besides the leader.
    """
    columns = ", ".join(
        f"{quote(column.name)} {POSTGRES_TYPES.get(column.type, 'text')}"
        for column in lake.columns(world.workspace, table)
    )
    with connection.cursor() as cursor:
        cursor.execute(f"DROP TABLE IF EXISTS {quote(name)}")
        cursor.execute(f"CREATE UNLOGGED TABLE {quote(name)} ({columns})")
    try:
        with lake.cursor() as handle:
            handle.execute(f"ATTACH {literal(_address())} AS rival (TYPE postgres)")
            try:
                handle.execute(f"INSERT INTO rival.public.{quote(name)} FROM {world.path(table)}")
            finally:
                handle.execute("DETACH rival")
        with connection.cursor() as cursor:
            cursor.execute(f"VACUUM (ANALYZE) {quote(name)}")
        yield name
    finally:
        with connection.cursor() as cursor:
            cursor.execute(f"DROP TABLE {quote(name)}")


def _address() -> str:
    """The run's own database, in libpq's words."""
    given = connection.get_connection_params()
    return make_conninfo(
        **{key: given[key] for key in ("dbname", "user", "password", "host", "port") if key in given}
    )


def ask_postgres(sql: str) -> list[Any]:
    """The first row of a query."""
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return list(cursor.fetchone() or ())


def has_chdb() -> bool:
    """Whether it is installed: it is no part of the product (requirements-bench.txt)."""
    return find_spec("chdb") is not None


@contextmanager
def chdb(world: World, table: str) -> Iterator[tuple[Query, str, str]]:
    """(query, the lake table's files, a MergeTree table of the same rows): both names go after FROM.

    Text columns of up to a thousand values are LowCardinality in the MergeTree table.
    """
    from chdb import session

    Path(settings.LAKE_TEMP_PATH).mkdir(parents=True, exist_ok=True)
    folder = tempfile.mkdtemp(prefix="chdb-", dir=settings.LAKE_TEMP_PATH)
    open_session = session.Session(folder)

    def query(sql: str) -> list[Any]:
        line = str(open_session.query(sql, "TSV")).strip()
        return [int(value) for value in line.split("\t")]

    try:
        files = world.paths(table)
        source = f"file('{Path(files[0]).parent}/{{{','.join(Path(path).name for path in files)}}}', Parquet)"
        columns = ", ".join(
            _chdb_column(world, table, column) for column in lake.columns(world.workspace, table)
        )
        open_session.query("CREATE DATABASE bench")
        open_session.query(f"CREATE TABLE bench.users ({columns}) ENGINE = MergeTree ORDER BY tuple()")
        open_session.query(f"INSERT INTO bench.users SELECT * FROM {source}")
        yield query, source, "bench.users"
    finally:
        open_session.close()
        shutil.rmtree(folder, ignore_errors=True)


def _chdb_column(world: World, table: str, column: lake.TableColumn) -> str:
    if column.type == "DOUBLE":
        return f"{column.name} Nullable(Float64)"
    [distinct] = world.row(f"SELECT approx_count_distinct({quote(column.name)}) FROM {world.path(table)}")
    kind = "Nullable(String)"
    return f"{column.name} {f'LowCardinality({kind})' if distinct < 1000 else kind}"
