"""The lake: Parquet files with an ACID catalog in PostgreSQL (DuckLake), queried by DuckDB inside this process."""

from __future__ import annotations

from cdp.lake.apart import apart
from cdp.lake.connection import cursor, forget, is_open, transaction
from cdp.lake.names import quote, table_path, workspace_schema
from cdp.lake.tables import (
    TableColumn,
    columns,
    compact,
    drop_table,
    drop_view,
    ensure_schema,
    maintenance,
    row_count,
    set_view,
    table_exists,
    tables,
)

__all__ = [
    "TableColumn",
    "apart",
    "columns",
    "compact",
    "cursor",
    "drop_table",
    "drop_view",
    "ensure_schema",
    "forget",
    "is_open",
    "maintenance",
    "quote",
    "row_count",
    "set_view",
    "table_exists",
    "table_path",
    "tables",
    "transaction",
    "workspace_schema",
]
