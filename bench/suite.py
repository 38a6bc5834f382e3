"""The benchmarks that exist: each builds its data once per run and compares the compiled query with others."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import duckdb
import ibis

from bench.measure import Result, compare
from insight.audiences.catalog import AudienceTable, TagColumn, TagDataset, Unknown
from insight.audiences.compiler import compile_counts
from insight.audiences.rules import parse_rule

TODAY = date(2026, 11, 1)
_RULE = {
    "op": "intersect",
    "items": [
        {"kind": "tag", "dataset": "users", "tag": "e1", "operator": "in", "value": ["v1", "v2", "v3", "v4"]},
        {"kind": "tag", "dataset": "users", "tag": "e2", "operator": "not_in", "value": ["v5"]},
        {"kind": "tag", "dataset": "users", "tag": "n1", "operator": "between", "value": [100, 700]},
        {"kind": "tag", "dataset": "users", "tag": "n2", "operator": ">", "value": 250},
        {"kind": "tag", "dataset": "users", "tag": "t1", "operator": "starts_with", "value": ["a", "b", "c"]},
    ],
}
_SQL = """
SELECT count(*) FILTER (e1 IN ('v1','v2','v3','v4') AND e2 NOT IN ('v5') AND n1 BETWEEN 100 AND 700 AND n2 > 250
       AND (starts_with(t1,'a') OR starts_with(t1,'b') OR starts_with(t1,'c'))),
       count(*) FILTER (e1 IN ('v1','v2','v3','v4')), count(*) FILTER (e2 NOT IN ('v5')),
       count(*) FILTER (n1 BETWEEN 100 AND 700), count(*) FILTER (n2 > 250),
       count(*) FILTER (starts_with(t1,'a') OR starts_with(t1,'b') OR starts_with(t1,'c'))
FROM users
"""


class _Users:
    """A catalog with the one table of the benchmark."""

    def __init__(self, table: ibis.Table) -> None:
        kinds = {"e": "enum", "n": "number", "t": "text"}
        columns = {
            name: TagColumn(name, name, kinds[name[0]])  # type: ignore[arg-type]
            for name in table.columns
            if name[0] in kinds
        }
        self.users = TagDataset("users", "Users", table, columns, True)

    def dataset(self, dataset_id: str) -> TagDataset:
        return self.users

    def audience(self, audience_id: str, snapshot: str | int | None) -> AudienceTable:
        raise Unknown


def live_count(scale: float, repetitions: int) -> Result:
    """B1: counts of a rule with five tag conditions, each and in total, over users with 50 tags."""
    rows = int(10_000_000 * scale)
    connection = duckdb.connect()
    tags = [f"'v' || (hash(i, {n}) % 10) AS e{n}" for n in range(1, 21)]
    tags += [f"(hash(i, {n}, 1) % 1000)::DOUBLE AS n{n}" for n in range(1, 21)]
    tags += [f"substr(md5((i * {n})::VARCHAR), 1, 8) AS t{n}" for n in range(1, 11)]
    connection.execute(
        f"CREATE TABLE users AS SELECT 'u' || i AS user_unique_id, {', '.join(tags)} FROM range({rows}) t(i)"
    )
    table = ibis.duckdb.from_connection(connection).table("users")
    rule = parse_rule(_RULE)

    def compiled() -> list[int]:
        counts: dict[str, int] = {}
        for query in compile_counts(rule, _Users(table), today=TODAY):
            row = connection.execute(str(ibis.to_sql(query.expression, dialect="duckdb"))).fetchone() or ()
            counts.update(zip(query.paths, row, strict=True))
        return [counts[path] for path in sorted(counts)]

    def by_hand() -> list[int]:
        return list(connection.execute(_SQL).fetchone() or ())

    frame = connection.execute("SELECT e1, e2, n1, n2, t1 FROM users").df()

    def pandas() -> list[int]:
        parts = [
            frame.e1.isin(["v1", "v2", "v3", "v4"]),
            ~frame.e2.isin(["v5"]),
            frame.n1.between(100, 700),
            frame.n2 > 250,
            frame.t1.str.startswith(("a", "b", "c")),
        ]
        whole = parts[0] & parts[1] & parts[2] & parts[3] & parts[4]
        return [int(whole.sum()), *(int(part.sum()) for part in parts)]

    result = Result(
        "B1",
        "live count, 5 tag conditions",
        "tideline",
        {"users": rows, "tags": 50},
        goals={"hand-written SQL": 1.15, "pandas": 0.05},
    )
    contestants = {"tideline": compiled, "hand-written SQL": by_hand, "pandas": pandas}
    return compare(result, contestants, repetitions=repetitions)


SUITE: dict[str, Callable[[float, int], Result]] = {"B1": live_count}
