"""Lists of values for pickers: the most frequent, and the others by search."""

from __future__ import annotations

import pytest

from insight.audiences import values
from tests.insight.audiences.test_pages import Browser
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
    assert found == {"results": [{"value": "Town 3499", "count": 1}], "more": False, "total": 1}


def test_a_search_finds_as_many_as_can_be_picked(world: World, dataset: str) -> None:
    found = values.values_of(world.access, dataset, "city", search="town")
    assert found["more"] and len(found["results"]) == 200


def test_pages_follow_each_other_until_the_last_value(world: World, dataset: str) -> None:
    found, offset = [], 0
    while True:
        page = values.values_of(world.access, dataset, "city", search="town", offset=offset, size=1500)
        assert page["total"] == 3500
        found += [row["value"] for row in page["results"]]
        offset = len(found)
        if not page["more"]:
            break
    assert found == [f"Town {number:04}" for number in range(3500)]


def test_a_page_beyond_the_last_value_is_empty(world: World, dataset: str) -> None:
    page = values.values_of(world.access, dataset, "city", offset=9000, size=10)
    assert page == {"results": [], "more": False, "total": 3501}


def test_a_page_holds_as_many_values_as_a_condition_at_most(world: World) -> None:
    towns = [(f"p{number}", None, None, f"Town {number:05}", None, None) for number in range(10_050)]
    many = make_tag_dataset(world.workspace, "Many", people_table(towns)).pk
    page = values.values_of(world.access, str(many), "city", size=50_000)
    assert (len(page["results"]), page["more"], page["total"]) == (10_000, True, 10_050)


@pytest.mark.parametrize("size", ["x", "-1", "1" * 30, "٣"])
def test_an_odd_page_in_the_address_is_as_none(world: World, dataset: str, size: str) -> None:
    browser = Browser(world.access)
    found = browser.get(f"builder/values/{dataset}/city/", size=size, search="town").json()
    assert len(found["results"]) == 200
