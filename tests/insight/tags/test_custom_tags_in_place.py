"""Custom tags mean the same wherever their data live: in the lake, in a database, and read slowly."""

from __future__ import annotations

import html
import random
from collections.abc import Iterator
from typing import Any

import pytest
from django.core.cache import cache

from cdp.warehouse import get_engine
from insight.analysis.perspective import perspective
from insight.audiences.models import Audience
from insight.datasets import services as datasets
from insight.datasets.models import Dataset
from insight.tags import services
from insight.tags.models import CustomTag
from tests.insight.datasets import places
from tests.insight.datasets.places import Place
from tests.insight.datasets.world import RunJobs, World
from tests.insight.datasources import servers

PEOPLE: dict[str, Any] = {
    "name": "People",
    "kind": "user_tags",
    "table": "people",
    "user_id": {"column": "who", "id_type": "one_id"},
    "tags": [
        {"column": "spend", "name": "Spend", "type": "number"},
        {"column": "gender", "name": "Gender", "type": "enum"},
        {"column": "joined", "name": "Joined", "type": "date"},
    ],
}
BOUGHT: dict[str, Any] = {
    "name": "Bought",
    "kind": "behaviour",
    "table": "bought",
    "user_id": {"column": "who", "id_type": "one_id"},
    "time": "at_time",
    "type": {"constant": "purchase"},
    "amount": "money",
}
Person = tuple[str, float | None, str | None, str]


@pytest.fixture
def world(run_jobs: RunJobs) -> World:
    return World(run_jobs)


@pytest.fixture
def both(world: World) -> Iterator[list[Place]]:
    """The lake, and a database in which datasets may live."""
    with servers.postgresql_server() as server:
        place = Place(world, places.connect(world, server).pk, server)
        yield [Place(world, "lake"), place]
        places.close(place)


def random_people(dice: random.Random) -> list[Person]:
    return [
        (
            f"u{number}",
            dice.choice([None, float(dice.randrange(-5, 60)) * 10]),
            dice.choice(["f", "m", None]),
            f"2026-0{dice.randrange(1, 4)}-1{dice.randrange(10)}",
        )
        for number in range(20)
    ]


def random_orders(dice: random.Random) -> list[tuple[str, str, float]]:
    return [
        (f"u{dice.randrange(24)}", f"2026-01-{dice.randrange(10, 29)}", float(dice.randrange(1, 50)))
        for _number in range(40)
    ]


def put(place: Place, name: str, columns: str, rows: list[Any]) -> None:
    listed = ", ".join(
        "(" + ", ".join("NULL" if part is None else repr(part) for part in row) + ")" for row in rows
    )
    select = f"SELECT * FROM (VALUES {listed}) t({columns})"
    if place.server is None:
        place.world.table(name, select)
    else:
        place.server.run(f"DROP TABLE IF EXISTS {name}", f"CREATE TABLE {name} AS {select}")


def fill(place: Place, people: list[Person], orders: list[Any]) -> tuple[Dataset, Dataset]:
    put(place, "people", "who, spend, gender, joined", people)
    put(place, "bought", "who, at_time, money", orders)
    return (
        place.dataset(PEOPLE, name=f"People {place.source}"),
        place.dataset(BOUGHT, name=f"Bought {place.source}"),
    )


def rules(people: Dataset, orders: Dataset, low: float, high: float) -> dict[str, Any]:
    """The values of the tests; `fits` says slowly whom they fit."""

    def tag(column: str, operator: str, value: Any) -> dict[str, Any]:
        return {
            "kind": "tag",
            "dataset": people.pk,
            "tag": column,
            "operator": operator,
            "value": value,
        }

    often = {"measure": "times", "operator": ">=", "value": 2}
    bought = {"kind": "behaviour", "dataset": orders.pk, "window": {"kind": "any"}, "having": often}
    january = {"kind": "between", "from": "2026-01-01", "to": "2026-01-31"}
    return {
        "middle": {"op": "intersect", "items": [tag("spend", ">=", low), tag("spend", "<", high)]},
        "often": bought,
        "new women": {
            "op": "intersect",
            "items": [tag("gender", "in", ["f"]), tag("joined", "within", january)],
        },
        "Men": {"op": "subtract", "items": [tag("gender", "in", ["m"]), bought]},
    }


def fits(people: list[Person], orders: list[Any], low: float, high: float) -> dict[str, list[str]]:
    """By user, the values that fit, in their order; everybody whom the data know."""
    bought = [who for who, _day, _money in orders]
    often = {who for who in bought if bought.count(who) >= 2}
    known = {row[0]: row for row in people}
    found: dict[str, list[str]] = {}
    for who in {*known, *bought}:
        _who, spend, gender, joined = known.get(who, (who, None, None, ""))
        found[who] = [
            value
            for value, holds in (
                ("middle", spend is not None and low <= spend < high),
                ("often", who in often),
                ("new women", gender == "f" and joined.startswith("2026-01")),
                ("Men", gender == "m" and who not in often),
            )
            if holds
        ]
    return found


def entries(values: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"value": value, "rule": rule} for value, rule in values.items()]


def make(world: World, values: dict[str, Any], **more: Any) -> CustomTag:
    """A computed custom tag, made through the API."""
    answer = world.api()("post", "custom-tags/", {"name": "Band", "values": entries(values), **more})
    assert answer.status_code == 201, answer.content
    world.run_jobs(allow_failure=True)
    return CustomTag.objects.select_related("field__dataset__workspace").get(pk=answer.json()["id"])


def values_of(tag: CustomTag) -> dict[str, Any]:
    """The tag's value of each person in the dataset's current version."""
    dataset = Dataset.objects.get(pk=tag.field.dataset_id)
    engine = get_engine(dataset.source)
    rows = engine.execute(engine.table(dataset.workspace, dataset.lake_table)).to_pylist()
    found = {row["user_unique_id"]: row[tag.field.column] for row in rows}
    assert len(found) == len(rows)
    return {user: value for user, value in found.items() if value is not None}


@pytest.mark.parametrize("seed", range(3))
def test_values_and_counts_equal_the_reference_on_both_engines(
    world: World, both: list[Place], seed: int
) -> None:
    dice = random.Random(seed)
    people, orders = random_people(dice), random_orders(dice)
    low, high = sorted(dice.sample(range(-50, 600, 5), 2))
    expected = fits(people, orders, low, high)
    for place in both:
        asked = rules(*fill(place, people, orders), low, high)
        first = make(world, asked, name=f"First {place.source}", rest="rest")
        every = make(world, asked, name=f"All {place.source}", multi=True)
        assert (first.field.dataset.source, first.failure) == (place.source, "")
        assert first.field.dataset_id == every.field.dataset_id
        assert values_of(first) == {user: [*found, "rest"][0] for user, found in expected.items()}
        assert values_of(every) == {user: sorted(found) for user, found in expected.items() if found}
        counted = world.api()("post", "custom-tags/preview/", {"values": entries(asked)}).json()
        assert counted["people"] == len(expected)
        assert counted["uncovered"] == sum(not found for found in expected.values())
        assert counted["several"] == sum(len(found) > 1 for found in expected.values())
        assert counted["values"] == [
            {
                "fits": sum(value in found for found in expected.values()),
                "gets": sum(found[:1] == [value] for found in expected.values()),
            }
            for value in asked
        ]
        names = list(asked)
        assert {(row["first"], row["second"]): row["people"] for row in counted["overlaps"]} == {
            (names.index(a), names.index(b)): both_fit
            for a in names
            for b in names[names.index(a) + 1 :]
            if (both_fit := sum({a, b} <= set(found) for found in expected.values()))
        }


@pytest.fixture
def there(world: World, both: list[Place]) -> tuple[Place, dict[str, Any], dict[str, list[str]]]:
    """A database with people and orders, the rules over them, and whom these fit."""
    dice = random.Random(11)
    people, orders = random_people(dice), random_orders(dice)
    return both[1], rules(*fill(both[1], people, orders), 0, 300), fits(people, orders, 0, 300)


def asks(tag: CustomTag, value: str) -> dict[str, Any]:
    return {
        "kind": "tag",
        "dataset": tag.field.dataset_id,
        "tag": tag.field.column,
        "operator": "in",
        "value": [value],
    }


def test_a_tag_in_a_database_is_used_in_charts_selections_and_other_tags(world: World, there: Any) -> None:
    place, asked, expected = there
    tag = make(world, asked)
    chart = perspective(world.access, tag.field.dataset_id, [tag.field.column])
    counted = {row["value"]: row["count"] for row in chart["tags"][0]["values"]}
    assert counted == {
        value: number
        for value in asked
        if (number := sum(found[:1] == [value] for found in expected.values()))
    }
    call = world.api()
    answer = call("post", "audiences/", {"name": "Often", "rule": asks(tag, "often"), "save_ids": ["one_id"]})
    assert answer.status_code == 201
    world.run_jobs()
    often = Audience.objects.get(name="Often")
    assert (often.source, often.count) == (place.source, counted["often"])
    second = make(world, {"a": {"kind": "audience", "audience": often.pk}}, name="Second")
    assert second.field.dataset_id == tag.field.dataset_id
    assert set(values_of(second)) == {user for user, found in expected.items() if found[:1] == ["often"]}
    assert values_of(tag) == {user: found[0] for user, found in expected.items() if found}
    refused = call("patch", f"custom-tags/{tag.pk}/", {"values": entries({"b": asks(second, "a")})})
    assert (refused.status_code, list(refused.json()["errors"])) == (400, ["values/0/rule"])
    profile = call("get", f"tags/{tag.field.dataset_id}/{tag.field.column}/").json()["profile"]
    assert {row["value"]: row["count"] for row in profile["values"]} == counted


def test_the_tags_of_each_source_stand_in_a_dataset_of_their_own(
    world: World, both: list[Place], there: Any
) -> None:
    _place, asked, _expected = there
    here = fill(both[0], random_people(random.Random(1)), random_orders(random.Random(1)))
    first, second = make(world, asked), make(world, rules(*here, 0, 300))
    assert [tag.field.dataset.source for tag in (first, second)] == [both[1].source, "lake"]
    assert first.field.dataset.name != second.field.dataset.name
    answer = world.api()("post", "audiences/id-types/", {"rule": asked["often"]}).json()
    assert answer["source"] == both[1].source and answer["results"][0]["id_type"] == "one_id"
    browser, base = world.browser()
    page = browser.get(base.replace("datasets/", "tags/custom/new/"))
    assert page.context["data"]["holders"] == {
        f"{both[1].source} one_id": first.field.dataset.name,
        "lake one_id": second.field.dataset.name,
    }
    assert page.context["data"]["places"] == {both[1].source: "Warehouse"}


def test_rules_of_different_sources_are_refused_at_the_rule(
    world: World, both: list[Place], there: Any
) -> None:
    _place, asked, _expected = there
    here = rules(*fill(both[0], random_people(random.Random(1)), random_orders(random.Random(1))), 0, 300)
    call = world.api()
    mixed = {"a": asked["often"], "b": here["often"]}
    for path in ("custom-tags/", "custom-tags/preview/"):
        body = {"values": entries(mixed)} | ({"name": "Mixed"} if path == "custom-tags/" else {})
        refused = call("post", path, body)
        assert (refused.status_code, refused.json()["code"]) == (400, "validation_failed")
        assert list(refused.json()["errors"]) == ["values/1/rule/dataset"]
        assert "“Built-in”, not in “Warehouse”" in refused.json()["errors"]["values/1/rule/dataset"][0]
    assert not CustomTag.objects.exists()
    tag = make(world, asked)
    refused = call("patch", f"custom-tags/{tag.pk}/", {"values": entries({"b": here["often"]})})
    assert (refused.status_code, list(refused.json()["errors"])) == (400, ["values/0/rule/dataset"])


def test_chosen_tags_are_refreshed_and_the_others_keep_their_values(
    world: World, both: list[Place], there: Any
) -> None:
    place, asked, expected = there
    tag, other = make(world, asked), make(world, asked, name="Other", multi=True)
    before = values_of(other)
    people, orders = random_people(random.Random(12)), random_orders(random.Random(12))
    put(place, "people", "who, spend, gender, joined", people)
    put(place, "bought", "who, at_time, money", orders)
    for dataset in Dataset.objects.filter(source=place.source).exclude(kind="custom_tags"):
        world.compute(dataset)
    services.refresh(world.access, [tag])
    world.run_jobs()
    assert values_of(tag) == {user: found[0] for user, found in fits(people, orders, 0, 300).items() if found}
    assert values_of(other) == before == {user: sorted(found) for user, found in expected.items() if found}


def test_a_broken_rule_keeps_the_values_and_says_why(world: World, there: Any) -> None:
    _place, asked, expected = there
    tag, good = make(world, asked), make(world, {"often": asked["often"]}, name="Good")
    Dataset.objects.get(name__startswith="People").fields.filter(column="gender").delete()
    services.refresh(world.access, [tag, good])
    world.run_jobs(allow_failure=True)
    assert values_of(tag) == {user: found[0] for user, found in expected.items() if found}
    answer = world.api()("get", f"custom-tags/{tag.pk}/").json()
    assert "new women: The dataset has no tag “gender”." in answer["failure"]
    assert world.api()("get", f"custom-tags/{good.pk}/").json()["failure"] == ""


def test_a_database_that_does_not_answer_is_named_and_the_values_stay(world: World, there: Any) -> None:
    place, asked, _expected = there
    tag = make(world, asked)
    place.server.run(f"ALTER ROLE {place.server.user} PASSWORD 'another'")
    places.close(place)
    cache.clear()
    dataset = world.compute(tag.field.dataset)
    assert (dataset.state, dataset.error_code, dataset.version) == ("failed", "auth_failed", 1)
    refused = world.api()("post", "custom-tags/preview/", {"values": entries(asked)})
    assert (refused.status_code, refused.json()["code"]) == (502, "auth_failed")
    assert world.api()("get", f"custom-tags/{tag.pk}/").json()["failure"] == dataset.error
    browser, base = world.browser()
    pages = base.replace("datasets/", "tags/")
    for page in ("", f"custom/{tag.pk}/edit/"):
        assert browser.get(pages + page).status_code == 200
    page = browser.get(f"{pages}of/{dataset.pk}/{tag.field.column}/")
    assert page.status_code == 200
    assert page.context["profile"].unread == dataset.error
    assert dataset.error in html.unescape(page.content.decode())


def test_the_fixed_name_stands_for_the_current_version_and_goes_with_the_dataset(
    world: World, there: Any, django_capture_on_commit_callbacks: Any
) -> None:
    place, asked, _expected = there
    tag, other = make(world, asked), make(world, asked, name="Other")
    dataset = Dataset.objects.get(pk=tag.field.dataset_id)
    engine = get_engine(place.source)
    view = engine.path(world.workspace, dataset.definition["table"])
    assert dataset.definition["table"] == "label_one_id_1"
    shown = f"SELECT user_unique_id, {tag.field.column} FROM {view} WHERE {tag.field.column} IS NOT NULL"
    assert dict(engine.rows(shown)) == values_of(tag)
    services.delete(world.access, other)
    for number in range(2):
        services.update(world.access, tag, {"values": entries({f"v{number}": asked["often"]})})
        world.run_jobs()
    assert set(dict(engine.rows(shown)).values()) == {"v1"}
    assert len(engine.rows(f"SELECT * FROM {view} LIMIT 1")[0]) == 2
    dataset.refresh_from_db()
    kept = [name for name in place.tables() if name.startswith(dataset.pk)]
    assert kept == [f"{dataset.pk}_v{dataset.version - 1}", f"{dataset.pk}_v{dataset.version}"]
    key = dataset.pk
    with django_capture_on_commit_callbacks(execute=True):
        datasets.delete(world.access, dataset)
    assert not [name for name in place.tables() if name.startswith(key)]
    assert engine.rows("SELECT viewname FROM pg_views WHERE viewname LIKE 'label_%'") == []


def test_ranges_of_a_number_make_values_in_the_database(world: World, there: Any) -> None:
    place, _asked, _expected = there
    people = Dataset.objects.get(name__startswith="People")
    body = {"dataset": people.pk, "tag": "spend", "bounds": [0, 200], "below": True}
    made = world.api()("post", "custom-tags/ranges/", body).json()["values"]
    tag = make(world, {entry["value"]: entry["rule"] for entry in made})
    assert tag.field.dataset.source == place.source
    browser, base = world.browser()
    people_there = random_people(random.Random(11))
    smallest = {
        "spend": min(spend for _who, spend, *_rest in people_there if spend is not None),
        "joined": min(joined for *_rest, joined in people_there),
    }
    for column, least in smallest.items():
        page = browser.get(base.replace("datasets/", f"tags/of/{people.pk}/{column}/"))
        found = str(page.context["profile"].spread["smallest"])
        assert found.removesuffix(" 00:00:00") == str(least) and page.context["ranges_url"]
    assert values_of(tag) == {
        user: "<0" if spend < 0 else "0-200" if spend < 200 else "200+"
        for user, spend, *_rest in people_there
        if spend is not None
    }


def test_a_source_with_custom_tags_cannot_be_removed(world: World, there: Any) -> None:
    place, asked, _expected = there
    tag = make(world, asked)
    refused = world.api()("delete", f"sources/{place.source}/")
    assert refused.status_code == 409 and tag.field.dataset.name in refused.json()["detail"]
