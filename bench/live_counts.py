"""B1: live counts of a rule with five tag conditions, each and in total, over people with 50 tags."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any

import pandas as pd
from django.core.cache import cache

from bench import rivals
from bench.measure import Result, compare
from bench.world import World, world
from insight.audiences.counting import preview_counts
from insight.datasets.models import Dataset

_KINDS = {"e": "enum", "n": "number", "t": "text"}
TAGS = [*(f"e{n}" for n in range(1, 21)), *(f"n{n}" for n in range(1, 21)), *(f"t{n}" for n in range(1, 11))]


def users_query(rows: int) -> str:
    """People with two more IDs, 20 choices of ten values, 20 numbers and 10 short texts."""
    tags = [f"'v' || (hash(i, {n}) % 10) AS e{n}" for n in range(1, 21)]
    tags += [f"(hash(i, {n}, 1) % 1000)::DOUBLE AS n{n}" for n in range(1, 21)]
    tags += [f"substr(md5((i * {n})::VARCHAR), 1, 8) AS t{n}" for n in range(1, 11)]
    ids = "'user' || i AS member, (13000000000 + i)::VARCHAR AS mobile, 'u' || i || '@example.com' AS email"
    return f"SELECT {ids}, {', '.join(tags)} FROM range({rows}) t(i)"


def users(here: World, rows: int) -> Dataset:
    """The dataset of people with 50 tags."""
    here.table("users", users_query(rows))
    return here.dataset(
        {
            "name": "users",
            "kind": "user_tags",
            "table": "users",
            "user_id": {"column": "member", "id_type": "one_id"},
            "ids": [{"column": "mobile", "id_type": "mobile"}, {"column": "email", "id_type": "email"}],
            "tags": [{"column": name, "name": name, "type": _KINDS[name[0]]} for name in TAGS],
        }
    )


def rule(dataset: str) -> dict[str, Any]:
    conditions: list[tuple[str, str, Any]] = [
        ("e1", "in", ["v1", "v2", "v3", "v4"]),
        ("e2", "not_in", ["v5"]),
        ("n1", "between", [100, 700]),
        ("n2", ">", 250),
        ("t1", "starts_with", ["a", "b", "c"]),
    ]
    return {
        "op": "intersect",
        "items": [
            {"kind": "tag", "dataset": dataset, "tag": tag, "operator": operator, "value": value}
            for tag, operator, value in conditions
        ],
    }


def _parts(among: str, starts: str) -> str:
    begins = " OR ".join(starts.format(f"'{letter}'") for letter in "abc")
    return f"{among} AS a, e2 <> 'v5' AS b, n1 BETWEEN 100 AND 700 AS c, n2 > 250 AS d, ({begins}) AS e"


def _sums(parts: str, source: str) -> str:
    each = ", ".join(f"sum({name}::INT)" for name in "abcde")
    return (
        f"SELECT sum((a AND b AND c AND d AND e)::INT), {each} FROM (SELECT {parts} FROM {source}) AS answers"
    )


_PLAIN = _parts("e1 IN ('v1', 'v2', 'v3', 'v4')", "starts_with(t1, {})")
_TUNED = _parts("list_contains(['v1', 'v2', 'v3', 'v4'], e1)", "prefix(t1, {})")
_POSTGRES = f"""
SELECT count(*) FILTER (WHERE a AND b AND c AND d AND e), {", ".join(f"count(*) FILTER (WHERE {x})" for x in "abcde")}
FROM (SELECT {_PLAIN} FROM {{source}}) AS answers"""
_CHDB = f"""
SELECT countIf(a AND b AND c AND d AND e), {", ".join(f"countIf({x})" for x in "abcde")}
FROM (SELECT {_PLAIN.replace("starts_with", "startsWith")} FROM {{source}})"""


def live_count(scale: float, repetitions: int) -> list[Result]:
    """The product's live count against DuckDB, chDB, PostgreSQL and pandas."""
    rows = int(10_000_000 * scale)
    with world() as here, ExitStack() as stack:
        dataset = users(here, rows)
        table = dataset.lake_table
        plain, tuned = _sums(_PLAIN, here.files(table)), _sums(_TUNED, here.files(table))
        postgres = stack.enter_context(rivals.postgres(here, table, "bench_users"))
        frame = pd.concat([pd.read_parquet(path) for path in here.paths(table)], ignore_index=True)
        result = Result(
            "B1",
            "live count, 5 tag conditions",
            "tideline",
            {"users": rows, "tags": len(TAGS), "MB": here.megabytes(table)},
            goals={
                "hand-written SQL": 1.15,
                "hand-written SQL, tuned": 1.15,
                "PostgreSQL": 0.05,
                "pandas, reading the file": 0.05,
                "pandas, in memory": 0.05,
            },
        )
        contestants: dict[str, Callable[[], Any]] = {
            "tideline": lambda: _ours(here, rule(dataset.pk)),
            "hand-written SQL": lambda: list(here.row(plain)),
            "hand-written SQL, tuned": lambda: list(here.row(tuned)),
            "PostgreSQL": lambda: rivals.ask_postgres(_POSTGRES.format(source=postgres)),
            "pandas, in memory": lambda: _count_in(frame),
            "pandas, reading the file": lambda: _count_in(
                pd.concat([pd.read_parquet(path) for path in here.paths(table)], ignore_index=True)
            ),
        }
        if rivals.has_chdb():
            ask_chdb, files, merge_tree = stack.enter_context(rivals.chdb(here, table))
            contestants["chDB, same files"] = lambda: ask_chdb(_CHDB.format(source=files))
            contestants["chDB, MergeTree"] = lambda: ask_chdb(_CHDB.format(source=merge_tree))
        else:
            result.notes.append("chDB is not installed.")
        slow = ("PostgreSQL", "pandas, reading the file")
        held = frame.memory_usage(deep=True).sum() / 2**20
        result.notes.append(
            f"pandas holds all {frame.shape[1]} columns in {held:,.0f} MB before its first count."
        )
        return [compare(result, contestants, repetitions=repetitions, once=slow, outside=("PostgreSQL",))]


def _ours(here: World, data: dict[str, Any]) -> list[int]:
    """Everything that a request does: checking the rule, looking up versions, compiling, counting."""
    cache.clear()
    found = preview_counts(here.access, data)
    return [found["count"], *(condition["count"] for condition in found["conditions"])]


def _count_in(frame: pd.DataFrame) -> list[int]:
    parts = [
        frame.e1.isin(["v1", "v2", "v3", "v4"]),
        frame.e2 != "v5",
        frame.n1.between(100, 700),
        frame.n2 > 250,
        frame.t1.str.startswith(("a", "b", "c")),
    ]
    whole = parts[0] & parts[1] & parts[2] & parts[3] & parts[4]
    return [int(whole.sum()), *(int(part.sum()) for part in parts)]
