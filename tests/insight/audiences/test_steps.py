"""How many people each condition of a rule leaves over."""

from __future__ import annotations

from typing import Any

import pytest

from insight.audiences import counting
from tests.insight.audiences.test_audience_api import Client
from tests.insight.audiences.world import World


def left(world: World, rule: dict[str, Any]) -> dict[str, list[tuple[int, int]]]:
    """By path of the group: (alone, left) of each step."""
    found = counting.preview_steps(world.access, rule)
    return {
        group["path"]: [(step["alone"], step["left"]) for step in group["steps"]] for group in found["groups"]
    }


def test_each_condition_of_an_intersection_takes_some_away(world: World) -> None:
    items = [world.tag("gender", "not_empty"), world.women, world.tag("spend", "between", [0, 100])]
    # Seven have a gender; u2 u3 u6 u8 are women; u2 u3 u8 of them spent up to 100.
    assert left(world, {"op": "intersect", "items": items}) == {"": [(7, 7), (4, 4), (4, 3)]}


def test_each_condition_of_a_union_adds_some(world: World) -> None:
    items = [world.women, world.tag("city", "in", ["Shanghai"]), world.tag("spend", "=", 500.01)]
    assert left(world, {"op": "union", "items": items}) == {"": [(4, 4), (2, 6), (1, 7)]}


def test_a_difference_goes_on_from_what_is_left(world: World) -> None:
    items = [world.women, world.tag("city", "contains", ["Shanghai"]), world.bought()]
    assert left(world, {"op": "subtract", "items": items}) == {"": [(4, 4), (3, 3), (3, 2)]}


def test_inner_groups_are_told_apart(world: World) -> None:
    inner = {"op": "intersect", "items": [world.women, world.tag("spend", "between", [0, 100])]}
    found = left(world, {"op": "union", "items": [inner, world.bought()]})
    # u2 u3 u8 inside; the buyers u1 u2 u9 add two.
    assert found == {"": [(3, 3), (3, 5)], "items/0": [(4, 4), (4, 3)]}


def test_a_single_condition_has_no_steps(world: World) -> None:
    assert counting.preview_steps(world.access, world.women) == {"count": 4, "groups": []}


def test_steps_are_named_through_the_api(world: World) -> None:
    rule = {"op": "intersect", "items": [world.women, world.tag("city", "in", ["Beijing"])]}
    answer = Client(world.access).post("audiences/steps/", {"rule": rule}, format="json").json()
    (group,) = answer["groups"]
    assert (answer["count"], group["op"]) == (1, "intersect")
    assert [step["path"] for step in group["steps"]] == ["items/0", "items/1"]
    assert "Beijing" in group["steps"][1]["text"]


@pytest.mark.parametrize("rule", [{}, {"op": "union", "items": []}])
def test_a_rule_that_is_none_is_refused(world: World, rule: dict[str, Any]) -> None:
    assert Client(world.access).post("audiences/steps/", {"rule": rule}, format="json").status_code == 400
