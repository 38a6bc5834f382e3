"""Tags of several values: parts by a separator, and JSON arrays."""

from __future__ import annotations

from typing import Any

import pytest

from insight.datasets import queries
from tests.insight.datasets.world import DEFINITION, World

VALUES = ['["b","a"," a "]', "[]", "nonsense", '{"a": 1}', None, '["a", null, 7]', " "]


def parts(world: World, values: list[Any], separator: str) -> list[Any]:
    literals = ", ".join(
        f"('u{number}', {'NULL' if value is None else repr(value)})" for number, value in enumerate(values)
    )
    world.table("likes", f"SELECT * FROM (VALUES {literals}) t(member, interests)")
    tag = {"column": "interests", "name": "Interests", "type": "multi", "separator": separator}
    made = world.dataset({**DEFINITION, "name": "Likes", "table": "likes", "ids": [], "tags": [tag]})
    assert made.state == "ready", made.error
    return [row["interests"] for row in world.rows(made)]


def test_json_arrays_are_taken_apart_trimmed_and_without_repeats(world: World) -> None:
    assert parts(world, VALUES, "json") == [["a", "b"], None, None, None, None, ["7", "a"], None]


@pytest.mark.parametrize("separator", [",", ";", "|", "、"])
def test_parts_are_trimmed_and_counted_once(world: World, separator: str) -> None:
    value = separator.join([" a", "b", "", "a"])
    assert parts(world, [value], separator) == [["a", "b"]]


def test_json_arrays_are_proposed_where_every_filled_value_is_one(world: World) -> None:
    rows = "('1', '[\"a\",\"b\"]', '[1]'), ('2', NULL, 'x'), ('3', '[]', '[2]')"
    table = world.table("likes", f"SELECT * FROM (VALUES {rows}) t(member, arrays, mixed)")
    found = {tag["column"]: tag for tag in queries.propose(table)["tags"]}
    assert (found["arrays"]["type"], found["arrays"]["separator"]) == ("multi", "json")
    assert found["mixed"].get("separator") != "json"
