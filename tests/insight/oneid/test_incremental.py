"""Runs that go on from the last one: they find what a full run finds, and say which kind they were."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cdp import lake
from cdp.core.identifiers import ID_TYPES
from insight.oneid import decisions, limits, services
from insight.oneid.components import update_components, write_components
from insight.oneid.graph import KEPT, Decisions, Graph
from insight.oneid.models import IdentityRun
from tests.insight.oneid.conftest import Pairs, seen
from tests.insight.oneid.test_components import see

START = datetime(2026, 6, 1)
RESULTS = ("nodes", "people", "used", "shared", "troubled", *(f"kept_{name}" for name in KEPT))
STRONG = st.tuples(st.sampled_from(["mobile", "email", "union_id"]), st.sampled_from("abcdef"))
ANY = st.one_of(STRONG, st.tuples(st.sampled_from(["imei", "mac"]), st.sampled_from("pqr")))
MOMENT = st.integers(0, 400).map(lambda days: START - timedelta(days=days))
PAIR = st.tuples(ANY, st.one_of(st.none(), ANY), MOMENT)
GROUP = st.lists(ANY.map(lambda item: (item[0], "plain", item[1])), min_size=1, max_size=2)
STEP = st.tuples(
    st.lists(PAIR, max_size=8),
    st.integers(0, 90),
    st.lists(st.tuples(GROUP, GROUP, st.booleans()), max_size=2),
    st.booleans(),
)
"""Pairs that arrive, days that pass, decisions (IDs, IDs, whether they are one person), whether decisions stay."""


@pytest.fixture(scope="module")
def engine() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as handle:
        yield handle


def results(engine: duckdb.DuckDBPyConnection) -> dict[str, list[Any]]:
    return {table: sorted(engine.execute(f"FROM {table}").fetchall(), key=str) for table in RESULTS}


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(STEP, min_size=2, max_size=4),
    st.integers(2, 8),
    st.integers(1, 3),
    st.lists(st.sampled_from(["mobile", "email", "union_id"]), max_size=2, unique=True),
)
def test_going_on_finds_exactly_what_beginning_anew_finds(
    engine: duckdb.DuckDBPyConnection, steps: list[Any], max_ids: int, most: int, single: list[str]
) -> None:
    types = {key: {"most": most, "only_one": key in single} for key in ID_TYPES}
    rules = limits.complete({"types": types, "max_ids": max_ids, "weak_days": 60})
    pairs: list[Any] = []
    decided = Decisions()
    now, before = START, None
    for more, days, made, stay in steps:
        pairs, now = pairs + more, now + timedelta(days=days)
        decided = decided if stay else Decisions()
        for first, second, one in made:
            if one:
                decided.joined.append((first[0], second[0]))
            elif not set(first) & set(second):
                decided.parted.append((first, second))
        found = []
        for basis in (before, None):
            see(engine, pairs)
            Graph(engine, rules, now, decided, before=basis).resolve()
            found.append(results(engine))
        assert found[0] == found[1]
        for name in KEPT:
            engine.execute(f"CREATE OR REPLACE TEMP TABLE former_{name} AS FROM kept_{name}")
        before = {name: f"former_{name}" for name in KEPT}


def test_components_without_a_new_edge_are_not_worked_out_again(engine: duckdb.DuckDBPyConnection) -> None:
    many = "SELECT i AS v, i + 1 AS w FROM range(1, 2000) r(i) WHERE i % 4 <> 0"
    engine.execute(
        f"CREATE OR REPLACE TEMP TABLE edges_1 AS SELECT v::UBIGINT AS v, w::UBIGINT AS w FROM ({many})"
    )
    update_components(engine, "edges_1", "found", "kept", None)
    engine.execute("CREATE OR REPLACE TEMP TABLE former AS SELECT v, w, 7::UBIGINT AS root FROM kept")
    engine.execute("UPDATE former SET root = kept.root FROM kept WHERE kept.v = former.v AND former.v < 5")
    engine.execute("CREATE OR REPLACE TEMP TABLE edges_2 AS FROM edges_1 UNION ALL SELECT 4, 9001")
    update_components(engine, "edges_2", "found", "kept", "former")
    assert engine.execute("SELECT DISTINCT root FROM found WHERE v > 4 AND v < 9000").fetchall() == [(7,)]
    write_components(engine, "edges_2", "anew")
    [pair] = engine.execute(
        """SELECT list(DISTINCT f.root), list(DISTINCT a.root) FROM found f JOIN anew a USING (v)
           WHERE v <= 4 OR v = 9001"""
    ).fetchall()
    assert pair[0] == pair[1] and len(pair[0]) == 1


M = [("mobile", f"1380000000{number}") for number in range(9)]
E = [("email", f"p{number}@x.com") for number in range(9)]
U = [("union_id", f"u{number}") for number in range(9)]


def kinds(pairs: Pairs) -> list[tuple[str, str]]:
    rows = IdentityRun.objects.filter(graph=pairs.graph).order_by("number")
    return [(row.stats["kind"], row.stats["reason"]) for row in rows]


def whole_map(pairs: Pairs) -> list[Any]:
    graph = pairs.graph
    found = []
    for part in ("map", "people", "links", "aliases"):
        with lake.cursor() as handle:
            path = lake.table_path(graph.workspace, graph.table(part))
            columns = (
                "* EXCLUDE (strength)"
                if part == "links"
                else "* EXCLUDE (confidence)"
                if part == "map"
                else "*"
            )
            found.append(sorted(handle.execute(f"SELECT {columns} FROM {path}").fetchall(), key=str))
    return found


def run_full(pairs: Pairs) -> None:
    services.run(pairs.access, full=True)
    pairs.run_jobs()


def test_a_run_goes_on_where_only_pairs_were_added(pairs: Pairs) -> None:
    rows = [seen(M[0], E[0]), seen(M[0], U[1]), seen(M[1], E[1]), seen(M[2], E[2])]
    pairs.run(rows)
    first, second = pairs.one_id(*M[0]), pairs.one_id(*M[1])
    graph = pairs.run([*rows, seen(E[0], U[0]), seen(E[0], E[2]), seen(M[3], E[3])])
    assert kinds(pairs) == [("full", "first"), ("incremental", "")]
    assert (pairs.one_id(*U[0]), pairs.one_id(*M[1])) == (first, second)
    assert pairs.one_id(*M[2]) == first
    assert (graph.stats["people"], graph.stats["merged"], graph.stats["pairs"]) == (3, 1, 7)
    before = whole_map(pairs)
    run_full(pairs)
    assert kinds(pairs)[-1] == ("full", "asked")
    assert whole_map(pairs) == before


def test_decisions_are_followed_by_a_run_that_goes_on(pairs: Pairs) -> None:
    rows = [seen(M[0], E[0]), seen(M[0], U[0]), seen(M[1], E[1])]
    pairs.run(rows)
    decisions.merge(pairs.access, pairs.person(*M[0]), pairs.person(*M[1]))
    pairs.run_jobs()
    person = pairs.person(*M[0])
    moved = [str(item.key) for item in person.ids if (item.id_type, item.value) == E[0]]
    decisions.split(pairs.access, person, moved)
    pairs.run_jobs()
    assert pairs.one_id(*M[0]) == pairs.one_id(*E[1]) != pairs.one_id(*E[0])
    pairs.run([*rows, seen(E[0], E[2])])
    assert [kind for kind, _reason in kinds(pairs)] == ["full", *["incremental"] * 3]
    before = whole_map(pairs)
    run_full(pairs)
    assert whole_map(pairs) == before


def test_a_source_that_has_not_changed_is_not_read_again(pairs: Pairs) -> None:
    pairs.run([seen(M[0], E[0])])
    assert pairs.graph.stats["sources_read"] == 1
    graph = pairs.run()
    assert (graph.stats["kind"], graph.stats["sources_read"], graph.stats["pairs"]) == ("incremental", 0, 1)


def test_a_run_begins_anew_where_a_source_has_shrunk(pairs: Pairs) -> None:
    pairs.run([seen(M[0], E[0]), seen(E[0], U[0])])
    pairs.run([seen(M[0], E[0]), seen(U[0], U[0])])
    assert kinds(pairs)[-1] == ("full", "shrunk")
    assert pairs.one_id(*M[0]) != pairs.one_id(*U[0])


@pytest.mark.parametrize(
    "more", [{"limits": {"max_ids": 2}}, {"limits": {"types": {"imei": {"use": "off"}}}}]
)
def test_a_run_begins_anew_where_settings_have_changed(pairs: Pairs, more: dict[str, Any]) -> None:
    rows = [seen(M[0], E[0])]
    pairs.run(rows)
    pairs.run([*rows, seen(M[0], U[0])], **more)
    assert kinds(pairs)[-1] == ("full", "settings")


def test_a_run_begins_anew_where_what_was_kept_is_gone_or_of_another_engine(pairs: Pairs) -> None:
    graph = pairs.run([seen(M[0], E[0])])
    lake.drop_table(pairs.workspace, graph.table("strong"))
    pairs.run()
    graph = pairs.graph
    graph.basis["engine"] = "0"
    graph.save()
    services.run(pairs.access)
    pairs.run_jobs()
    assert kinds(pairs)[1:] == [("full", "first"), ("full", "engine")]


def test_pairs_of_no_day_count_as_seen_at_each_run(pairs: Pairs) -> None:
    rows = [seen(M[0], E[0])]
    pairs.write(rows)
    with lake.cursor() as handle:
        handle.execute(f"UPDATE {lake.table_path(pairs.workspace, 'pairs_1')} SET seen_at = NULL")
    pairs.run()
    before = pairs.person(*M[0]).links[0].last_seen
    graph = pairs.run()
    assert graph.stats["kind"] == "incremental"
    assert pairs.person(*M[0]).links[0].last_seen >= before
