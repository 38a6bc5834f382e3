"""The built-in engine."""

from __future__ import annotations

import threading
from typing import Any

import duckdb
import ibis
import pytest

from cdp import lake
from cdp.core.errors import Cancelled, EngineError, NotFound
from cdp.warehouse import cancellable, get_engine
from cdp.warehouse.lake_engine import LakeEngine
from tests.factories import make_workspace


@pytest.fixture
def workspace(db: None) -> Any:
    return make_workspace()


@pytest.fixture
def engine() -> LakeEngine:
    found = get_engine("lake")
    assert isinstance(found, LakeEngine)
    return found


def numbers(engine: LakeEngine, workspace: Any, rows: int = 1000) -> ibis.Table:
    source = ibis.range(rows).unnest().name("n").as_table()
    engine.create_table_as(workspace, "numbers", source.mutate(label=source.n.cast("string")))
    return engine.table(workspace, "numbers")


def test_writing_returns_the_rows_and_replaces_an_older_table(engine: LakeEngine, workspace: Any) -> None:
    table = numbers(engine, workspace)
    kept = engine.create_table_as(workspace, "numbers2", table.filter(table.n < 10), sort=["label"])
    assert kept == 10
    assert engine.create_table_as(workspace, "numbers2", table.filter(table.n < 3)) == 3
    assert engine.scalar(engine.table(workspace, "numbers2").count()) == 3


def test_a_partitioned_table_answers_like_any_other(engine: LakeEngine, workspace: Any) -> None:
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


def test_batches_hold_all_rows_in_pieces(engine: LakeEngine, workspace: Any) -> None:
    table = numbers(engine, workspace, rows=10_000)
    sizes = [batch.num_rows for batch in engine.batches(table, size=2_000)]
    assert sum(sizes) == 10_000
    assert len(sizes) > 1


def test_a_missing_table_is_named_by_its_code(engine: LakeEngine, workspace: Any) -> None:
    with pytest.raises(NotFound) as caught:
        engine.table(workspace, "nothing")
    assert caught.value.code == "table_missing"


def test_a_dropped_column_is_named_by_its_code(engine: LakeEngine, workspace: Any) -> None:
    table = numbers(engine, workspace)
    with lake.transaction() as cursor:
        cursor.execute(f"ALTER TABLE {lake.table_path(workspace, 'numbers')} DROP COLUMN label")
    with pytest.raises(EngineError) as caught:
        engine.execute(table.select(table.label))
    assert caught.value.code == "column_missing"


def test_a_failed_write_leaves_the_older_table(engine: LakeEngine, workspace: Any) -> None:
    table = numbers(engine, workspace)
    engine.create_table_as(workspace, "copy", table)
    broken = table.mutate(bad=table.label.cast("int64") / 0, worse=(table.label + "x").cast("int64"))
    with pytest.raises(EngineError):
        engine.create_table_as(workspace, "copy", broken)
    assert engine.scalar(engine.table(workspace, "copy").count()) == 1000


def test_a_newer_request_interrupts_the_older_one(engine: LakeEngine, workspace: Any) -> None:
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


def test_engine_errors_keep_the_technical_reason_apart(engine: LakeEngine, workspace: Any) -> None:
    table = numbers(engine, workspace)
    with pytest.raises(EngineError) as caught:
        engine.execute(table.select(bad=(table.label + "x").cast("int64")))
    assert isinstance(caught.value.__cause__, duckdb.Error)
    assert "Could not convert" not in str(caught.value)
