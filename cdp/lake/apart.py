"""DuckDB apart from the lake's, for work on files: with memory of its own, beyond which it goes to the disk."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
from django.conf import settings

MEMORY = "512MB"


@contextmanager
def apart() -> Iterator[duckdb.DuckDBPyConnection]:
    """A DuckDB that holds nothing, closed at the end. Rows keep the order in which they are read."""
    temp = Path(settings.LAKE_TEMP_PATH)
    temp.mkdir(parents=True, exist_ok=True)
    handle = duckdb.connect(
        config={
            "memory_limit": MEMORY,
            "threads": 2,
            "temp_directory": str(temp / f"apart-{uuid.uuid4().hex}"),
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
            "preserve_insertion_order": "true",
        }
    )
    try:
        yield handle
    finally:
        handle.close()
