"""Dimension tables: codes shown by their names."""

from __future__ import annotations

from typing import Any

import pytest

from insight.analysis.perspective import perspective
from insight.audiences.values import values_of
from insight.datasets import granting
from insight.datasources import services as datasources
from tests.factories import make_access
from tests.insight.datasets.test_items import DEFINITION as ITEM_DEFINITION
from tests.insight.datasets.world import BEHAVIOUR, World

PEOPLE = "SELECT * FROM (VALUES ('u1', 'm', 1), ('u2', 'f', 2), ('u3', 'f', 1), ('u4', 'x', 3)) t(member, sex, level)"
SEXES = "SELECT * FROM (VALUES ('m', 'Man'), ('f', 'Woman'), ('d', 'Diverse'), ('e', NULL)) t(code, name)"
LEVELS = "SELECT * FROM (VALUES (1, 'Gold'), (2, 'Silver')) t(no, title)"
NAMES = {"place": "sex", "table": "sexes", "key": "code", "label": "name"}
BASE: dict[str, Any] = {
    "name": "People",
    "kind": "user_tags",
    "table": "people",
    "user_id": {"column": "member", "id_type": "one_id"},
    "tags": [
        {"column": "sex", "name": "Sex", "type": "enum"},
        {"column": "level", "name": "Level", "type": "enum"},
    ],
    "dimensions": [NAMES, {"place": "level", "table": "levels", "key": "no", "label": "title"}],
}
OBJECTS = """
    SELECT * FROM (VALUES
        ('item', 'x', 'Coat'), ('item', 'y', 'Shoe'), ('category', 'coats', 'Coats'), ('category', 'x', 'No')
    ) t(attribute, code, title)
"""


@pytest.fixture
def named(world: World) -> World:
    world.table("people", PEOPLE)
    world.table("sexes", SEXES)
    world.table("levels", LEVELS)
    world.table("objects", OBJECTS)
    return world


def test_value_lists_show_names_and_find_values_by_them(named: World) -> None:
    dataset = named.dataset(BASE)
    assert dataset.state == "ready", dataset.error
    found = values_of(named.access, dataset.pk, "sex")["results"]
    assert found == [
        {"value": "f", "count": 2, "label": "Woman"},
        {"value": "m", "count": 1, "label": "Man"},
        {"value": "x", "count": 1},
        # Known to the table, though nobody has it.
        {"value": "d", "count": 0, "label": "Diverse"},
    ]
    assert [row["value"] for row in values_of(named.access, dataset.pk, "sex", search="WOM")["results"]] == [
        "f"
    ]
    assert [row["value"] for row in values_of(named.access, dataset.pk, "sex", search="x")["results"]] == [
        "x"
    ]
    levels = {
        row["value"]: row.get("label") for row in values_of(named.access, dataset.pk, "level")["results"]
    }
    assert levels == {"1": "Gold", "2": "Silver", "3": None}
    answer = named.api()("get", f"datasets/{dataset.pk}/values/?tag=sex").json()["results"]
    assert answer[0] == {"value": "f", "count": 2, "label": "Woman"}


def test_charts_and_summaries_show_names(named: World) -> None:
    dataset = named.dataset(BASE)
    tag = perspective(named.access, dataset.pk, ["sex"])["tags"][0]
    assert {row["value"]: row.get("label") for row in tag["values"]} == {"f": "Woman", "m": "Man", "x": None}
    rule = {"kind": "tag", "dataset": dataset.pk, "tag": "sex", "operator": "in", "value": ["f", "x"]}
    words = named.api()("post", "audiences/summary/", {"rule": rule}).json()["text"]
    assert "Woman" in words and "x" in words


def test_one_table_names_the_values_of_all_object_attributes(named: World) -> None:
    places = {"place": "object", "table": "objects", "key": "code", "label": "title"}
    dataset = named.dataset({**BEHAVIOUR, "dimensions": [{**places, "attribute_column": "attribute"}]})
    assert dataset.state == "ready", dataset.error
    found = values_of(named.access, dataset.pk, "object", object_name="item")["results"]
    assert {row["value"]: row["label"] for row in found} == {"x": "Coat", "y": "Shoe"}
    found = values_of(named.access, dataset.pk, "object", object_name="category")["results"]
    assert {row["value"]: row["label"] for row in found} == {"coats": "Coats", "x": "No"}
    entry = {"name": "item", "operator": "in", "value": ["x"]}
    rule = {"kind": "behaviour", "dataset": dataset.pk, "objects": [entry]}
    assert "Coat" in named.api()("post", "audiences/summary/", {"rule": rule}).json()["text"]
    answer = named.api()("get", f"datasets/{dataset.pk}/behaviour-values/?of=item").json()["results"]
    assert {row["value"]: row["label"] for row in answer} == {"x": "Coat", "y": "Shoe"}


def test_a_table_per_attribute_gives_the_same_lists(named: World) -> None:
    named.table("goods", "SELECT * FROM (VALUES ('x', 'Coat'), ('y', 'Shoe')) t(code, title)")
    one = {"place": "object", "table": "goods", "key": "code", "label": "title", "attribute": "item"}
    every = {**one, "table": "objects", "attribute": "", "attribute_column": "attribute"}
    first = named.dataset({**BEHAVIOUR, "dimensions": [one]})
    second = named.dataset({**BEHAVIOUR, "name": "Other", "dimensions": [every]})
    lists = [values_of(named.access, row.pk, "object", object_name="item") for row in (first, second)]
    assert lists[0] == lists[1]
    assert "label" not in values_of(named.access, first.pk, "object", object_name="category")["results"][0]


def test_types_channels_and_item_tags_are_named(named: World) -> None:
    named.table(
        "kinds",
        "SELECT * FROM (VALUES ('buy', 'Purchase'), ('app', 'The app'), ('red', 'Rouge')) t(code, name)",
    )
    named.table("items", "SELECT * FROM (VALUES ('x', 'Coat', 'red')) t(sku, title, colour)")
    by = {"table": "kinds", "key": "code", "label": "name"}
    tags = [{"column": "colour", "name": "Colour", "type": "enum"}]
    items = named.dataset({**ITEM_DEFINITION, "tags": tags, "dimensions": [{"place": "colour", **by}]})
    more = {"items": {"dataset": items.pk, "object": "item"}}
    dimensions = [{"place": "type", **by}, {"place": "channel", **by}]
    dataset = named.dataset({**BEHAVIOUR, **more, "dimensions": dimensions})
    assert dataset.state == "ready", dataset.error
    for column, label, name in (
        ("type", "Purchase", ""),
        ("channel", "The app", ""),
        ("object", "Rouge", "item:colour"),
    ):
        found = values_of(named.access, dataset.pk, column, object_name=name, search=label.lower())["results"]
        assert [row["label"] for row in found] == [label]


def test_names_follow_their_table_with_the_next_refresh(named: World) -> None:
    dataset = named.dataset(BASE)
    named.table("sexes", SEXES.replace("'Woman'", "'Lady'"))
    named.compute(dataset)
    assert values_of(named.access, dataset.pk, "sex")["results"][0]["label"] == "Lady"


def test_a_table_that_lost_its_column_leaves_codes_and_a_warning(named: World) -> None:
    dataset = named.dataset(BASE)
    named.table("sexes", "SELECT * FROM (VALUES ('m')) t(code)")
    named.compute(dataset)
    assert dataset.state == "ready" and [item["code"] for item in dataset.warnings] == ["names_missing"]
    assert "label" not in values_of(named.access, dataset.pk, "sex")["results"][0]
    assert values_of(named.access, dataset.pk, "level")["results"][0]["label"] == "Gold"


def test_people_with_some_rows_see_names_of_their_values_only(named: World) -> None:
    dataset = named.dataset(BASE)
    granting.share(named.access, dataset, public=False, row_columns=["sex"])
    analyst = make_access(named.workspace, "analyst")
    granting.grant(named.access, dataset, {"user": analyst.user.username, "rows": {"sex": ["m"]}})
    assert values_of(analyst, dataset.pk, "sex")["results"] == [{"value": "m", "count": 1, "label": "Man"}]


def test_a_table_that_names_values_cannot_be_deleted(named: World) -> None:
    named.dataset(BASE)
    assert datasources.users_of["datasets"](named.table("sexes", SEXES)) == ["People"]


@pytest.mark.parametrize(
    ("dimensions", "path"),
    [
        ([{**NAMES, "place": "member"}], "dimensions/0/place"),
        ([{**NAMES, "table": "nothing"}], "dimensions/0/table"),
        ([{**NAMES, "key": "nope"}], "dimensions/0/key"),
        ([{**NAMES, "label": ""}], "dimensions/0/label"),
        ([{**NAMES, "attribute": "x"}], "dimensions/0/attribute"),
        ([NAMES, NAMES], "dimensions/1/place"),
        ([{**NAMES, "colour": 1}], "dimensions/0/colour"),
        ("x", "dimensions"),
    ],
)
def test_wrong_names_are_refused_at_their_path(named: World, dimensions: Any, path: str) -> None:
    answer = named.api()("post", "datasets/", {**BASE, "dimensions": dimensions})
    assert answer.status_code == 400 and path in answer.json()["errors"], answer.json()


def test_objects_need_an_attribute_or_a_column_of_them(named: World) -> None:
    places = {"place": "object", "table": "objects", "key": "code", "label": "title"}
    for more in ({}, {"attribute": "item", "attribute_column": "attribute"}):
        answer = named.api()("post", "datasets/", {**BEHAVIOUR, "dimensions": [{**places, **more}]})
        assert "dimensions/0/attribute" in answer.json()["errors"]


def test_pages_bind_and_remove_a_table(named: World) -> None:
    dataset = named.dataset({**BASE, "dimensions": []})
    page = f"{dataset.pk}/names/"
    browser, base = named.browser()
    assert "Values are shown as they are" in browser.get(base + page).content.decode()
    assert browser.get(f"{base}{page}new/?table=sexes").status_code == 200
    wrong = named.post(f"{page}new/?table=sexes", {"place": "sex", "key": "nope", "label": "name"})
    assert wrong.status_code == 422
    assert (
        named.post(f"{page}new/?table=sexes", {"place": "sex", "key": "code", "label": "name"}).status_code
        == 302
    )
    named.run_jobs()
    assert values_of(named.access, dataset.pk, "sex")["results"][0]["label"] == "Woman"
    row = dataset.dimensions.get()
    assert "sexes" in browser.get(base + page).content.decode()
    assert named.post(f"{page}{row.pk}/remove/").status_code == 302
    named.run_jobs()
    dataset.refresh_from_db()
    assert "label" not in values_of(named.access, dataset.pk, "sex")["results"][0]


def test_names_keep_when_the_wizard_saves(named: World) -> None:
    dataset = named.dataset(BASE)
    path = f"{dataset.pk}/edit/"
    assert named.post(path, named.wizard(path, description="New")).status_code == 302
    assert [row.place for row in dataset.dimensions.all()] == ["sex", "level"]
