"""Datasets of several tables."""

from __future__ import annotations

from typing import Any

import pytest

from insight.datasets import services
from insight.datasets.joining import Source
from insight.datasets.models import DatasetJoin
from insight.datasources import services as datasources
from tests.insight.datasets.forms import untouched
from tests.insight.datasets.places import Place
from tests.insight.datasets.world import DEFINITION, World

PEOPLE = """
    SELECT * FROM (VALUES ('u1', 's1', 1), ('u2', 's2', 2), ('u3', 's1', 3), ('u4', NULL, 4), ('u5', 's9', 5)
    ) t(member, shop, level)
"""
SHOPS = (
    "SELECT * FROM (VALUES ('s1', 'North', 10), ('s2', 'South', 20), ('s3', 'East', 10)) t(id, region, chain)"
)
CHAINS = "SELECT * FROM (VALUES ('10', 'Tide'), ('20', 'Wave')) t(chain_no, label)"
JOIN: dict[str, Any] = {"table": "shops", "type": "left", "on": [{"left": "shop", "right": "id"}]}
NEXT: dict[str, Any] = {
    "table": "chains",
    "type": "left",
    "on": [{"left": "shops.chain", "right": "chain_no"}],
}
BASE: dict[str, Any] = {
    "name": "People",
    "kind": "user_tags",
    "table": "people",
    "user_id": {"column": "member", "id_type": "one_id"},
    "joins": [JOIN],
    "tags": [
        {"column": "level", "name": "Level", "type": "number"},
        {"column": "shops.region", "name": "Region", "type": "enum"},
    ],
}


@pytest.fixture
def joined(world: World) -> World:
    world.table("people", PEOPLE)
    world.table("shops", SHOPS)
    world.table("chains", CHAINS)
    return world


def regions(world: World, dataset: Any) -> dict[str, Any]:
    return {row["user_unique_id"]: row["shops.region"] for row in world.rows(dataset)}


def test_a_left_join_keeps_every_row_and_says_how_many_found_no_match(joined: World) -> None:
    dataset = joined.dataset(BASE)
    assert dataset.state == "ready", dataset.error
    assert regions(joined, dataset) == {"u1": "North", "u2": "South", "u3": "North", "u4": None, "u5": None}
    assert dataset.stats["joins"] == [{"table": "shops", "type": "left", "matched": 3, "unmatched": 2}]
    assert [item["code"] for item in dataset.warnings] == ["join_unmatched"]
    assert dataset.stats["unique_users"]


def test_an_inner_join_leaves_out_rows_without_a_match(joined: World) -> None:
    dataset = joined.dataset({**BASE, "joins": [{**JOIN, "type": "inner"}]})
    assert regions(joined, dataset) == {"u1": "North", "u2": "South", "u3": "North"}
    [warning] = dataset.warnings
    assert warning["code"] == "join_left_out" and warning["text"].startswith("2 rows were left out")


def test_a_table_can_be_joined_to_a_joined_one_by_keys_of_another_type(joined: World) -> None:
    tags = [*BASE["tags"], {"column": "chains.label", "name": "Chain", "type": "enum"}]
    dataset = joined.dataset({**BASE, "joins": [JOIN, NEXT], "tags": tags})
    found = {row["user_unique_id"]: row["chains.label"] for row in joined.rows(dataset)}
    assert found == {"u1": "Tide", "u2": "Wave", "u3": "Tide", "u4": None, "u5": None}


def test_tables_are_joined_by_several_columns(joined: World) -> None:
    joined.table(
        "levels", "SELECT * FROM (VALUES ('s1', 1, 'a'), ('s1', 3, 'b'), ('s2', 9, 'c')) t(shop, level, w)"
    )
    pairs = [{"left": "shop", "right": "shop"}, {"left": "level", "right": "level"}]
    tags = [{"column": "levels.w", "name": "W", "type": "enum"}]
    dataset = joined.dataset({**BASE, "joins": [{"table": "levels", "on": pairs}], "tags": tags})
    found = {row["user_unique_id"]: row["levels.w"] for row in joined.rows(dataset)}
    assert found == {"u1": "a", "u2": None, "u3": "b", "u4": None, "u5": None}


def test_a_key_with_several_rows_is_refused_with_examples(joined: World) -> None:
    joined.table(
        "shops",
        "SELECT * FROM (VALUES ('s1', 'North'), ('s1', 'West'), ('s7', 'a'), ('s7', 'b')) t(id, region)",
    )
    answer = joined.api()("post", "datasets/", BASE)
    assert answer.status_code == 400
    [message] = answer.json()["errors"]["joins/0"]
    # s7 repeats as well, but no row is joined to it.
    assert "(2)" in message and message.count("(2)") == 1


def test_a_refresh_fails_when_a_joined_table_got_a_key_twice_and_keeps_the_version(joined: World) -> None:
    dataset = joined.dataset(BASE)
    joined.table("shops", "SELECT * FROM (VALUES ('s1', 'North'), ('s1', 'West')) t(id, region)")
    joined.compute(dataset)
    assert dataset.state == "failed" and "several rows for one key" in dataset.error
    assert regions(joined, dataset)["u2"] == "South"


def test_a_refresh_follows_every_table(joined: World) -> None:
    dataset = joined.dataset(BASE)
    joined.table("shops", SHOPS.replace("'North'", "'Far north'"))
    joined.compute(dataset)
    assert regions(joined, dataset)["u1"] == "Far north"


def test_a_lost_column_of_a_joined_table_is_marked_and_the_rest_works(joined: World) -> None:
    dataset = joined.dataset(BASE)
    joined.table("shops", "SELECT * FROM (VALUES ('s1', 1)) t(id, chain)")
    joined.compute(dataset)
    assert dataset.state == "ready" and dataset.stats["lost"] == ["shops.region"]
    assert dataset.fields.get(column="shops.region").deleted


def test_a_lost_key_fails_the_refresh_with_its_name(joined: World) -> None:
    dataset = joined.dataset(BASE)
    joined.table("shops", "SELECT * FROM (VALUES ('North')) t(region)")
    joined.compute(dataset)
    assert dataset.state == "failed" and "shops.id" in dataset.error


def test_a_joined_table_may_be_renamed(joined: World) -> None:
    dataset = joined.dataset(BASE)
    table = joined.table("shops", SHOPS)
    datasources.describe(joined.access, table, name="stores", description="")
    joined.compute(dataset)
    assert dataset.state == "ready" and not dataset.stats["lost"]
    assert regions(joined, dataset)["u1"] == "North"
    call = joined.api()
    assert call("get", f"datasets/{dataset.pk}/").json()["joins"] == [
        {**JOIN, "table": "stores", "name": "shops"}
    ]
    path = f"{dataset.pk}/edit/"
    browser, base = joined.browser()
    [join] = browser.get(base + path).context["joins"]
    assert (join["table"], join["name"]) == ("stores", "shops")
    given = {"join-0-table": "stores", "join-0-name": "shops", "join-0-type": "left"}
    sent = joined.wizard(path, **given, **{"join-0-left-0": "shop", "join-0-right-0": "id"})
    assert browser.post(base + path, sent).status_code == 302
    assert call("patch", f"datasets/{dataset.pk}/", {"description": "x"}).status_code == 200
    assert dataset.joins.get().name == "shops"


def test_a_joined_table_cannot_be_deleted(joined: World) -> None:
    joined.dataset(BASE)
    table = joined.table("shops", SHOPS)
    assert datasources.users_of["datasets"](table) == ["People"]


def test_behaviour_and_rfm_read_joined_columns(joined: World) -> None:
    joined.table("kinds", "SELECT * FROM (VALUES ('buy', 'Purchase'), ('look', 'Visit')) t(code, label)")
    data = {
        "name": "Events",
        "kind": "behaviour",
        "table": "events",
        "joins": [{"table": "kinds", "on": [{"left": "what", "right": "code"}]}],
        "user_id": {"column": "who", "id_type": "one_id"},
        "time": "at_time",
        "type": {"column": "kinds.label"},
        "object_columns": [{"column": "value", "name": "Value"}],
    }
    dataset = joined.dataset(data)
    assert [row["type"] for row in joined.rows(dataset)] == ["Purchase", "Purchase", "Visit"]
    joined.table("spent", "SELECT * FROM (VALUES ('u1', 7.5), ('u2', 2.5)) t(who, total)")
    model = joined.dataset(
        {
            "name": "Value",
            "kind": "rfm",
            "table": "events",
            "joins": [{"table": "spent", "on": [{"left": "who", "right": "who"}]}],
            "user_id": {"column": "who", "id_type": "one_id"},
            "time": "at_time",
            "amount": "spent.total",
        }
    )
    assert {row["user_unique_id"]: row["m"] for row in joined.rows(model)} == {"u1": 15.0, "u2": 2.5}


@pytest.mark.parametrize(
    ("joins", "path"),
    [
        ([{**JOIN, "table": "nothing"}], "joins/0/table"),
        ([{**JOIN, "table": "people"}], "joins/0/table"),
        ([JOIN, JOIN], "joins/1/table"),
        ([{**JOIN, "type": "full"}], "joins/0/type"),
        ([{**JOIN, "on": []}], "joins/0/on"),
        ([{**JOIN, "on": [JOIN["on"][0]] * 4}], "joins/0/on"),
        ([{**JOIN, "on": [{"left": "nope", "right": "id"}]}], "joins/0/on/0/left"),
        ([{**JOIN, "on": [{"left": "shop", "right": "nope"}]}], "joins/0/on/0/right"),
        ([NEXT, JOIN], "joins/0/on/0/left"),
        ([{**JOIN, "colour": 1}], "joins/0/colour"),
        ("shops", "joins"),
        ([JOIN] * 6, "joins"),
    ],
)
def test_wrong_joins_are_refused_at_their_path(joined: World, joins: Any, path: str) -> None:
    answer = joined.api()("post", "datasets/", {**BASE, "joins": joins})
    assert answer.status_code == 400 and path in answer.json()["errors"], answer.json()


def test_the_api_answers_and_keeps_joins(joined: World) -> None:
    dataset = joined.dataset(BASE)
    call = joined.api()
    assert call("get", f"datasets/{dataset.pk}/").json()["joins"] == [JOIN]
    assert call("patch", f"datasets/{dataset.pk}/", {"description": "x"}).json()["joins"] == [JOIN]
    answer = call("patch", f"datasets/{dataset.pk}/", {"joins": [], "tags": BASE["tags"][:1]})
    assert answer.json()["joins"] == [] and not DatasetJoin.objects.exists()


def test_the_wizard_adds_a_table_proposes_its_keys_and_makes_the_dataset(joined: World) -> None:
    browser, base = joined.browser()
    path = "new/?table=people&kind=user_tags"
    joined.table("shops", SHOPS.replace("(id,", "(shop,"))
    posted = joined.wizard(path)
    page = browser.post(base + path, {**posted, "join": "add", "join-new": "shops"})
    assert page.status_code == 200
    [join] = page.context["joins"]
    assert join["pairs"][0] == {"left": "shop", "right": "shop"}
    rows = {row["column"]: row for row in page.context["rows"]}
    assert rows["shops.shop"]["role"] == "" and rows["shops.region"]["role"] == "tag"
    assert "North" in rows["shops.region"]["examples"]
    joins = {
        "join-0-table": "shops",
        "join-0-type": "left",
        "join-0-left-0": "shop",
        "join-0-right-0": "shop",
    }
    import json

    sent = {
        **posted,
        **joins,
        "columns": json.dumps(["member", "shops.region"]),
        "role-0": "identifier",
        "id_type-0": "one_id",
        "role-1": "tag",
        "alias-1": "Region",
        "tag_type-1": "enum",
    }
    answer = browser.post(base + path, sent)
    assert answer.status_code == 302, answer.context["errors"]
    joined.run_jobs()
    dataset = services.Dataset.objects.get(name=posted["name"])
    assert regions(joined, dataset)["u1"] == "North"
    edit = f"{dataset.pk}/edit/"
    again = joined.wizard(edit, **joins)
    gone = browser.post(base + edit, {**again, "join": "remove-shops"})
    assert gone.context["joins"] == []
    assert not [row for row in gone.context["rows"] if row["column"].startswith("shops.")]


def test_the_wizard_shows_what_is_wrong_at_the_join(joined: World) -> None:
    browser, base = joined.browser()
    path = "new/?table=people&kind=user_tags"
    answer = browser.post(base + path, {**joined.wizard(path), "join-0-table": "shops"})
    assert answer.status_code == 422
    assert answer.context["joins"][0]["errors"] == ["Join by 1 to 3 columns."]


def test_joined_tables_make_the_same_dataset_on_both_engines(world: World, database: Place) -> None:
    tables = {"people": PEOPLE, "shops": SHOPS, "chains": CHAINS}
    for name, select in tables.items():
        world.table(name, select)
    assert database.server is not None
    database.server.run(*(f"CREATE TABLE {name} AS {select}" for name, select in tables.items()))
    tags = [*BASE["tags"], {"column": "chains.label", "name": "Chain", "type": "enum"}]
    for number, kind in enumerate(("left", "inner")):
        given = {**BASE, "joins": [{**JOIN, "type": kind}, NEXT], "tags": tags}
        here = world.dataset(given, name=f"Here {number}")
        there = database.dataset(given, name=f"There {number}")
        assert (here.state, there.state, there.error) == ("ready", "ready", "")
        assert sorted(world.rows(here), key=repr) == database.rows(there)
        assert here.stats == there.stats
        assert len(database.rows(there)) == {"left": 5, "inner": 3}[kind]


def test_joins_in_a_database_are_kept_checked_and_refused_like_those_of_the_lake(
    world: World, database: Place
) -> None:
    assert database.server is not None
    database.server.run(f"CREATE TABLE people AS {PEOPLE}", f"CREATE TABLE shops AS {SHOPS}")
    call, given = world.api(), {**BASE, "source": database.source}
    dataset = database.dataset(BASE)
    assert call("get", f"datasets/{dataset.pk}/").json()["joins"] == [JOIN]
    assert call("patch", f"datasets/{dataset.pk}/", {"description": "x"}).json()["joins"] == [JOIN]
    assert call("get", "datasets/").status_code == 200
    for wrong, path in (
        ([{**JOIN, "table": "nothing"}], "joins/0/table"),
        ([{**JOIN, "table": "people"}], "joins/0/table"),
        ([JOIN, JOIN], "joins/1/table"),
        ([{**JOIN, "on": [{"left": "shop", "right": "nope"}]}], "joins/0/on/0/right"),
        ([{**JOIN, "name": "s" * 60}], "joins/0/name"),
    ):
        answer = call("post", "datasets/", {**given, "name": "Other", "joins": wrong})
        assert answer.status_code == 400 and path in answer.json()["errors"], answer.json()
    database.server.run("INSERT INTO shops VALUES ('s1', 'West', 10), ('s7', 'a', 1), ('s7', 'b', 1)")
    answer = call("post", "datasets/", {**given, "name": "Other"})
    assert answer.status_code == 400
    [message] = answer.json()["errors"]["joins/0"]
    assert "(2)" in message and message.count("(2)") == 1
    world.compute(dataset)
    assert dataset.state == "failed" and "several rows for one key" in dataset.error
    database.server.run("DROP TABLE shops")
    world.compute(dataset)
    assert (dataset.state, dataset.error_code) == ("failed", "table_missing")


def test_the_wizard_joins_tables_of_a_database(world: World, database: Place) -> None:
    assert database.server is not None
    database.server.run(
        f"CREATE TABLE people AS {PEOPLE}", f"CREATE TABLE shops AS {SHOPS.replace('(id,', '(shop,')}"
    )
    browser, base = world.browser()
    where = f"{base}new/?source={database.source}&table=people&kind=user_tags"
    first = browser.get(where)
    assert "shops" in first.context["joinable"] and "people" not in first.context["joinable"]
    sent = untouched(first.content.decode())
    page = browser.post(where, {**sent, "join": "add", "join-new": "shops"})
    [join] = page.context["joins"]
    assert join["pairs"][0] == {"left": "shop", "right": "shop"}
    rows = {row["column"]: row for row in page.context["rows"]}
    assert rows["shops.region"]["role"] == "tag" and "North" in rows["shops.region"]["examples"]
    assert browser.post(where, untouched(page.content.decode())).status_code == 302
    world.run_jobs()
    dataset = services.Dataset.objects.get(kind="user_tags")
    assert (dataset.state, dataset.error) == ("ready", "")
    found = {row["user_unique_id"]: row["shops.region"] for row in database.rows(dataset)}
    assert found["u1"] == "North" and found["u4"] is None
    edit = f"{base}{dataset.pk}/edit/"
    assert browser.post(edit, untouched(browser.get(edit).content.decode())).status_code == 302
    assert dataset.joins.get().remote == "shops"


def test_the_relation_of_one_table_is_the_table(joined: World) -> None:
    table = joined.table("people", PEOPLE)
    assert "JOIN" not in Source(joined.workspace, table).relation


def test_definitions_without_joins_stay_as_they_were(world: World) -> None:
    dataset = world.dataset(DEFINITION)
    assert (
        dataset.stats["joins"] == [] and world.api()("get", f"datasets/{dataset.pk}/").json()["joins"] == []
    )
