"""Lists of values for pickers: the most frequent, and the others by search."""

from __future__ import annotations

import pytest

from insight.audiences import values
from tests.insight.audiences.world import World, make_tag_dataset, people_table


@pytest.fixture
def dataset(world: World) -> str:
    """A thousand people of Paris, and one of each of 3,500 towns."""
    towns = [f"Town {number:04}" for number in range(3500)]
    people = [
        (f"p{number}", None, None, town, None, None)
        for number, town in enumerate([*["Paris"] * 1000, *towns])
    ]
    return str(make_tag_dataset(world.workspace, "Towns", people_table(people)).pk)


def test_the_3000_most_frequent_are_listed_then_by_value(world: World, dataset: str) -> None:
    found = values.values_of(world.access, dataset, "city")
    assert found["more"] and len(found["results"]) == 3000
    assert [row["value"] for row in found["results"][:3]] == ["Paris", "Town 0000", "Town 0001"]
    assert found["results"][0]["count"] == 1000


def test_a_search_finds_the_others(world: World, dataset: str) -> None:
    found = values.values_of(world.access, dataset, "city", search="town 3499")
    assert found == {"results": [{"value": "Town 3499", "count": 1}], "more": False}


def test_a_search_finds_as_many_as_can_be_picked(world: World, dataset: str) -> None:
    found = values.values_of(world.access, dataset, "city", search="town")
    assert found["more"] and len(found["results"]) == 200
