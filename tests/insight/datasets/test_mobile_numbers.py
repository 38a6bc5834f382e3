"""Mobile numbers have eleven digits; what has 86 in front is counted, and loses it only where the dataset says so."""

from __future__ import annotations

from typing import Any

import pytest

from insight.audiences import services as audiences
from insight.datasets import definition, services
from insight.datasets.models import Dataset
from tests.insight.datasets.forms import untouched
from tests.insight.datasets.places import Place
from tests.insight.datasets.world import World

CONTACTS = """
    SELECT who, phone, 'yes' AS "here", DATE '2026-01-01' AS day, 1.5::DOUBLE PRECISION AS money FROM (VALUES
        ('u1', '13800000001'), ('u2', '138-0000-0002'), ('u3', '8613800000003'), ('u4', '+86 13800000004'),
        ('u5', '008613800000005'), ('u6', '1380000'), ('u7', ''), ('u8', '23800000008'), ('u9', '8613800')
    ) t(who, phone)
"""
TAGS: dict[str, Any] = {
    "name": "Contacts",
    "kind": "user_tags",
    "table": "contacts",
    "user_id": {"column": "who", "id_type": "one_id"},
    "ids": [{"column": "phone", "id_type": "mobile"}],
    "tags": [{"column": "here", "name": "Here", "type": "enum"}],
}
MODEL: dict[str, Any] = {
    **{key: TAGS[key] for key in ("table", "user_id", "ids")},
    "name": "Value",
    "kind": "rfm",
    "time": "day",
    "amount": "money",
}
STRICT = {"u1": "13800000001", "u2": "13800000002"}
FIXED = {**STRICT, "u3": "13800000003", "u4": "13800000004", "u5": "13800000005"}


def plant(place: Place) -> Place:
    if place.server is None:
        place.world.table("contacts", CONTACTS)
    else:
        place.server.run(f"CREATE TABLE contacts AS {CONTACTS}")
    return place


def numbers(rows: list[dict[str, Any]]) -> dict[str, str]:
    return {row["user_unique_id"]: row["phone"] for row in rows if row["phone"] is not None}


def phones(dataset: Dataset) -> dict[str, Any]:
    [found] = [item for item in dataset.stats["ids"] if item["column"] == "phone"]
    return {name: found[name] for name in ("filled", "invalid", "prefixed")}


def test_numbers_with_86_are_invalid_counted_and_told_until_the_dataset_fixes_them(place: Place) -> None:
    dataset = plant(place).dataset(TAGS)
    assert numbers(place.rows(dataset)) == STRICT
    assert phones(dataset) == {"filled": 2, "invalid": 6, "prefixed": 3}
    texts = [item["text"] for item in dataset.warnings]
    assert texts[0].startswith("6 values of “phone” are not valid for the ID type Mobile number")
    assert texts[1].startswith("3 of these values of “phone” only have +86, 86 or 0086 in front.")
    services.update(place.world.access, dataset, {"fix_prefix": True})
    dataset = place.world.compute(dataset)
    assert numbers(place.rows(dataset)) == FIXED
    assert phones(dataset) == {"filled": 5, "invalid": 3, "prefixed": 3}
    assert [item["code"] for item in dataset.warnings] == ["invalid_id"]


def test_numbers_as_identifiers_leave_their_rows_out(world: World) -> None:
    world.table("contacts", CONTACTS)
    given = {**TAGS, "ids": [], "user_id": {"column": "phone", "id_type": "mobile"}, "rows_per_user": "many"}
    dataset = world.dataset(given)
    assert dataset.rows == 2
    codes = [item["code"] for item in dataset.warnings]
    assert codes == ["without_id", "invalid_user_id", "prefixed_id"]
    services.update(world.access, dataset, {"fix_prefix": True})
    assert world.compute(dataset).rows == 5


def test_hashed_numbers_have_no_prefix_to_take_off(world: World) -> None:
    world.table("contacts", f"SELECT * REPLACE (md5(phone) AS phone) FROM ({CONTACTS})")
    ids = [{"column": "phone", "id_type": "mobile", "encryption": "md5"}]
    dataset = world.dataset(TAGS, ids=ids, fix_prefix=True)
    assert phones(dataset) == {"filled": 9, "invalid": 0, "prefixed": 0}


def test_a_model_counts_them_too(world: World) -> None:
    world.table("contacts", CONTACTS)
    dataset = world.dataset(MODEL)
    assert numbers(world.rows(dataset)) == STRICT
    assert phones(dataset) == {"filled": 2, "invalid": 6, "prefixed": 3}
    assert [item["code"] for item in dataset.warnings] == ["invalid_id", "prefixed_id"]
    browser, base = world.browser()
    page = browser.get(f"{base}{dataset.pk}/")
    assert [item["column"] for item in page.context["ids"]] == ["who", "phone"]
    edit = page.context["edit_url"]
    sent = untouched(browser.get(edit).content.decode())
    assert "fix_prefix" not in sent
    assert browser.post(edit, {**sent, "fix_prefix": "on"}).status_code == 302
    world.run_jobs()
    dataset.refresh_from_db()
    assert dataset.fix_prefix and numbers(world.rows(dataset)) == FIXED


def test_only_valid_numbers_get_into_audiences(world: World) -> None:
    world.table("contacts", CONTACTS)
    dataset = world.dataset(TAGS)
    rule = {"kind": "tag", "dataset": dataset.pk, "tag": "here", "operator": "in", "value": ["yes"]}
    made = audiences.create(world.access, {"name": "All", "rule": rule, "save_ids": ["mobile"]})
    world.run_jobs()
    made.refresh_from_db()
    assert (made.count, made.current.id_stats["mobile"]["filled"]) == (9, 2)


def test_the_wizard_and_the_api_turn_it_on_and_off(world: World) -> None:
    world.table("contacts", CONTACTS)
    browser, base = world.browser()
    where = f"{base}new/?table=contacts&kind=user_tags"
    sent = untouched(browser.get(where).content.decode())
    assert "fix_prefix" not in sent
    unnamed = browser.post(where, {**sent, "name": "", "fix_prefix": "on"})
    assert unnamed.status_code == 422 and untouched(unnamed.content.decode())["fix_prefix"] == ["on"]
    assert browser.post(where, {**sent, "fix_prefix": "on"}).status_code == 302
    dataset = Dataset.objects.get(kind="user_tags")
    assert definition.write(dataset)["fix_prefix"] is True
    edit = f"{base}{dataset.pk}/edit/"
    sent = untouched(browser.get(edit).content.decode())
    del sent["fix_prefix"]
    unnamed = browser.post(edit, {**sent, "name": ""})
    assert "fix_prefix" not in untouched(unnamed.content.decode())
    assert browser.post(edit, sent).status_code == 302
    call = world.api()
    assert call("get", f"datasets/{dataset.pk}/").json()["fix_prefix"] is False
    assert call("patch", f"datasets/{dataset.pk}/", {"fix_prefix": True}).json()["fix_prefix"] is True
    wrong = call("patch", f"datasets/{dataset.pk}/", {"fix_prefix": "yes"})
    assert wrong.status_code == 400 and "fix_prefix" in wrong.json()["errors"]


def test_items_have_no_numbers(world: World) -> None:
    world.table("items", "SELECT 'i1' AS sku, 'Coat' AS title")
    items = {"name": "Items", "kind": "item_tags", "table": "items", "item_id": "sku", "item_name": "title"}
    wrong = world.api()("post", "datasets/", {**items, "fix_prefix": True})
    assert wrong.status_code == 400 and "fix_prefix" in wrong.json()["errors"]


@pytest.mark.parametrize("value", [None, False])
def test_no_word_on_it_leaves_numbers_as_they_are(world: World, value: Any) -> None:
    world.table("contacts", CONTACTS)
    assert not services.create(world.access, {**TAGS, "fix_prefix": value}).fix_prefix
