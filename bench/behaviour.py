"""B2: a behaviour rule over the layout that a dataset's refresh writes, against SQL over the table as it arrived."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

from django.core.cache import cache

from bench.measure import Result, compare
from bench.world import World, world
from cdp.core import timezones
from insight.audiences.counting import preview_counts

HISTORY = 730
"""Days of events, which end with yesterday."""
WINDOW = 90
SCATTER = 982_451_653
"""A prime: stepping by it visits every row once, far apart in time from the row before."""


def events_query(rows: int, today: date, *, scattered: bool) -> str:
    """Fifty events per person in two years, 7 % of them purchases; in order of time, or scattered."""
    step = next(step for step in range(SCATTER, SCATTER + 100) if math.gcd(step, rows) == 1)
    place = f"((i::HUGEINT * {step}) % {rows})::BIGINT" if scattered else "i"
    start = today - timedelta(days=HISTORY)
    return f"""
    SELECT 'user' || (hash(k, 1) % {max(rows // 50, 1)}) AS member,
        TIMESTAMP '{start} 00:00:00' + to_microseconds((k * ({HISTORY} * 86400 * 1000000.0 / {rows}))::BIGINT) AS at,
        CASE WHEN kind < 70 THEN 'view' WHEN kind < 85 THEN 'cart' WHEN kind < 93 THEN 'favourite' ELSE 'buy' END
            AS type,
        ['web', 'app', 'mini program', 'store'][1 + (hash(k, 3) % 4)::INT] AS channel,
        CASE WHEN kind >= 93 THEN (1000 + hash(k, 4) % 49000) / 100 END AS amount,
        'category ' || (hash(k, 5) % 20) AS category,
        'product ' || (hash(k, 6) % 5000) AS product
    FROM (SELECT {place} AS k, hash(k, 2) % 100 AS kind FROM range({rows}) t(i))"""


def rule(dataset: str) -> dict[str, Any]:
    return {
        "kind": "behaviour",
        "dataset": dataset,
        "type": ["buy"],
        "objects": [{"name": "category", "operator": "in", "value": ["category 1", "category 2"]}],
        "window": {"kind": "last_days", "days": WINDOW},
        "having": {
            "op": "and",
            "items": [
                {"measure": "times", "operator": ">=", "value": 2},
                {"measure": "amount", "operator": ">=", "value": 500},
            ],
        },
    }


def _by_hand(source: str, today: date) -> str:
    return f"""
    SELECT count(*) FROM (
        SELECT member FROM {source}
        WHERE type = 'buy' AND category IN ('category 1', 'category 2')
            AND "at" >= TIMESTAMP '{today - timedelta(days=WINDOW)}' AND "at" < TIMESTAMP '{today}'
        GROUP BY member HAVING count(*) >= 2 AND sum(amount) >= 500)"""


def behaviour_rule(scale: float, repetitions: int) -> list[Result]:
    """Bought twice or more, for 500 or more, in 90 days, in two categories."""
    rows = int(100_000_000 * scale)
    with world() as here:
        today = timezones.today(here.workspace)
        source = here.table("events", events_query(rows, today, scattered=True))
        by_time = here.table("events_by_time", events_query(rows, today, scattered=False))
        started = time.perf_counter()
        dataset = here.dataset(
            {
                "name": "events",
                "kind": "behaviour",
                "table": "events",
                "user_id": {"column": "member", "id_type": "one_id"},
                "time": "at",
                "type": {"column": "type"},
                "channel": "channel",
                "amount": "amount",
                "object_columns": [
                    {"column": "category", "name": "category"},
                    {"column": "product", "name": "product"},
                ],
            }
        )
        refreshed = time.perf_counter() - started
        result = Result(
            "B2",
            "behaviour rule: twice, for 500, in 90 days, in two categories",
            "tideline",
            {"events": rows, "users": dataset.users, "MB": here.megabytes(dataset.lake_table)},
            goals={"hand-written SQL, unsorted table": 0.5},
        )
        result.notes.append(f"The refresh that lays the events out took {refreshed:,.1f} s.")
        unsorted = _by_hand(here.files(source.lake_table), today)
        in_order = _by_hand(here.files(by_time.lake_table), today)
        contestants: dict[str, Callable[[], Any]] = {
            "tideline": lambda: _ours(here, rule(dataset.pk)),
            "hand-written SQL, unsorted table": lambda: here.row(unsorted)[0],
            "hand-written SQL, table in order of time": lambda: here.row(in_order)[0],
        }
        return [compare(result, contestants, repetitions=repetitions)]


def _ours(here: World, data: dict[str, Any]) -> int:
    cache.clear()
    return int(preview_counts(here.access, data)["count"])
