"""Item-tag datasets, and what behaviour datasets do with them."""

from __future__ import annotations

from typing import Any

import pytest

from insight.audiences.fields import fields_of
from insight.audiences.values import values_of
from insight.datasets import services
from insight.datasets.models import Dataset
from tests.factories import make_access
from tests.insight.datasets.world import BEHAVIOUR, World

ITEMS = """
    SELECT * FROM (VALUES
        ('x', 'Coat', 'red', 'S/M', 10.0),
        ('y', 'Shoe', 'blue', 'M/L', 20.0),
        (' z ', 'Hat', NULL, NULL, 5.0),
        (NULL, 'Nothing', 'red', NULL, 1.0)
    ) t(sku, title, colour, sizes, price)
"""
DEFINITION: dict[str, Any] = {
    "name": "Items",
    "kind": "item_tags",
    "table": "items",
    "item_id": "sku",
    "item_name": "title",
    "tags": [
        {"column": "colour", "name": "Colour", "type": "enum"},
        {"column": "sizes", "name": "Sizes", "type": "multi", "separator": "|"},
        {"column": "price", "name": "Price", "type": "number"},
    ],
}
EVENTS = """
    SELECT * FROM (VALUES
        ('u1', TIMESTAMP '2026-01-01 10:00:00', 'buy', 'x'),
        ('u2', TIMESTAMP '2026-01-02 10:00:00', 'buy', 'y'),
        ('u3', TIMESTAMP '2026-01-03 10:00:00', 'buy', 'z'),
        ('u4', TIMESTAMP '2026-01-04 10:00:00', 'buy', 'unknown')
    ) t(who, at_time, what, product)
"""


@pytest.fixture
def shop(world: World) -> World:
    world.table("items", ITEMS.replace("'S/M'", "'S|M'").replace("'M/L'", "'M|L'"))
    world.table("bought", EVENTS)
    return world


def wide(world: World, items: Dataset, **more: Any) -> Dataset:
    data = {
        "name": "Bought",
        "kind": "behaviour",
        "table": "bought",
        "user_id": {"column": "who", "id_type": "one_id"},
        "time": "at_time",
        "type": {"column": "what"},
        "object_columns": [{"column": "product", "name": "Product"}],
        "items": {"dataset": items.pk, "object": "Product"},
    }
    return world.dataset({**data, **more})


def people(
    world: World, dataset: Dataset, operator: str, value: Any = None, name: str = "item:colour"
) -> Any:
    entry = {"name": name, "operator": operator, **({"value": value} if value else {})}
    rule = {"kind": "behaviour", "dataset": dataset.pk, "objects": [entry]}
    answer = world.api()("post", "audiences/preview-members/", {"rule": rule}).json()
    return {row[0] for row in answer["rows"]} if "rows" in answer else answer


def test_an_item_dataset_has_one_row_per_item(shop: World) -> None:
    dataset = shop.dataset(DEFINITION)
    assert dataset.state == "ready", dataset.error
    rows = {row["item_id"]: row for row in shop.rows(dataset)}
    assert list(rows) == ["x", "y", "z"]
    assert (rows["x"]["item_name"], rows["x"]["sizes"], rows["x"]["price"]) == ("Coat", ["M", "S"], 10.0)
    assert [item["code"] for item in dataset.warnings] == ["without_item"]
    found = shop.api()("get", f"datasets/{dataset.pk}/").json()
    assert (found["item_id"], found["item_name"]) == ("sku", "title") and "user_id" not in found
    values = shop.api()("get", f"datasets/{dataset.pk}/values/?tag=sizes").json()["results"]
    assert values[0] == {"value": "M", "count": 2}


def test_an_item_described_twice_fails_with_examples(shop: World) -> None:
    shop.table("items", "SELECT * FROM (VALUES ('x', 'Coat'), ('x', 'Cape')) t(sku, title)")
    dataset = shop.dataset({**DEFINITION, "tags": []})
    assert dataset.state == "failed" and "x (2)" in dataset.error and not dataset.version


@pytest.mark.parametrize("missing", ["item_id", "item_name"])
def test_item_id_and_name_are_needed(shop: World, missing: str) -> None:
    answer = shop.api()("post", "datasets/", {**DEFINITION, missing: None})
    assert answer.status_code == 400 and missing in answer.json()["errors"]
    answer = shop.api()(
        "post", "datasets/", {**DEFINITION, "user_id": {"column": "sku", "id_type": "one_id"}}
    )
    assert "user_id" in answer.json()["errors"]


def test_behaviour_is_asked_for_the_tags_of_items(shop: World) -> None:
    dataset = wide(shop, shop.dataset(DEFINITION))
    assert people(shop, dataset, "in", ["red"]) == {"u1"}
    assert people(shop, dataset, "in", ["red", "blue"]) == {"u1", "u2"}
    # What is not known fits no negative condition.
    assert people(shop, dataset, "not_in", ["red"]) == {"u2"}
    assert people(shop, dataset, "starts_with", ["bl"]) == {"u2"}
    assert people(shop, dataset, "in", ["M"], "item:sizes") == {"u1", "u2"}
    assert people(shop, dataset, "in", ["L"], "item:sizes") == {"u2"}
    assert people(shop, dataset, "not_in", ["L"], "item:sizes") == {"u1"}
    wrong = people(shop, dataset, "in", ["1"], "item:price")
    assert wrong["status"] == 400


def test_in_key_value_form_the_value_id_finds_the_item(shop: World) -> None:
    shop.table(
        "events",
        """SELECT * FROM (VALUES
            ('u1', TIMESTAMP '2026-01-01', 'buy', 'item', 'Coat', 'x'),
            ('u1', TIMESTAMP '2026-01-01', 'buy', 'category', 'coats', NULL),
            ('u2', TIMESTAMP '2026-01-02', 'buy', 'item', 'Shoe', 'y')
        ) t(who, at_time, what, attribute, value, value_id)""",
    )
    items = shop.dataset(DEFINITION)
    more = dict.fromkeys(("count", "amount", "channel"))
    linked = {"object_value_id": "value_id", "items": {"dataset": items.pk, "object": "item"}}
    dataset = shop.dataset({**BEHAVIOUR, **more, **linked})
    assert dataset.state == "ready", dataset.error
    assert people(shop, dataset, "in", ["red"]) == {"u1"}
    assert people(shop, dataset, "in", ["coats"], "category") == {"u1"}


def test_builder_and_pickers_offer_the_tags_of_items(shop: World) -> None:
    dataset = wide(shop, shop.dataset(DEFINITION))
    objects = {
        row["name"]: row["label"] for row in fields_of(shop.access, dataset.pk)["behaviour"]["objects"]
    }
    assert objects == {"Product": "Product", "item:colour": "Item: Colour", "item:sizes": "Item: Sizes"}
    found = values_of(shop.access, dataset.pk, "object", object_name="item:sizes")["results"]
    assert [row["value"] for row in found] == ["M", "L", "S"]
    rule = {
        "kind": "behaviour",
        "dataset": dataset.pk,
        "objects": [{"name": "item:colour", "operator": "in", "value": ["red"]}],
    }
    words = shop.api()("post", "audiences/summary/", {"rule": rule}).json()["text"]
    assert "Item: Colour" in words


def test_without_a_right_to_the_items_their_tags_are_not_there(shop: World) -> None:
    items = shop.dataset(DEFINITION)
    dataset = wide(shop, items)
    Dataset.objects.filter(pk=dataset.pk).update(public=True)
    analyst = make_access(shop.workspace, "analyst")
    objects = [row["name"] for row in fields_of(analyst, dataset.pk)["behaviour"]["objects"]]
    assert objects == ["Product"]
    rule = {
        "kind": "behaviour",
        "dataset": dataset.pk,
        "objects": [{"name": "item:colour", "operator": "in", "value": ["red"]}],
    }
    assert shop.api(analyst)("post", "audiences/preview/", {"rule": rule}).status_code == 400


def test_an_item_dataset_in_use_cannot_be_deleted(shop: World) -> None:
    items = shop.dataset(DEFINITION)
    wide(shop, items)
    answer = shop.api()("delete", f"datasets/{items.pk}/")
    assert answer.status_code == 409 and answer.json()["used_by"] == ["Bought"]


def test_a_wrong_link_to_items_is_refused(shop: World) -> None:
    items = shop.dataset(DEFINITION)
    other = World(shop.run_jobs)
    other.table("items", ITEMS)
    foreign = other.dataset(DEFINITION)
    call = shop.api()
    data = {**services.definition.write(wide(shop, items)), "name": "Other", "kind": "behaviour"}
    data = {key: value for key, value in data.items() if value is not None}
    for items_given, path in (
        ({"dataset": foreign.pk, "object": "Product"}, "items/dataset"),
        ({"dataset": items.pk, "object": "Colour"}, "items/object"),
        ({"dataset": items.pk}, "items/object"),
        ("x", "items"),
    ):
        answer = call("post", "datasets/", {**data, "items": items_given})
        assert answer.status_code == 400 and path in answer.json()["errors"], answer.json()


def test_the_wizard_proposes_item_id_and_name_and_makes_the_dataset(shop: World) -> None:
    browser, base = shop.browser()
    path = "new/?table=items&kind=item_tags"
    rows = {row["column"]: row["role"] for row in browser.get(base + path).context["rows"]}
    assert rows == {"sku": "item", "title": "item_name", "colour": "tag", "sizes": "tag", "price": "tag"}
    assert shop.post(path, shop.wizard(path, name="Goods")).status_code == 302
    shop.run_jobs()
    dataset = Dataset.objects.get(name="Goods")
    assert dataset.kind == "item_tags" and dataset.rows == 3
    assert "Items" in browser.get(f"{base}{dataset.pk}/").content.decode()
    assert browser.get(f"{base}{dataset.pk}/edit/").status_code == 200
    page = "new/?table=bought&kind=behaviour"
    roles = {"what": {"role": "type"}, "product": {"role": "object"}}
    sent = shop.wizard(page, name="Linked", items=dataset.pk, items_object="product", columns=roles)
    assert shop.post(page, sent).status_code == 302
    assert Dataset.objects.get(name="Linked").definition["items"] == {
        "dataset": dataset.pk,
        "object": "product",
    }


@pytest.mark.parametrize(("column", "missing"), [("sku", "Item ID:"), ("title", "Item name:")])
def test_the_wizard_refuses_items_without_id_or_name(shop: World, column: str, missing: str) -> None:
    path = "new/?table=items&kind=item_tags"
    answer = shop.post(path, shop.wizard(path, name="Without", columns={column: {"role": "tag"}}))
    assert answer.status_code == 422 and missing in answer.content.decode()
    assert not Dataset.objects.filter(name="Without").exists()


def test_items_have_no_row_rules(shop: World) -> None:
    dataset = shop.dataset(DEFINITION)
    answer = shop.api()("patch", f"datasets/{dataset.pk}/sharing/", {"row_columns": ["colour"]})
    assert answer.status_code == 400 and "row_columns" in answer.json()["errors"]
