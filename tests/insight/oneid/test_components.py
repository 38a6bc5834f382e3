"""Finding people in pairs of IDs, against a union-find in plain Python."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cdp.core.identifiers import ID_TYPES
from insight.oneid import limits, sightings
from insight.oneid.components import write_components
from insight.oneid.graph import TYPES, Decisions, Graph

NOW = datetime(2026, 6, 1)
Vertex = tuple[str, str]
Pair = tuple[Vertex, Vertex | None]


@pytest.fixture(scope="module")
def engine() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as handle:
        yield handle


class Forest:
    """A union-find, as simple as can be."""

    def __init__(self) -> None:
        self.parent: dict[Any, Any] = {}

    def root(self, node: Any) -> Any:
        while self.parent.setdefault(node, node) != node:
            node = self.parent[node]
        return node

    def join(self, a: Any, b: Any) -> None:
        self.parent[self.root(a)] = self.root(b)

    def sets(self) -> set[frozenset[Any]]:
        found: dict[Any, set[Any]] = {}
        for node in list(self.parent):
            found.setdefault(self.root(node), set()).add(node)
        return {frozenset(nodes) for nodes in found.values()}


def see(
    engine: duckdb.DuckDBPyConnection, pairs: list[Pair] | list[tuple[Vertex, Vertex | None, datetime]]
) -> None:
    """The sightings of one source that says the pairs."""
    engine.execute(
        """CREATE OR REPLACE TEMP TABLE seen (t_a UTINYINT, e_a UTINYINT, id_a VARCHAR,
           t_b UTINYINT, e_b UTINYINT, id_b VARCHAR, seen_at TIMESTAMP)"""
    )
    rows = []
    for first, second, *moment in pairs:
        other = (TYPES.index(second[0]), 0, second[1]) if second else (None, None, None)
        rows.append((TYPES.index(first[0]), 0, first[1], *other, moment[0] if moment else NOW))
    if rows:
        engine.executemany("INSERT INTO seen VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
    sightings.begin(engine)
    sightings.add(engine, 0)


def resolve(
    engine: duckdb.DuckDBPyConnection,
    pairs: list[Pair] | list[tuple[Vertex, Vertex | None, datetime]],
    decisions: Decisions | None = None,
    **given: Any,
) -> set[frozenset[Vertex]]:
    """The people of pairs, each as the set of their IDs; `given` are limits."""
    see(engine, pairs)
    Graph(engine, limits.complete(given), NOW, decisions).resolve()
    found: dict[int, set[Vertex]] = {}
    for root, kind, value in engine.execute(
        "SELECT p.root, n.t, n.id FROM people p JOIN nodes n USING (key)"
    ).fetchall():
        found.setdefault(root, set()).add((TYPES[kind], value))
    return {frozenset(ids) for ids in found.values()}


def loose(**types: Any) -> dict[str, Any]:
    """Limits that stop nothing, but for the given types."""
    every = {key: {"use": "strong", "most": 1000} for key in ID_TYPES}
    return {"types": {**every, **types}, "max_ids": 10_000}


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(st.integers(0, 40), st.integers(0, 40)), max_size=60))
def test_components_are_those_of_a_union_find(
    engine: duckdb.DuckDBPyConnection, edges: list[tuple[int, int]]
) -> None:
    forest = Forest()
    for v, w in edges:
        if v != w:
            forest.join(v, w)
    engine.execute("CREATE OR REPLACE TEMP TABLE given (v UBIGINT, w UBIGINT)")
    if edges:
        engine.executemany("INSERT INTO given VALUES (?, ?)", edges)
    write_components(engine, "given", "answer")
    found: dict[int, set[int]] = {}
    for v, root in engine.execute("FROM answer").fetchall():
        found.setdefault(root, set()).add(v)
    assert {frozenset(nodes) for nodes in found.values()} == forest.sets()


@pytest.mark.parametrize("shape", ["path", "star", "grid"])
def test_long_paths_stars_and_grids_need_few_rounds(engine: duckdb.DuckDBPyConnection, shape: str) -> None:
    edges = {
        "path": "SELECT i AS v, i + 1 AS w FROM range(20000) r(i)",
        "star": "SELECT 0 AS v, i + 1 AS w FROM range(20000) r(i)",
        "grid": """SELECT i AS v, i + 1 AS w FROM range(20000) r(i) WHERE i % 100 < 99
                   UNION ALL SELECT i, i + 100 FROM range(19900) r(i)""",
    }[shape]
    engine.execute(
        f"CREATE OR REPLACE TEMP TABLE given AS SELECT v::UBIGINT AS v, w::UBIGINT AS w FROM ({edges})"
    )
    rounds = write_components(engine, "given", "answer")
    assert engine.execute("SELECT count(DISTINCT root) FROM answer").fetchone() == (1,)
    assert rounds <= 30


IDS = st.tuples(st.sampled_from(["mobile", "email", "union_id"]), st.sampled_from("abcdefghij"))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.tuples(IDS, st.one_of(st.none(), IDS)), max_size=25))
def test_people_without_limits_are_those_of_a_union_find(
    engine: duckdb.DuckDBPyConnection, pairs: list[Pair]
) -> None:
    forest = Forest()
    for first, second in pairs:
        forest.join(first, second or first)
    assert resolve(engine, pairs, **loose()) == forest.sets()


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(st.tuples(IDS, IDS), max_size=25),
    st.integers(2, 5),
    st.lists(st.sampled_from(["mobile", "email", "union_id"]), max_size=2, unique=True),
)
def test_no_person_breaks_a_rule_and_nobody_is_joined_without_a_link(
    engine: duckdb.DuckDBPyConnection, pairs: list[Pair], most: int, single: list[str]
) -> None:
    rules = loose(**{key: {"use": "strong", "most": 1000, "only_one": True} for key in single})
    people = resolve(engine, pairs, **{**rules, "max_ids": most})
    assert sum(map(len, people)) == len({item for pair in pairs for item in pair})
    for ids in people:
        assert len(ids) <= most
        for key in single:
            assert sum(kind == key for kind, _value in ids) <= 1
        inside = Forest()
        for item in ids:
            inside.root(item)
        for first, second in pairs:
            if first in ids and second in ids:
                inside.join(first, second)
        assert len(inside.sets()) == 1
    # Nothing is left apart that could be joined.
    for first, second in pairs:
        one = next(ids for ids in people if first in ids)
        other = next(ids for ids in people if second in ids)
        together = one | other
        fits = len(together) <= most and all(sum(kind == key for kind, _v in together) <= 1 for key in single)
        assert one == other or not fits


M, N = ("mobile", "13800000001"), ("mobile", "13800000002")


def test_the_same_value_under_two_types_is_two_ids(engine: duckdb.DuckDBPyConnection) -> None:
    people = resolve(engine, [(M, ("taobao_id", "1")), (N, ("weibo_id", "1"))])
    assert len(people) == 2


def test_a_device_of_two_people_is_shared_and_joins_nobody(engine: duckdb.DuckDBPyConnection) -> None:
    phone = ("imei", "A" * 15)
    people = resolve(engine, [(M, phone), (N, phone), (M, ("email", "a@x.com"))])
    assert people == {frozenset({M, ("email", "a@x.com")}), frozenset({N})}
    assert engine.execute("SELECT count(*), max(linked) FROM shared").fetchone() == (1, 2)


def test_a_device_of_one_person_with_several_strong_ids_is_theirs(engine: duckdb.DuckDBPyConnection) -> None:
    phone, mail = ("imei", "A" * 15), ("email", "a@x.com")
    assert resolve(engine, [(M, phone), (mail, phone), (M, mail)]) == {frozenset({M, mail, phone})}


def test_a_device_joins_two_people_where_its_type_allows_two(engine: duckdb.DuckDBPyConnection) -> None:
    phone = ("imei", "A" * 15)
    types = {"imei": {"use": "weak", "most": 2}}
    assert resolve(engine, [(M, phone), (N, phone)], types=types) == {frozenset({M, N, phone})}


def test_a_device_seen_too_long_ago_joins_nobody(engine: duckdb.DuckDBPyConnection) -> None:
    phone = ("imei", "A" * 15)
    old = NOW - timedelta(days=200)
    assert resolve(engine, [(M, phone, old), (N, phone, NOW)]) == {frozenset({M}), frozenset({N, phone})}


def test_devices_seen_together_do_not_lead_from_one_person_to_another(
    engine: duckdb.DuckDBPyConnection,
) -> None:
    one, other = ("imei", "A" * 15), ("mac", "00:00:00:00:00:01")
    people = resolve(engine, [(M, one), (N, other), (one, other)])
    assert people == {frozenset({M, one}), frozenset({N, other})}
    assert resolve(engine, [(M, one), (one, other)]) == {frozenset({M, one, other})}


def test_a_telephone_of_a_shop_with_many_accounts_joins_nobody(engine: duckdb.DuckDBPyConnection) -> None:
    pairs = [(M, ("union_id", f"u{number}")) for number in range(6)]
    assert len(resolve(engine, pairs)) == 6
    assert len(resolve(engine, pairs[:5])) == 1


def test_the_weakest_link_is_cut_first(engine: duckdb.DuckDBPyConnection) -> None:
    often = [(M, ("union_id", "a"), NOW - timedelta(days=day)) for day in range(5)]
    seldom = [(M, ("union_id", "b"), NOW)]
    types = {"union_id": {"use": "strong", "only_one": True}}
    people = resolve(engine, [*often, *seldom], types=types)
    assert frozenset({M, ("union_id", "a")}) in people
    assert engine.execute("SELECT ids, parts, too_many FROM troubled").fetchall() == [(3, 2, False)]


def test_types_that_are_off_are_nobodys(engine: duckdb.DuckDBPyConnection) -> None:
    people = resolve(engine, [(M, ("email", "a@x.com"))], types={"email": {"use": "off"}})
    assert people == {frozenset({M})}


def plain(*ids: Vertex) -> list[tuple[str, str, str]]:
    return [(kind, "plain", value) for kind, value in ids]


def test_what_was_joined_by_hand_is_one_person(engine: duckdb.DuckDBPyConnection) -> None:
    a, b = plain(M, N)
    assert resolve(engine, [(M, None), (N, None)], Decisions(joined=[(a, b)])) == {frozenset({M, N})}


def test_what_was_told_apart_by_hand_are_two_people(engine: duckdb.DuckDBPyConnection) -> None:
    mail, union = ("email", "a@x.com"), ("union_id", "u")
    pairs: list[Pair] = [(M, mail), (M, union), (mail, union), (N, union)]
    people = resolve(engine, pairs, Decisions(parted=[(plain(M, mail), plain(union))]))
    assert frozenset({M, mail}) in people
    assert frozenset({N, union}) in people


def test_a_hand_joins_a_device_with_a_person_and_what_belongs_to_it(
    engine: duckdb.DuckDBPyConnection,
) -> None:
    one, other = ("imei", "A" * 15), ("mac", "00:00:00:00:00:01")
    a, b = plain(M, one)
    people = resolve(engine, [(M, None), (one, other)], Decisions(joined=[(a, b)]))
    assert people == {frozenset({M, one, other})}
