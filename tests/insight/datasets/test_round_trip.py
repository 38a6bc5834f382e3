"""Saving a dataset's form without touching it changes nothing, for every kind and every way of storing IDs."""

from __future__ import annotations

from typing import Any

import pytest

from cdp.core.identifiers import ENCRYPTIONS
from insight.datasets import definition, granting
from insight.datasets.models import Dataset
from tests.factories import make_access
from tests.insight.datasets.forms import untouched
from tests.insight.datasets.places import ITEM_TAGS, ITEMS, WIDE, WIDE_EVENTS
from tests.insight.datasets.world import BEHAVIOUR, DEFINITION, World

HASHED = {
    "md5": "md5(who)",
    "sha256": "sha256(who)",
    "aes": "who",
    "plain": "who",
}


def stored(world: World, encryption: str) -> None:
    """Tables whose identifiers are stored in a way."""
    value = HASHED[encryption]
    world.table(
        "people",
        f"""SELECT {value} AS who, {value} AS phone, tags, n::DOUBLE AS spend, 'x' AS town
            FROM (VALUES ('u1', 'a|b', 1), ('u2', 'b', 2)) t(who, tags, n)""",
    )
    world.table(
        "orders",
        f"""SELECT {value} AS who, {value} AS phone, {value} AS card, DATE '2026-01-01' + n AS day, n * 1.5 AS money,
            n AS times FROM (VALUES ('u1', 1), ('u2', 2), ('u3', 3)) t(who, n)""",
    )


def of_people(encryption: str) -> dict[str, Any]:
    return {
        "user_id": {"column": "who", "id_type": "one_id", "encryption": encryption, "name": "Number"},
        "ids": [{"column": "phone", "id_type": "mobile", "encryption": encryption, "name": "Phone"}],
    }


def tags(world: World, encryption: str) -> Dataset:
    tag = {"description": "As given", "category": "Taste"}
    return world.dataset(
        {
            "name": "People",
            "kind": "user_tags",
            "table": "people",
            "description": "Everybody",
            "rows_per_user": "many",
            **of_people(encryption),
            "tags": [
                {"column": "tags", "name": "Tags", "type": "multi", "separator": "|", **tag},
                {"column": "spend", "name": "Spend", "type": "number"},
                {"column": "town", "name": "Town", "type": "enum", "pivot_enabled": False},
            ],
        }
    )


def behaviour(world: World, encryption: str) -> Dataset:
    return world.dataset(
        {
            "name": "Orders",
            "kind": "behaviour",
            "table": "orders",
            **of_people(encryption),
            "time": "day",
            "type": {"constant": "buy"},
            "count": "times",
            "amount": "money",
            "object_columns": [{"column": "card", "name": "Card"}],
        }
    )


def transactions(world: World, encryption: str) -> Dataset:
    return world.dataset(
        {
            "name": "Value",
            "kind": "rfm",
            "table": "orders",
            **of_people(encryption),
            "input": "transactions",
            "days": 3650,
            "time": "day",
            "amount": "money",
            "bands": {"m": {"bounds": [0.125, 1234567.25], "scores": [1, 2, 3.5]}},
            "compare": {"r": 2.5},
        }
    )


def customers(world: World, encryption: str) -> Dataset:
    return world.dataset(
        {
            "name": "Totals",
            "kind": "rfm",
            "table": "orders",
            **of_people(encryption),
            "input": "customers",
            "time": "day",
            "amount": "money",
            "count": "times",
        }
    )


def stages(world: World, encryption: str) -> Dataset:
    source = Dataset.objects.get(name="People")
    rule = {"kind": "tag", "dataset": source.pk, "tag": "spend", "operator": ">=", "value": 0}
    return world.dataset(
        {
            "name": "Stages",
            "kind": "aipl",
            "dataset": source.pk,
            "channel": "town",
            "channel_source": "Shops",
            "ids": [
                {"column": "phone", "id_type": "mobile", "encryption": encryption, "name": "Phone"},
                {"column": "town", "id_type": "taobao_nick", "encryption": "plain", "name": "Nick"},
            ],
            "stages": {stage: {"rule": rule, "channels": ["x"]} for stage in "AIPL"},
        }
    )


def saved(world: World, dataset: Dataset) -> None:
    """Open the dataset's form and save it as it is."""
    browser, base = world.browser()
    page = browser.get(f"{base}{dataset.pk}/")
    edit = page.context["edit_url"]
    answer = browser.post(edit, untouched(browser.get(edit).content.decode()))
    assert answer.status_code == 302, answer.content.decode()
    world.run_jobs()


def state(dataset: Dataset) -> dict[str, Any]:
    found = Dataset.objects.get(pk=dataset.pk)
    return {"name": found.name, "refresh": found.refresh, **definition.write(found)}


@pytest.mark.parametrize("encryption", ENCRYPTIONS)
def test_a_form_that_is_saved_untouched_changes_nothing(world: World, encryption: str) -> None:
    stored(world, encryption)
    for make in (tags, behaviour, transactions, customers, stages):
        dataset = make(world, encryption)
        assert (dataset.state, dataset.error) == ("ready", "")
        before = state(dataset)
        saved(world, dataset)
        assert state(dataset) == before
        dataset.refresh_from_db()
        assert (dataset.state, dataset.version) == ("ready", 2)


@pytest.mark.parametrize(
    "given",
    [
        pytest.param(DEFINITION, id="members"),
        pytest.param(BEHAVIOUR, id="attribute and value"),
        pytest.param(WIDE, id="wide"),
        pytest.param(ITEM_TAGS, id="items"),
        pytest.param(
            {
                **DEFINITION,
                "joins": [{"table": "cards", "type": "inner", "on": [{"left": "member", "right": "no"}]}],
            },
            id="joined",
        ),
    ],
)
def test_what_the_wizard_made_stays_too(world: World, given: dict[str, Any]) -> None:
    world.table("purchases", WIDE_EVENTS)
    world.table("items", ITEMS)
    world.table("cards", "SELECT * FROM (VALUES ('0001', 'gold'), ('0002', 'red')) t(no, colour)")
    dataset = world.dataset(given)
    before = state(dataset)
    saved(world, dataset)
    assert state(dataset) == before


def test_a_table_that_names_values_and_the_link_to_items_stay(world: World) -> None:
    world.table("items", ITEMS)
    world.table("shops", "SELECT * FROM (VALUES ('app', 'App'), ('web', 'Web site')) t(id, title)")
    items = world.dataset(ITEM_TAGS)
    dataset = world.dataset(
        BEHAVIOUR,
        items={"dataset": items.pk, "object": "item"},
        dimensions=[{"place": "channel", "table": "shops", "key": "id", "label": "title"}],
    )
    before = state(dataset)
    saved(world, dataset)
    assert state(dataset) == before and before["items"]["dataset"] == items.pk


def test_a_link_to_items_that_the_person_does_not_see_stays(world: World) -> None:
    world.table("items", ITEMS)
    items = world.dataset(ITEM_TAGS)
    dataset = world.dataset(BEHAVIOUR, items={"dataset": items.pk, "object": "item"})
    other = make_access(world.workspace, "analyst")
    granting.grant(world.access, dataset, {"user": other.user.username, "right": "manage"})
    browser, base = world.browser(other)
    page = browser.get(f"{base}{dataset.pk}/edit/").content.decode()
    assert "The one that is set" in page and untouched(page)["items"] == [items.pk]
    assert browser.post(f"{base}{dataset.pk}/edit/", untouched(page)).status_code == 302
    dataset.refresh_from_db()
    assert dataset.definition["items"]["dataset"] == items.pk
