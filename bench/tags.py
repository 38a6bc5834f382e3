"""B4 and B6: charts of 20 tags, and the ranking of 50 tags of an audience, against one query per tag."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.core.cache import cache

from bench.measure import Result, compare
from bench.world import World, world
from cdp.demo.steps import finish
from insight.analysis.perspective import perspective
from insight.analysis.significance import Finding, Spread, findings, significance
from insight.audiences import refreshing
from insight.audiences.models import Audience
from insight.datasets.models import Dataset

CHARTS, RANKED = 20, 50


def _users(here: World, rows: int, tags: int) -> Dataset:
    """People with choices of 2 to 21 values, one tenth of them without a value."""
    columns = [
        f"CASE WHEN hash(i, {n}, 1) % 10 > 0 THEN 'v' || (hash(i, {n}) % {2 + n % 20}) END AS e{n}"
        for n in range(1, tags + 1)
    ]
    person = "'user' || i AS member, hash(i, 77) % 10 = 0 AS chosen"
    here.table("users", f"SELECT {person}, {', '.join(columns)} FROM range({rows}) t(i)")
    return here.dataset(
        {
            "name": "users",
            "kind": "user_tags",
            "table": "users",
            "user_id": {"column": "member", "id_type": "one_id"},
            "tags": [
                {"column": "chosen", "name": "chosen", "type": "enum"},
                *({"column": f"e{n}", "name": f"e{n}", "type": "enum"} for n in range(1, tags + 1)),
            ],
        }
    )


def _tenth(here: World, dataset: Dataset) -> Audience:
    """An audience of about a tenth of the people."""
    rule = {"kind": "tag", "dataset": dataset.pk, "tag": "chosen", "operator": "in", "value": ["true"]}
    audience = here.audience({"name": "A tenth", "rule": rule})
    finish(refreshing.refresh(here.access, audience, snapshot=False))
    audience.refresh_from_db()
    return audience


def charts(scale: float, repetitions: int) -> list[Result]:
    """Values of 20 tags over everybody and over an audience, against 20 GROUP BY one after another."""
    rows = int(10_000_000 * scale)
    with world() as here:
        dataset = _users(here, rows, CHARTS)
        audience = _tenth(here, dataset)
        table = here.files(dataset.lake_table)
        members = here.files(audience.current.table_name)
        among = f"{table} WHERE user_unique_id IN (SELECT user_unique_id FROM {members})"
        found = []
        for what, key, source in (("everybody", "", table), ("an audience", audience.pk, among)):
            result = Result(
                "B4",
                f"charts of {CHARTS} tags, {what}",
                "tideline",
                {"users": rows, "members": audience.count if key else rows, "tags": CHARTS},
                goals={"one query per tag": 0.3},
            )
            contestants: dict[str, Callable[[], Any]] = {
                "tideline": lambda key=key: _ours(here, dataset, key),
                "one query per tag": lambda source=source: _one_by_one(here, source),
            }
            found.append(compare(result, contestants, repetitions=repetitions))
        return found


def _ours(here: World, dataset: Dataset, audience: str) -> list[dict[str | None, int]]:
    """The whole request; what was counted before is forgotten."""
    cache.clear()
    tags = [f"e{n}" for n in range(1, CHARTS + 1)]
    answer = perspective(here.access, dataset.pk, tags, audience_id=audience)
    return [
        {**{row["value"]: row["count"] for row in tag["values"]}, None: tag["unknown"]["count"]}
        for tag in answer["tags"]
    ]


def _one_by_one(here: World, source: str) -> list[dict[str | None, int]]:
    return [
        {None: 0, **dict(here.rows(f"SELECT e{n}, count(*) FROM {source} GROUP BY ALL"))}
        for n in range(1, CHARTS + 1)
    ]


def ranking(scale: float, repetitions: int) -> list[Result]:
    """The ranking of 50 tags for an audience, against one query per tag and the same statistics."""
    rows = int(10_000_000 * scale)
    with world() as here:
        dataset = _users(here, rows, RANKED)
        audience = _tenth(here, dataset)
        result = Result(
            "B6",
            f"ranking of {RANKED} tags of an audience",
            "tideline",
            {"users": rows, "members": audience.count, "tags": RANKED},
            goals={"one query per tag": 0.3},
        )
        contestants: dict[str, Callable[[], Any]] = {
            "tideline": lambda: _ranked(here, dataset, audience),
            "one query per tag": lambda: _ranked_one_by_one(here, dataset, audience),
        }
        return [compare(result, contestants, repetitions=repetitions)]


def _ranked(here: World, dataset: Dataset, audience: Audience) -> list[tuple[str, float]]:
    cache.clear()
    answer = significance(here.access, audience.pk, dataset.pk, show_all=True)
    every = [*answer["tags"], *answer["others"]]
    return sorted((row["tag"], row["chi_square"]) for row in every if row["tag"] != "chosen")


def _ranked_one_by_one(here: World, dataset: Dataset, audience: Audience) -> list[tuple[str, float]]:
    table, members = here.files(dataset.lake_table), here.files(audience.current.table_name)
    joined = f"{table} u LEFT JOIN {members} m USING (user_unique_id)"
    spreads = []
    for n in range(1, RANKED + 1):
        values = here.rows(
            f"SELECT e{n}, count(m.user_unique_id), count(*) FROM "
            f"(SELECT u.e{n}, m.user_unique_id FROM {joined}) m WHERE e{n} IS NOT NULL GROUP BY ALL"
        )
        n_ours, n_all = sum(row[1] for row in values), sum(row[2] for row in values)
        spreads.append(Spread(f"e{n}", f"e{n}", False, n_ours, n_all, values))
    return sorted(_figure(item) for item in findings(spreads))


def _figure(item: Finding) -> tuple[str, float]:
    return item.spread.tag, round(item.test.statistic, 3)
