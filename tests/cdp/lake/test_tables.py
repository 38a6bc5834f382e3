"""Tables of the lake."""

from __future__ import annotations

from typing import Any

import pytest

from cdp import lake
from tests.factories import make_workspace


@pytest.fixture
def workspace(db: None) -> Any:
    return make_workspace()


def test_a_transaction_shows_everything_or_nothing(workspace: Any) -> None:
    lake.ensure_schema(workspace)
    with pytest.raises(RuntimeError), lake.transaction() as cursor:
        cursor.execute(f"CREATE TABLE {lake.table_path(workspace, 'half')} AS SELECT 1 AS one")
        raise RuntimeError
    assert not lake.table_exists(workspace, "half")


def test_names_with_quotes_are_kept_as_they_are(workspace: Any) -> None:
    table, column = 'a"b', 'c"d'
    lake.ensure_schema(workspace)
    with lake.transaction() as cursor:
        cursor.execute(
            f"CREATE TABLE {lake.table_path(workspace, table)} AS SELECT 1 AS {lake.quote(column)}"
        )
    assert [found.name for found in lake.columns(workspace, table)] == [column]
    assert lake.tables(workspace) == [table]
    lake.drop_table(workspace, table)
    assert lake.tables(workspace) == []


def test_dropping_a_missing_table_is_no_error(workspace: Any) -> None:
    lake.ensure_schema(workspace)
    lake.drop_table(workspace, "never there")
    assert not lake.table_exists(workspace, "never there")


def test_maintenance_keeps_present_tables(workspace: Any) -> None:
    lake.ensure_schema(workspace)
    with lake.transaction() as cursor:
        cursor.execute(
            f"CREATE TABLE {lake.table_path(workspace, 'kept')} AS SELECT range AS n FROM range(10)"
        )
    lake.maintenance()
    assert lake.row_count(workspace, "kept") == 10
