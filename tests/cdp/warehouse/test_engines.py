"""Every engine answers the same interface in the same way."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

import duckdb
import ibis
import psycopg
import pytest

from cdp import lake
from cdp.core.errors import Cancelled, EngineError, NotFound
from cdp.lake.names import quote, workspace_schema
from cdp.warehouse import Engine, Transaction, cancellable, get_engine
from cdp.warehouse.postgres_engine import PostgresEngine
from insight.audiences.compiler import apply_limit
from tests.conftest import _database_url
from tests.factories import make_workspace


@pytest.fixture
def workspace(db: None) -> Any:
    return make_workspace()


@pytest.fixture(params=["lake", "postgresql"])
def engine(request: pytest.FixtureRequest, workspace: Any) -> Iterator[Engine]:
    if request.param == "lake":
        yield get_engine("lake")
        return
    found = PostgresEngine(_database_url())
    yield found
    found.close()
    with psycopg.connect(_database_url()) as connection:
        connection.execute(f"DROP SCHEMA IF EXISTS {quote(workspace_schema(workspace))} CASCADE".encode())


def drop_column(engine: Engine, workspace: Any, table: str, column: str) -> None:
    change = f"DROP COLUMN {quote(column)}"
    if engine.name == "lake":
        with lake.transaction() as cursor:
            cursor.execute(f"ALTER TABLE {lake.table_path(workspace, table)} {change}")
    else:
        with psycopg.connect(_database_url()) as connection:
            schema = quote(workspace_schema(workspace))
            connection.execute(f"ALTER TABLE {schema}.{quote(table)} {change}".encode())


def numbers(engine: Engine, workspace: Any, rows: int = 1000) -> ibis.Table:
    source = ibis.range(rows).unnest().name("n").as_table()
    engine.create_table_as(workspace, "numbers", source.mutate(label=source.n.cast("string")))
    return engine.table(workspace, "numbers")


def test_writing_returns_the_rows_and_replaces_an_older_table(engine: Engine, workspace: Any) -> None:
    table = numbers(engine, workspace)
    kept = engine.create_table_as(workspace, "numbers2", table.filter(table.n < 10), sort=["label"])
    assert kept == 10
    assert engine.create_table_as(workspace, "numbers2", table.filter(table.n < 3)) == 3
    assert engine.scalar(engine.table(workspace, "numbers2").count()) == 3


def test_a_partitioned_table_answers_like_any_other(engine: Engine, workspace: Any) -> None:
    table = numbers(engine, workspace)
    moments = table.select(
        at=ibis.timestamp("2026-01-01") + ibis.interval(days=1) * table.n, label=table.label
    )
    rows = engine.create_table_as(
        workspace, "moments", moments, sort=["label"], partition=['year("at")', 'month("at")']
    )
    assert rows == 1000
    written = engine.table(workspace, "moments")
    assert engine.scalar(written.filter(written["at"] < ibis.timestamp("2026-02-01")).count()) == 31


def test_batches_hold_all_rows_in_pieces(engine: Engine, workspace: Any) -> None:
    table = numbers(engine, workspace, rows=10_000)
    sizes = [batch.num_rows for batch in engine.batches(table, size=2_000)]
    assert sum(sizes) == 10_000
    assert len(sizes) > 1


def test_a_missing_table_is_named_by_its_code(engine: Engine, workspace: Any) -> None:
    with pytest.raises(NotFound) as caught:
        engine.table(workspace, "nothing")
    assert caught.value.code == "table_missing"


def test_a_dropped_column_is_named_by_its_code(engine: Engine, workspace: Any) -> None:
    table = numbers(engine, workspace)
    drop_column(engine, workspace, "numbers", "label")
    with pytest.raises(EngineError) as caught:
        engine.execute(table.select(table.label))
    assert caught.value.code == "column_missing"


def test_a_failed_write_leaves_the_older_table(engine: Engine, workspace: Any) -> None:
    table = numbers(engine, workspace)
    engine.create_table_as(workspace, "copy", table)
    broken = table.mutate(bad=table.label.cast("int64") / 0, worse=(table.label + "x").cast("int64"))
    with pytest.raises(EngineError):
        engine.create_table_as(workspace, "copy", broken)
    assert engine.scalar(engine.table(workspace, "copy").count()) == 1000


def test_a_transaction_is_there_whole_or_not_at_all(engine: Engine, workspace: Any) -> None:
    numbers(engine, workspace, rows=3)
    with pytest.raises(EngineError), engine.transaction(workspace) as work:
        work.create_table_as("numbers", "SELECT 1 AS n", sort=("n",))
        work.create_table_as("others", "SELECT 2 AS n")
        work.rows(f"SELECT missing FROM {work.path('others')}")
    assert engine.scalar(engine.table(workspace, "numbers").count()) == 3
    assert "others" not in engine.tables(workspace)
    with engine.transaction(workspace) as work:
        assert work.create_table_as("numbers", "SELECT 1 AS n UNION ALL SELECT 5", sort=("n",)) == 2
        assert work.rows(f"SELECT max(n) FROM {work.path('numbers')}") == [(5,)]
    assert engine.rows(f"SELECT n FROM {engine.path(workspace, 'numbers')} ORDER BY 1") == [(1,), (5,)]


def test_a_part_of_a_kept_table_is_replaced(engine: Engine, workspace: Any) -> None:
    def put(part: str, query: str) -> None:
        with engine.transaction(workspace) as work:
            work.keep_table("parts", {"part": "TEXT", "n": "BIGINT"}, key="part")
            work.replace("parts", f"part = '{part}'", query)

    put("a", "VALUES ('a', 1), ('a', 2)")
    put("b", "VALUES ('b', 3)")
    put("a", "SELECT 'a', 4")
    rows = engine.rows(f"SELECT part, n FROM {engine.path(workspace, 'parts')} ORDER BY 1, 2")
    assert rows == [("a", 4), ("b", 3)]


@pytest.mark.parametrize("engine", ["postgresql"], indirect=True)
def test_two_that_put_the_same_part_at_once_do_not_double_it(engine: Engine, workspace: Any) -> None:
    def put(work: Transaction) -> None:
        work.replace("parts", "part = 'a'", "VALUES ('a')")

    def second() -> None:
        with engine.transaction(workspace) as work:
            put(work)

    with engine.transaction(workspace) as work:
        work.keep_table("parts", {"part": "TEXT"})
    other = threading.Thread(target=second)
    with engine.transaction(workspace) as work:
        put(work)
        other.start()
        other.join(0.5)
        assert other.is_alive()
    other.join()
    assert engine.rows(f"SELECT count(*) FROM {engine.path(workspace, 'parts')}") == [(1,)]


def test_a_scratch_table_serves_its_transaction_only(engine: Engine, workspace: Any) -> None:
    for _time in range(2):
        with engine.transaction(workspace) as work:
            scratch = work.scratch("notes", {"n": "BIGINT"})
            work.rows(f"INSERT INTO {scratch} VALUES (1), (2)")
            assert work.rows(f"SELECT sum(n) FROM {scratch}") == [(3,)]
            work.rows(f"DROP TABLE {scratch}")
    assert "notes" not in engine.tables(workspace)


def test_a_view_stands_for_another_table_whatever_its_columns(engine: Engine, workspace: Any) -> None:
    for number, columns in enumerate(("1 AS a, 2 AS b", "3 AS a, 4 AS b, 5 AS c", "6 AS a")):
        engine.create_table_as(workspace, f"version_{number}", f"SELECT {columns}")
        engine.set_view(workspace, "current", f"version_{number}")
    view = engine.path(workspace, "current")
    assert engine.rows(f"SELECT * FROM {view}") == [(6,)]
    engine.drop(workspace, "version_0")
    engine.drop_view(workspace, "current")
    engine.drop_view(workspace, "current")
    with pytest.raises(NotFound):
        engine.rows(f"SELECT * FROM {view}")


def test_a_newer_request_interrupts_the_older_one(engine: Engine, workspace: Any) -> None:
    table = numbers(engine, workspace, rows=100_000)
    pairs = table.select(a=table.n).cross_join(table.select(b=table.n))
    started, outcome = threading.Event(), []

    def slow() -> None:
        try:
            with cancellable("page-1"):
                started.set()
                engine.scalar(pairs.filter((pairs.a * pairs.b) % 7 == 3).count())
        except Cancelled as error:
            outcome.append(error)

    thread = threading.Thread(target=slow)
    thread.start()
    started.wait(10)
    while thread.is_alive():
        with cancellable("page-1"):
            pass
        thread.join(0.05)
    assert len(outcome) == 1


def test_engine_errors_keep_the_technical_reason_apart(engine: Engine, workspace: Any) -> None:
    table = numbers(engine, workspace)
    with pytest.raises(EngineError) as caught:
        engine.execute(table.select(bad=(table.label + "x").cast("int64")))
    assert isinstance(caught.value.__cause__, duckdb.Error | psycopg.Error)
    assert "Could not convert" not in str(caught.value) and "invalid input" not in str(caught.value)


def test_types_come_back_as_they_were_written(engine: Engine, workspace: Any) -> None:
    source = (
        ibis.range(1)
        .unnest()
        .name("n")
        .as_table()
        .mutate(
            text=ibis.literal("Zürich 上海"),
            none=ibis.null().cast("string"),
            whole=ibis.literal(2**40),
            part=ibis.literal(0.5),
            day=ibis.date("2024-02-29"),
            at=ibis.timestamp("2024-02-29 23:59:59.5"),
            yes=ibis.literal(True),
            parts=ibis.array(["a", "b"]),
        )
    )
    engine.create_table_as(workspace, "types", source.drop("n"))
    table = engine.table(workspace, "types")
    assert engine.execute(table).to_pylist() == [
        {
            "text": "Zürich 上海",
            "none": None,
            "whole": 2**40,
            "part": 0.5,
            "day": date(2024, 2, 29),
            "at": datetime(2024, 2, 29, 23, 59, 59, 500_000),
            "yes": True,
            "parts": ["a", "b"],
        }
    ]
    assert engine.execute(table.filter(table.whole == 0)).num_rows == 0


def test_the_same_people_are_kept_by_a_limit_on_every_engine(engine: Engine, workspace: Any) -> None:
    people = numbers(engine, workspace).select(user_unique_id=ibis._.label)
    kept = engine.execute(apply_limit(people, "aud_1", 5)).column(0).to_pylist()
    everybody = [str(number) for number in range(1000)]
    assert kept == sorted(everybody, key=lambda user: hashlib.md5(f"aud_1:{user}".encode()).hexdigest())[:5]


def test_a_dropped_table_is_gone_and_may_be_dropped_again(engine: Engine, workspace: Any) -> None:
    numbers(engine, workspace)
    engine.drop(workspace, "numbers")
    engine.drop(workspace, "numbers")
    with pytest.raises(NotFound):
        engine.columns(workspace, "numbers")


def test_workspaces_do_not_see_each_others_tables(engine: Engine, workspace: Any) -> None:
    numbers(engine, workspace)
    with pytest.raises(NotFound):
        engine.table(make_workspace(), "numbers")


def test_a_database_that_does_not_answer_is_busy_and_may_be_tried_again(db: None) -> None:
    engine = PostgresEngine("postgresql://nobody@127.0.0.1:1/none")
    engine._pool.timeout = 0.2
    with pytest.raises(EngineError) as caught:
        engine.columns("ws_x", "t")
    engine.close()
    assert (caught.value.code, caught.value.retryable) == ("engine_busy", True)
