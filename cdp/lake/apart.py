"""DuckDB apart from the lake's, for work on files: with memory of its own, beyond which it goes to the disk."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import duckdb
from django.conf import settings

MEMORY = 512
"""Megabytes."""


@contextmanager
def apart(at_once: int = 1) -> Iterator[duckdb.DuckDBPyConnection]:
    """A DuckDB that holds nothing, closed at the end. Rows keep the order in which they are read.

    `at_once` of them share the memory of one.
    """
    temp = Path(settings.LAKE_TEMP_PATH)
    temp.mkdir(parents=True, exist_ok=True)
    handle = duckdb.connect(
        config={
            "memory_limit": f"{MEMORY // at_once}MB",
            "threads": 2 if at_once == 1 else 1,
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
