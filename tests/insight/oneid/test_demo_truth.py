"""The demo retailer's pairs, whose true people are known."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import date, datetime
from itertools import combinations
from pathlib import Path
from typing import Any

import duckdb
import pytest

from cdp.demo.retailer import generate
from insight.oneid import limits, sightings
from insight.oneid.graph import TYPES, Graph

AS_OF = date(2026, 11, 1)
STRONG = ("union_id", "open_id", "taobao_id", "alipay_id")


@pytest.fixture(scope="module")
def retailer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    folder: Path = tmp_path_factory.mktemp("retailer")
    with duckdb.connect() as handle:
        for name, path in generate("test", 7, AS_OF, folder).parquet().items():
            handle.execute(f"CREATE TABLE {name} AS SELECT * FROM read_parquet('{path}')")
        codes = " ".join(f"WHEN '{key}' THEN {place}" for place, key in enumerate(TYPES))
        handle.execute(
            f"""CREATE TEMP TABLE seen AS
                SELECT (CASE id_type_a {codes} END)::UTINYINT AS t_a, 0::UTINYINT AS e_a, id_a,
                       (CASE id_type_b {codes} END)::UTINYINT AS t_b, 0::UTINYINT AS e_b, id_b,
                       seen_at::TIMESTAMP AS seen_at FROM id_pairs"""
        )
        sightings.begin(handle)
        sightings.add(handle, 0)
        Graph(handle, limits.complete({}), datetime(AS_OF.year, AS_OF.month, AS_OF.day)).resolve()
        yield handle


def found_and_true(handle: duckdb.DuckDBPyConnection) -> tuple[set[Any], set[Any]]:
    """Pairs of strong IDs that are one person's: as found, and in truth."""
    people: dict[int, set[Any]] = defaultdict(set)
    truth: dict[str, set[Any]] = defaultdict(set)
    for root, kind, value in handle.execute(
        "SELECT p.root, n.t, n.id FROM people p JOIN nodes n USING (key)"
    ).fetchall():
        if TYPES[kind] in STRONG:
            people[root].add((TYPES[kind], value))
    known = {item for ids in people.values() for item in ids}
    for name in STRONG:
        for value, person in handle.execute(
            f"SELECT {name}, person FROM ads_user_tag JOIN truth_people USING (user_id) WHERE {name} IS NOT NULL"
        ).fetchall():
            if (name, value) in known:
                truth[person].add((name, value))
    return _pairs(people), _pairs(truth)


def _pairs(sets: Any) -> set[Any]:
    return {pair for ids in sets.values() for pair in combinations(sorted(ids), 2)}


def test_the_true_people_are_found_with_full_precision_and_recall(
    retailer: duckdb.DuckDBPyConnection,
) -> None:
    found, true = found_and_true(retailer)
    assert len(true) > 1000
    right = len(found & true)
    assert right / len(found) >= 0.999, "precision"
    assert right / len(true) >= 0.999, "recall"


def test_second_accounts_are_recognised(retailer: duckdb.DuckDBPyConnection) -> None:
    rows = retailer.execute(
        """SELECT count(*), count(*) FILTER (roots = 1) FROM (
               SELECT t.person, count(DISTINCT p.root) AS roots
               FROM truth_people t JOIN ads_user_tag u USING (user_id)
               JOIN nodes n ON n.id = u.union_id JOIN people p USING (key)
               GROUP BY t.person HAVING count(DISTINCT u.union_id) > 1)"""
    ).fetchone()
    assert rows and rows[0] >= 9 and rows[0] == rows[1]


def test_devices_that_two_people_use_are_shared_and_no_others(retailer: duckdb.DuckDBPyConnection) -> None:
    shared = retailer.execute(
        "SELECT n.t, count(*) FROM shared JOIN nodes n USING (key) GROUP BY 1"
    ).fetchall()
    assert [(TYPES[kind], count) for kind, count in shared] == [("imei", 40)]
