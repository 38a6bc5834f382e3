"""Stages by tags: one scan where each person has one row, and the same people where they have several."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest

from cdp.jobs.models import Job
from insight.aipl import computing
from insight.datasets.aipl_days import STAGES
from tests.insight.aipl.models import computed, make, stages_of
from tests.insight.audiences.world import World, make_tag_dataset, make_world, people_table

RunJobs = Callable[..., list[Job]]
OPERATORS: dict[str, Callable[[float, int], bool]] = {
    ">=": lambda value, bound: value >= bound,
    "<": lambda value, bound: value < bound,
    "=": lambda value, bound: value == bound,
}


@pytest.fixture
def world(db: None) -> World:
    return make_world()


def people(dice: random.Random, rows_each: int) -> list[tuple[Any, ...]]:
    """Rows as the world's people, of which only the spend is looked at; it is missing now and then."""
    return [
        (f"u{number}", None, None, None, None, dice.choice([None, *map(float, range(6))]))
        for number in range(60)
        for _row in range(rows_each)
    ]


def reference(rows: list[tuple[Any, ...]], place: int, plan: dict[str, Any]) -> dict[str, str]:
    """Row by row: a stage is somebody's who has a row for each of its conditions (all) or for one of them (any)."""
    found = {}
    for user in {row[0] for row in rows}:
        spent = [row[place] for row in rows if row[0] == user and row[place] is not None]
        for stage in STAGES:
            join, conditions = plan[stage]
            if join(any(OPERATORS[name](value, bound) for value in spent) for name, bound in conditions):
                found[user] = stage
    return found


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("rows_each", [1, 2])
def test_random_models_of_tags_equal_the_reference(
    world: World, run_jobs: RunJobs, monkeypatch: pytest.MonkeyPatch, seed: int, rows_each: int
) -> None:
    dice = random.Random(seed)
    rows = people(dice, rows_each)
    table = people_table(rows)
    source = make_tag_dataset(world.workspace, "Spenders", table)
    plan = {
        stage: (
            dice.choice([any, all]),
            [(dice.choice(list(OPERATORS)), dice.randrange(6)) for _condition in range(2)],
        )
        for stage in STAGES
    }
    stages = {
        stage: {
            "op": "union" if join is any else "intersect",
            "items": [
                {"kind": "tag", "dataset": source.pk, "tag": "spend", "operator": name, "value": bound}
                for name, bound in conditions
            ],
        }
        for stage, (join, conditions) in plan.items()
    }
    if rows_each == 1:
        monkeypatch.setattr(
            computing, "compile_rule", lambda *_args, **_more: pytest.fail("More than one scan.")
        )
    model = computed(world.access, make(world.access, source, stages), run_jobs)
    place = table.column_names.index("spend")
    assert stages_of(model) == reference(rows, place, plan)
    assert model.stats["aipl"]["stages"] == {
        stage: sum(found == stage for found in stages_of(model).values()) for stage in STAGES
    }
