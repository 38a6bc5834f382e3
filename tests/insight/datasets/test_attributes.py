"""Object attributes of behaviour: the one that stands for any object, and attributes that count differently."""

from __future__ import annotations

from typing import Any

from insight.datasets.models import Dataset
from tests.insight.datasets.world import BEHAVIOUR, World

ONE_EACH = """
    SELECT 'u' || n AS who, TIMESTAMP '2026-01-01 10:00:00' + to_seconds(n) AS at_time, 'buy' AS what, 2 AS n,
           10.0 * n AS money, 'app' AS channel, attribute,
           attribute || (n % CASE attribute WHEN 'item' THEN 9 ELSE 2 END) AS value
    FROM range(1, 200) r(n), (VALUES ('item'), ('category')) a(attribute)
"""


def made(world: World, rows: str, **more: Any) -> Dataset:
    world.table("events", rows)
    found = world.dataset({key: value for key, value in {**BEHAVIOUR, **more}.items() if value is not None})
    assert found.state == "ready", found.error
    return found


def codes(dataset: Dataset) -> list[str]:
    return [item["code"] for item in dataset.warnings]


def test_the_attribute_with_most_values_stands_for_any_object(world: World) -> None:
    assert made(world, ONE_EACH, base_object=None).base_object == "item"


def test_a_chosen_attribute_stands_for_any_object(world: World) -> None:
    assert made(world, ONE_EACH, base_object="category").base_object == "category"


def test_attributes_with_equal_totals_bring_no_warning(world: World) -> None:
    assert "attributes_differ" not in codes(made(world, ONE_EACH))


def test_totals_that_differ_by_a_hundredth_are_let_be_and_more_is_told(world: World) -> None:
    extra = (
        f"{ONE_EACH} UNION ALL SELECT 'x', TIMESTAMP '2026-01-01', 'buy', {{}}, 0.0, 'app', 'item', 'item1'"
    )
    assert "attributes_differ" not in codes(made(world, extra.format(4)))
    told = next(item for item in made(world, extra.format(5), name="More").warnings)
    assert told["code"] == "attributes_differ"
    assert "“buy”" in told["text"] and "category, item" in told["text"]


def test_amounts_are_compared_too(world: World) -> None:
    rows = (
        f"{ONE_EACH} UNION ALL SELECT 'x', TIMESTAMP '2026-01-01', 'buy', 0, 99999.0, 'app', 'item', 'item1'"
    )
    assert "attributes_differ" in codes(made(world, rows))


def test_a_type_that_has_one_attribute_alone_is_no_cause_for_a_warning(world: World) -> None:
    rows = f"{ONE_EACH} UNION ALL SELECT 'x', TIMESTAMP '2026-01-01', 'sign in', 500, NULL, 'app', 'page', 'home'"
    assert "attributes_differ" not in codes(made(world, rows))
