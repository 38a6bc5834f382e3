"""The counts of everybody that are kept with each version of a dataset."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.core.cache import cache

from insight.analysis import counting
from insight.analysis.models import KeptCounts
from insight.analysis.perspective import perspective
from insight.datasets import granting
from insight.datasets.models import Dataset
from tests.factories import make_access
from tests.insight.datasets.world import DEFINITION, World

RunJobs = Callable[..., list[Any]]
TAGS = [
    {"column": "gender", "name": "Gender", "type": "enum"},
    {"column": "interests", "name": "Interests", "type": "multi", "separator": ","},
]
PEOPLE = [
    (f"u{number}", ("f", "m", "")[number % 3], ("a,b", "b", "", "c,a,c")[number % 4]) for number in range(60)
]


@pytest.fixture
def world(run_jobs: RunJobs) -> World:
    found = World(run_jobs)
    fill(found, PEOPLE)
    return found


def fill(world: World, people: list[tuple[str, str, str]]) -> None:
    rows = ", ".join(str(person) for person in people)
    world.table("members", f"SELECT * FROM (VALUES {rows}) t(member, gender, interests)")


def reference(people: list[tuple[str, str, str]], place: int) -> dict[str, int]:
    """Users per value, the slow way."""
    found: dict[str, set[str]] = {}
    for person in people:
        for part in {part for part in person[place].split(",") if part}:
            found.setdefault(part, set()).add(person[0])
    return {value: len(users) for value, users in found.items()}


def shown(world: World, dataset: Dataset, access: Any = None) -> list[dict[str, int]]:
    cache.clear()
    found = perspective(access or world.access, dataset.pk, ["gender", "interests"])
    return [{row["value"]: row["count"] for row in tag["values"]} for tag in found["tags"]]


def test_each_version_has_the_counts_that_a_look_at_its_rows_gives(world: World) -> None:
    dataset = world.dataset({**DEFINITION, "ids": [], "tags": TAGS})
    kept = KeptCounts.objects.get()
    assert (kept.version, kept.users) == (1, 60)
    assert shown(world, dataset) == [reference(PEOPLE, 1), reference(PEOPLE, 2)]
    kept.delete()
    assert shown(world, dataset) == [reference(PEOPLE, 1), reference(PEOPLE, 2)]
    fill(world, twice := [*PEOPLE[:20], *PEOPLE[:5]])
    dataset = world.compute(dataset)
    assert (KeptCounts.objects.get().version, KeptCounts.objects.get().users) == (2, 20)
    assert shown(world, dataset) == [reference(twice, 1), reference(twice, 2)]


def test_charts_of_everybody_are_read_from_them(world: World) -> None:
    dataset = world.dataset({**DEFINITION, "ids": [], "tags": TAGS})
    KeptCounts.objects.update(
        users=7, tags={"gender": {"type": "enum", "known": 5, "values": [["x", 4], ["y", 1]]}}
    )
    assert shown(world, dataset) == [{"x": 4, "y": 1}, reference(PEOPLE, 2)]
    KeptCounts.objects.update(version=0)
    assert shown(world, dataset)[0] == reference(PEOPLE, 1)


def test_people_who_see_some_rows_are_shown_the_counts_of_these(world: World) -> None:
    dataset = world.dataset({**DEFINITION, "ids": [], "tags": TAGS})
    analyst = make_access(world.workspace, "analyst")
    granting.share(world.access, dataset, public=False, row_columns=["gender"])
    granting.grant(
        world.access, dataset, {"user": analyst.user.username, "right": "use", "rows": {"gender": ["f"]}}
    )
    women = [person for person in PEOPLE if person[1] == "f"]
    assert shown(world, dataset, analyst) == [{"f": 20}, reference(women, 2)]
    assert shown(world, dataset)[0] == reference(PEOPLE, 1)


def test_a_dataset_whose_counts_cannot_be_kept_is_ready_all_the_same(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counting, "TAG_KINDS", None)
    dataset = world.dataset({**DEFINITION, "ids": [], "tags": TAGS})
    assert (dataset.state, dataset.version, KeptCounts.objects.exists()) == ("ready", 1, False)
    assert shown(world, dataset)[0] == reference(PEOPLE, 1)
