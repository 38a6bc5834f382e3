"""Members never pass through Python's lists: audiences, their combinations and custom tags are made in the engine."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from typing import Any

import pyarrow as pa

from insight.audiences import combining, refreshing, services
from insight.audiences.models import Audience
from insight.tags import services as custom_tags
from tests.insight.audiences.world import TAGS, World, new_version

MANY = 200_000
MOST = 4 * 2**20
"""Bytes that Python may hold at once; the members' IDs as a list would be three times as much."""


def test_refreshing_allocates_no_more_for_many_members(
    world: World, run_jobs: Callable[..., list[Any]]
) -> None:
    new_version(world.members, many_people())
    rule = world.tag("spend", ">=", 1000)
    rows = [
        services.create(world.access, {"name": name, "rule": rule, "save_ids": ["one_id", "mobile"]})
        for name in ("First", "Second")
    ]
    # The first jobs also import what they need, and that is more than is measured.
    run_jobs()
    inputs = [{"audience": row.pk} for row in rows]
    combining.create(world.access, {"name": "Both", "inputs": inputs, "operators": ["union"]})
    custom_tags.create(world.access, {"name": "Band", "values": [{"value": "much", "rule": rule}]})
    for row in rows:
        refreshing.request(world.access, row, snapshot=False)
    tracemalloc.start()
    run_jobs()
    _now, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert set(Audience.objects.values_list("count", flat=True)) == {MANY - 1000}
    assert peak < MOST


def test_the_measure_notices_a_list_of_the_members() -> None:
    table = many_people()
    tracemalloc.start()
    held = table["user_unique_id"].to_pylist()
    _now, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(held) == MANY and peak > 2 * MOST


def many_people() -> pa.Table:
    numbers = range(MANY)
    given = {
        "user_unique_id": [f"u{number}" for number in numbers],
        "phone": [f"139{number:08d}" for number in numbers],
        "spend": [float(number) for number in numbers],
    }
    kinds = {name: kind for name, (_type, kind) in TAGS.items()}
    columns = {name: pa.array(given[name], kinds.get(name, pa.string())) for name in given}
    empty = {name: pa.nulls(MANY, kinds[name]) for name in kinds if name not in given}
    return pa.table({**columns, **empty})
