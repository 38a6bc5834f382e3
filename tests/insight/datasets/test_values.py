"""Lists of values: counted once per version, searched quickly, also where there are very many."""

from __future__ import annotations

import pytest

from cdp import lake
from cdp.core.errors import NotFound
from insight.datasets import queries
from tests.insight.datasets.world import BEHAVIOUR, MEMBERS, World


def test_behaviour_lists_types_and_values_of_one_attribute(world: World) -> None:
    dataset = world.dataset(BEHAVIOUR)
    assert (dataset.rows, dataset.users) == (3, 2)
    assert queries.values(dataset, "type") == [{"value": "buy", "count": 2}, {"value": "look", "count": 1}]
    assert queries.object_values(dataset, "category") == [{"value": "coats", "count": 1}]
    call = world.api()
    found = call("get", f"datasets/{dataset.pk}/behaviour-values/?of=item&search=X").json()["results"]
    assert found == [{"value": "x", "count": 1}]
    keys = call("get", f"datasets/{dataset.pk}/behaviour-values/?of=object_key").json()["results"]
    assert keys == [{"value": "item", "count": 2}, {"value": "category", "count": 1}]
    assert (
        call("get", f"datasets/{dataset.pk}/behaviour-values/?of=channel").json()["results"][0]["count"] == 2
    )


def test_values_of_an_unknown_tag_are_not_found(world: World) -> None:
    dataset = world.dataset()
    with pytest.raises(NotFound):
        queries.values(dataset, "none")
    assert world.api()("get", f"datasets/{dataset.pk}/values/?tag=member").status_code == 404


@pytest.mark.parametrize("column", ["type", "channel", "object_key", "none"])
def test_tags_have_no_behaviour_to_list(world: World, column: str) -> None:
    path = f"datasets/{world.dataset().pk}/behaviour-values/?of={column}"
    assert world.api()("get", path).status_code == 404


def test_values_follow_the_version(world: World) -> None:
    dataset = world.dataset()
    assert queries.values(dataset, "interests")[0] == {"value": "a", "count": 2}
    world.table("members", f"SELECT * REPLACE ('z' AS interests) FROM ({MEMBERS})")
    dataset = world.compute(dataset)
    assert queries.values(dataset, "interests") == [{"value": "z", "count": 4}]


def test_values_are_counted_once_per_version(world: World) -> None:
    dataset = world.dataset()
    queries.values(dataset, "gender")
    lake.drop_table(world.workspace, dataset.lake_table)
    assert queries.values(dataset, "gender", "F") == [{"value": "f", "count": 2}]


def test_who_asks_a_moment_later_uses_what_the_first_has_counted(world: World) -> None:
    dataset = world.dataset()
    item, table = dataset.fields.get(column="gender"), f"{dataset.lake_table}_values_x"
    queries._count(dataset, item, "gender", "", table)
    queries._count(dataset, item, "gender", "", table)
    assert lake.row_count(world.workspace, table) == 2
    lake.drop_table(world.workspace, dataset.lake_table)
    with pytest.raises(NotFound):
        queries._count(dataset, item, "gender", "", f"{dataset.lake_table}_values_y")


def test_a_search_in_very_many_values_finds_them_by_frequency(world: World) -> None:
    world.table(
        "members",
        "SELECT i::VARCHAR AS member, NULL::VARCHAR AS phone, '' AS interests, '1' AS spend, "
        "NULL::VARCHAR AS joined, NULL::DOUBLE AS day, 'Street ' || i AS gender FROM range(200000) r(i)",
    )
    dataset = world.dataset()
    queries.values(dataset, "gender")
    found = queries.values(dataset, "gender", "street 19999")
    assert [item["value"] for item in found] == ["Street 19999", *(f"Street 19999{i}" for i in range(10))]
