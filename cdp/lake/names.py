"""Names of schemas and tables in the lake."""

from __future__ import annotations

from typing import Any

CATALOG = "lake"


def quote(identifier: str) -> str:
    """An SQL identifier in double quotes."""
    return '"' + identifier.replace('"', '""') + '"'


def literal(value: str) -> str:
    """An SQL string literal."""
    return "'" + value.replace("'", "''") + "'"


def workspace_schema(workspace: Any) -> str:
    """The lake schema that holds all tables of a workspace (an object or its ID)."""
    return f"w_{getattr(workspace, 'pk', workspace)}"


def table_path(workspace: Any, table: str) -> str:
    """The full, quoted name of a workspace's table."""
    return f"{CATALOG}.{quote(workspace_schema(workspace))}.{quote(table)}"
