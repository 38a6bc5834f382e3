"""Stages of random behaviour, day by day, against the slow way."""

from __future__ import annotations

import random
from datetime import date, datetime, timedelta
from typing import Any

import pyarrow as pa
import pytest

from cdp import lake
from insight.aipl import services
from insight.datasets import aipl_days
from tests.insight.aipl.models import RunJobs, computed, make, stages_of
from tests.insight.audiences.world import World, make_world, new_version


@pytest.fixture
def world(db: None) -> World:
    return make_world()


def random_rows(dice: random.Random) -> list[tuple[Any, ...]]:
    types, channels = ["visit", "like", "purchase"], ["app", "web", "shop", None]
    return [
        (
            f"u{dice.randrange(12)}",
            datetime(2026, 3, dice.randrange(1, 32), dice.randrange(24)),
            dice.choice(types),
            dice.choice(channels),
            1.0,
            float(dice.randrange(200)),
            "coats",
        )
        for _number in range(60)
    ]


def reference(rows: list[Any], stages: dict[str, Any], day: date) -> dict[str, str]:
    """A slow reading of what a stage means: who has `least` records of a type in the `days` days before, by channel."""
    found: dict[str, str] = {}
    for stage in "AIPL":
        kind, days, least, channels = stages[stage]
        for user in {row[0] for row in rows}:
            fitting = [
                row
                for row in rows
                if row[0] == user
                and row[2] == kind
                and (channels is None or row[3] in channels)
                and day - timedelta(days=days) <= row[1].date() < day
            ]
            if len(fitting) >= least:
                found[user] = stage
    return found


@pytest.mark.parametrize("seed", range(6))
def test_random_models_of_behaviour_equal_the_reference_on_every_day(
    world: World, run_jobs: RunJobs, on: Any, seed: int
) -> None:
    dice = random.Random(seed)
    rows = random_rows(dice)
    names = ["user_unique_id", "at", "type", "channel", "count", "amount", "category"]
    table = pa.table(
        {name: list(column) for name, column in zip(names, zip(*rows, strict=True), strict=True)}
    )
    new_version(world.orders, table)
    plan = {
        stage: (
            dice.choice(["visit", "like", "purchase"]),
            dice.choice([3, 7, 30]),
            dice.choice([1, 2]),
            dice.choice([None, ["app"], ["app", "web"]]),
        )
        for stage in "AIPL"
    }
    stages = {
        stage: {
            "rule": {
                "kind": "behaviour",
                "dataset": world.orders.pk,
                "type": [kind],
                "window": {"kind": "last_days", "days": days},
                "having": {"measure": "times", "operator": ">=", "value": least},
            },
            "channels": channels,
        }
        for stage, (kind, days, least, channels) in plan.items()
    }
    on("2026-03-31")
    model = computed(world.access, make(world.access, world.orders, stages), run_jobs)
    assert stages_of(model) == reference(rows, plan, date(2026, 3, 31))
    services.recompute(world.access, model, 5)
    run_jobs()
    path = lake.table_path(world.workspace, aipl_days.days_table(model.pk))
    with lake.cursor() as handle:
        kept = handle.execute(f"SELECT day, user_unique_id, stage FROM {path}").fetchall()
    for number in range(6):
        day = date(2026, 3, 31) - timedelta(days=number)
        of_day = {user: stage for at, user, stage in kept if at == day}
        assert of_day == reference(rows, plan, day)
    assert len(aipl_days.computed_days(model)) == 6
