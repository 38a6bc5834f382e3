"""Tables of the lake: looking at them, dropping them, keeping the lake tidy."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import Any

import duckdb
from django.conf import settings

from cdp.lake.connection import cursor, known_schemas
from cdp.lake.names import CATALOG, literal, quote, table_path, workspace_schema

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class TableColumn:
    """A column: its name, its DuckDB type, and whether it may be null."""

    name: str
    type: str
    nullable: bool = True


def ensure_schema(workspace: Any) -> str:
    """Make the workspace's schema where it is missing; returns its name."""
    schema = workspace_schema(workspace)
    if schema not in known_schemas():
        with cursor() as handle:
            handle.execute(f"CREATE SCHEMA IF NOT EXISTS {CATALOG}.{quote(schema)}")
        known_schemas().add(schema)
    return schema


def columns(workspace: Any, table: str) -> list[TableColumn]:
    """The table's columns in order; raises duckdb.CatalogException where there is no such table."""
    with cursor() as handle:
        rows = handle.execute(f"DESCRIBE {table_path(workspace, table)}").fetchall()
    return [TableColumn(row[0], row[1], row[2] == "YES") for row in rows]


def table_exists(workspace: Any, table: str) -> bool:
    try:
        columns(workspace, table)
    except duckdb.CatalogException:
        return False
    return True


def tables(workspace: Any) -> list[str]:
    """Names of the workspace's tables, of what has been committed.

    Asked of the catalog's own records: DuckDB's list of tables would read the particulars of every table of the lake.
    """
    records = f"__ducklake_metadata_{CATALOG}.{quote(settings.LAKE_CATALOG_SCHEMA)}"
    with cursor() as handle:
        rows = handle.execute(
            f"SELECT table_name FROM {records}.ducklake_table t JOIN {records}.ducklake_schema s USING (schema_id) "
            "WHERE schema_name = ? AND t.end_snapshot IS NULL AND s.end_snapshot IS NULL ORDER BY 1",
            [workspace_schema(workspace)],
        ).fetchall()
    return [row[0] for row in rows]


def row_count(workspace: Any, table: str) -> int:
    with cursor() as handle:
        found = handle.execute(f"SELECT count(*) FROM {table_path(workspace, table)}").fetchone()
    return int(found[0]) if found else 0


def drop_table(workspace: Any, table: str) -> None:
    """Drop a table if it exists. Its files go with the next maintenance, so running readers finish."""
    with cursor() as handle:
        handle.execute(f"DROP TABLE IF EXISTS {table_path(workspace, table)}")


def set_view(workspace: Any, name: str, table: str) -> None:
    """Let `name` stand for a table; it may have stood for another one before."""
    with cursor() as handle:
        target = table_path(workspace, table)
        handle.execute(f"CREATE OR REPLACE VIEW {table_path(workspace, name)} AS SELECT * FROM {target}")


def drop_view(workspace: Any, name: str) -> None:
    """Drop a view if it exists."""
    with cursor() as handle:
        handle.execute(f"DROP VIEW IF EXISTS {table_path(workspace, name)}")


def compact(workspace: Any, table: str, *, most: int) -> None:
    """Put the small files of a table that is added to bit by bit together, where there are more than `most`."""
    place = f"{literal(CATALOG)}, {literal(table)}, schema => {literal(workspace_schema(workspace))}"
    with cursor() as handle:
        found = handle.execute(f"SELECT count(*) FROM ducklake_list_files({place})").fetchall()
        if found[0][0] > most:
            handle.execute(f"CALL ducklake_merge_adjacent_files({place})")


def maintenance() -> None:
    """Expire old catalog snapshots and delete the files that no snapshot needs any more.

    Versions are tables of their own, so one hour is enough for readers that hold an older snapshot.
    """
    with cursor() as handle:
        handle.execute(
            f"CALL ducklake_expire_snapshots({literal(CATALOG)}, older_than => now() - INTERVAL 1 HOUR)"
        )
        handle.execute(
            f"CALL ducklake_cleanup_old_files({literal(CATALOG)}, older_than => now() - INTERVAL 1 HOUR)"
        )
    log.info("Lake maintenance done (%s).", settings.LAKE_PATH)
