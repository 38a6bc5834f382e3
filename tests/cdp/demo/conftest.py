"""The test profile, generated once, and its tables in a DuckDB."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
import pytest

from cdp.demo.retailer import Tables, generate

AS_OF = date(2026, 11, 1)


@pytest.fixture(scope="session")
def retailer(tmp_path_factory: pytest.TempPathFactory) -> Tables:
    folder: Path = tmp_path_factory.mktemp("retailer")
    return generate("test", 7, AS_OF, folder)


@pytest.fixture(scope="session")
def tables(retailer: Tables) -> Iterator[duckdb.DuckDBPyConnection]:
    connection = duckdb.connect()
    for name, path in retailer.parquet().items():
        connection.execute(f"CREATE TABLE {name} AS SELECT * FROM read_parquet('{path}')")
    yield connection
    connection.close()


@pytest.fixture(scope="session")
def expected(retailer: Tables) -> Any:
    return json.loads(retailer.expected.read_text(encoding="utf-8"))
