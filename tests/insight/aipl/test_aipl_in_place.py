"""AIPL models mean the same wherever they live: in the lake, in a database, and read slowly."""

from __future__ import annotations

import html
import json
import random
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

import pytest
from django.core.cache import cache

from cdp.core.errors import DomainError
from cdp.warehouse import get_engine
from insight.aipl import services
from insight.audiences.models import Audience
from insight.datasets import aipl_days
from insight.datasets import services as datasets
from insight.datasets.models import Dataset
from insight.datasources.models import Connection
from insight.pushes import sources as pushes
from insight.pushes.models import Push
from tests.insight.aipl.test_models import EXAMPLE, example_rules
from tests.insight.aipl.test_models_match_reference import random_rows, reference
from tests.insight.datasets import places
from tests.insight.datasets.places import Place
from tests.insight.datasets.world import RunJobs, World
from tests.insight.datasources import servers

LAST = date(2026, 3, 31)
STAGES = "AIPL"
LIVED: dict[str, Any] = {
    "name": "Lived",
    "kind": "behaviour",
    "table": "lived",
    "user_id": {"column": "who", "id_type": "one_id"},
    "ids": [{"column": "card", "id_type": "union_id"}],
    "time": "at_time",
    "type": {"column": "what"},
    "channel": "channel",
    "count": "n",
    "amount": "money",
    "object_columns": [{"column": "category", "name": "Category"}],
}
CUSTOMERS: dict[str, Any] = {
    "name": "Customers",
    "kind": "user_tags",
    "rows_per_user": "many",
    "table": "customers",
    "user_id": {"column": "user_id", "id_type": "one_id"},
    "ids": [{"column": "user_id_2", "id_type": "union_id"}],
    "tags": [
        {"column": "channel", "name": "channel", "type": "enum"},
        {"column": "register_time", "name": "registered", "type": "date"},
        *(
            {"column": f"{name}_90d", "name": name, "type": "number"}
            for name in ("amount", "login", "fav", "buy")
        ),
    ],
}


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


def put(place: Place, table: str, columns: str, rows: list[tuple[Any, ...]]) -> None:
    """A table with these rows."""
    listed = ", ".join(f"({', '.join(map(written, row))})" for row in rows)
    select = f"SELECT * FROM (VALUES {listed}) t({columns})"
    if place.server is None:
        place.world.table(table, select)
    else:
        place.server.run(f"CREATE TABLE {table} AS {select}")


def written(value: Any) -> str:
    return "NULL" if value is None else repr(value) if isinstance(value, int | float) else f"'{value}'"


def of_behaviour(place: Place, rows: list[tuple[Any, ...]], plan: dict[str, Any], **more: Any) -> Dataset:
    """A computed model over records, by the plan of `reference`."""
    columns = "who, at_time, what, channel, n, money, category, card"
    put(place, "lived", columns, [(*row, f"c{row[0][1:].zfill(3)}") for row in rows])
    source = place.dataset(LIVED, name=f"Lived {place.source}")
    stages = {
        stage: {
            "rule": {
                "kind": "behaviour",
                "dataset": source.pk,
                "type": [kind],
                "window": {"kind": "last_days", "days": days},
                "having": {"measure": "times", "operator": ">=", "value": least},
            },
            "channels": channels,
        }
        for stage, (kind, days, least, channels) in plan.items()
    }
    return made(place, {"dataset": source.pk, "stages": stages, **more})


def made(place: Place, data: dict[str, Any]) -> Dataset:
    model = datasets.create(place.world.access, {"name": f"Model {place.source}", "kind": "aipl", **data})
    place.world.run_jobs(allow_failure=True)
    model.refresh_from_db()
    return model


def stages_of(place: Place, model: Dataset) -> dict[str, str]:
    return {row["user_unique_id"]: row["stage"] for row in place.rows(model)}


def some_plan(dice: random.Random) -> dict[str, Any]:
    return {
        stage: (
            dice.choice(["visit", "like", "purchase"]),
            dice.choice([3, 7, 30]),
            dice.choice([1, 2]),
            dice.choice([None, ["app"], ["app", "web"]]),
        )
        for stage in STAGES
    }


def members(audience: Audience) -> set[str]:
    engine = get_engine(audience.source)
    table = engine.table(audience.workspace, audience.current.table_name)
    return set(engine.execute(table)["user_unique_id"].to_pylist())


def audience(world: World, name: str, rule: dict[str, Any], *ids: str) -> Audience:
    """A computed audience, made through the API."""
    answer = world.api()("post", "audiences/", {"name": name, "rule": rule, "save_ids": list(ids)})
    assert answer.status_code == 201, answer.content
    world.run_jobs()
    return Audience.objects.get(name=name)


@pytest.mark.parametrize("seed", range(3))
def test_stages_trends_and_flows_of_behaviour_equal_the_reference_on_both_engines(
    world: World, both: list[Place], on: Any, seed: int
) -> None:
    dice = random.Random(seed)
    rows, plan = random_rows(dice), some_plan(dice)
    on(str(LAST))
    days = [LAST - timedelta(days=number) for number in range(5, -1, -1)]
    expected = {day: reference(rows, plan, day) for day in days}
    for place in both:
        model = of_behaviour(place, rows, plan)
        assert (model.source, model.state, model.error) == (place.source, "ready", "")
        assert stages_of(place, model) == expected[LAST]
        services.recompute(world.access, model, 5)
        world.run_jobs()
        assert aipl_days.computed_days(model) == days
        counted = {
            day: {key: list(found.values()).count(key) for key in STAGES} for day, found in expected.items()
        }
        assert dict(aipl_days.trend(model, LAST)) == counted
        assert services.overview(model)["stages"] == counted[LAST]
        flow = aipl_days.flow(model, days[0], LAST)
        pairs = [
            (expected[days[0]].get(user), expected[LAST].get(user))
            for user in expected[days[0]].keys() | expected[LAST].keys()
        ]
        assert flow.matrix == {pair: pairs.count(pair) for pair in pairs}


def test_audiences_of_stages_and_flows_live_where_the_model_does(
    world: World, both: list[Place], on: Any
) -> None:
    rows = random_rows(random.Random(7))
    plan = {
        "A": ("visit", 7, 1, None),
        "I": ("like", 7, 1, None),
        "P": ("purchase", 7, 1, ["app", "web"]),
        "L": ("purchase", 3, 1, None),
    }
    on(str(LAST))
    first = LAST - timedelta(days=7)
    before, after = reference(rows, plan, first), reference(rows, plan, LAST)
    interested = {user for user, stage in before.items() if stage == "I"}
    lost = {user for user in interested if user not in after}
    moved = {user for user in interested if after.get(user) not in (None, "I")}
    assert lost and moved
    for place in both:
        model = of_behaviour(place, rows, plan)
        services.recompute(world.access, model, 7)
        world.run_jobs()
        leaf = {"kind": "aipl", "dataset": model.pk}
        buyers = audience(world, f"Buyers {place.source}", {**leaf, "stages": ["P", "L"]}, "union_id")
        assert buyers.source == place.source and buyers.current.id_stats["union_id"]["filled"] == buyers.count
        assert members(buyers) == {user for user, stage in after.items() if stage in "PL"}
        flow = {
            "from": str(first),
            "to": str(LAST),
            "transitions": [{"from": "I", "to": ["lost", "converted"]}],
        }
        gone = audience(world, f"Gone {place.source}", {**leaf, "flow": flow})
        assert (gone.source, members(gone)) == (place.source, lost | moved)
        everybody, minus = {**leaf, "stages": list(STAGES)}, {"kind": "audience", "audience": gone.pk}
        others = audience(world, f"Others {place.source}", {"op": "subtract", "items": [everybody, minus]})
        assert members(others) == set(after) - moved
        flow = {**flow, "from": str(first - timedelta(days=1))}
        answer = world.api()("post", "audiences/preview/", {"rule": {**leaf, "flow": flow}})
        assert (answer.status_code, answer.json()["code"]) == (409, "model_day_missing")


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({}, {"a0001": "P", "a0002": "L", "a0003": "A", "z1": "P"}),
        ({"channel": "channel", "sum_channels": True}, {"a0001": "P", "a0002": "L", "a0003": "A", "z1": "L"}),
    ],
)
def test_the_worked_example_of_customers_is_the_same_on_both_engines(
    world: World, both: list[Place], on: Any, more: dict[str, Any], expected: dict[str, str]
) -> None:
    on("2021-12-16")
    head, *lines = EXAMPLE.strip().splitlines()
    lines += ["z1,z9,app,2020/10/10,600,1,0,1", "z1,z9,官网,2020/10/10,600,1,0,1"]
    rows = [tuple(int(part) if part.isdecimal() else part for part in line.split(",")) for line in lines]
    ids = [
        {"column": "user_id_2", "id_type": "taobao_nick"},
        # What is no value of the type is none: a UnionID has Latin letters only.
        {"column": "channel", "id_type": "union_id"},
    ]
    found = []
    for place in both:
        put(place, "customers", head, rows)
        source = place.dataset(CUSTOMERS, name=f"Customers {place.source}")
        stages = {key: {"rule": rule, "channels": None} for key, rule in example_rules(source).items()}
        model = made(place, {"dataset": source.pk, "stages": stages, "ids": ids, **more})
        assert stages_of(place, model) == expected
        found.append(([{**row, "channel": row["channel"] or ""} for row in place.rows(model)], model.stats))
    assert [row["user_id_2"] for row in found[0][0]] != [None] * 4
    [(here, stats), (there, others)] = found
    assert {(row["user_unique_id"], row["user_id_2"]) for row in here} == {
        (row["user_unique_id"], row["user_id_2"]) for row in there
    }
    assert {key: stats[key] for key in ("aipl", "filled")} == {key: others[key] for key in ("aipl", "filled")}


def test_a_second_computation_replaces_the_day_and_deletion_leaves_nothing(
    world: World, both: list[Place], on: Any, django_capture_on_commit_callbacks: Any
) -> None:
    on(str(LAST))
    place, dice = both[1], random.Random(3)
    model = of_behaviour(place, random_rows(dice), some_plan(dice))
    engine = get_engine(place.source)
    days = f"SELECT count(*), count(DISTINCT user_unique_id) FROM {engine.path(world.workspace, f'{model.pk}_days')}"
    before = services.overview(model)
    assert before["users"] == model.users > 0
    world.compute(model)
    assert model.version == 2 and engine.rows(days) == [(model.users, model.users)]
    assert services.overview(model) == before
    assert [name for name in place.tables() if name.startswith(model.pk)] == [
        f"{model.pk}_day_counts",
        f"{model.pk}_days",
        f"{model.pk}_v1",
        f"{model.pk}_v2",
    ]
    key = model.pk
    with django_capture_on_commit_callbacks(execute=True):
        datasets.delete(world.access, model)
    assert not [name for name in place.tables() if name.startswith(key)]


def test_a_day_that_cannot_be_written_whole_stays_as_it_was(world: World, both: list[Place], on: Any) -> None:
    on(str(LAST))
    dice = random.Random(5)
    for place in both:
        model = of_behaviour(place, random_rows(dice), some_plan(dice))
        before = services.overview(model)
        nobody = "(SELECT NULL::VARCHAR AS user_unique_id, NULL::VARCHAR AS stage WHERE false)"
        with (
            pytest.raises(DomainError),
            get_engine(place.source).transaction(world.workspace) as work,
        ):
            assert aipl_days.replace_day(work, model.pk, LAST, nobody) == dict.fromkeys(STAGES, 0)
            work.rows("SELECT nothing FROM nowhere")
        assert services.overview(model) == before


def test_a_model_lives_where_its_dataset_does_and_nowhere_else(
    world: World, both: list[Place], on: Any
) -> None:
    on(str(LAST))
    dice = random.Random(1)
    rows, plan = random_rows(dice), some_plan(dice)
    here, there = (of_behaviour(place, rows, plan) for place in both)
    call, source = world.api(), both[1].source
    assert call("get", f"datasets/{there.pk}/").json()["source"] == source
    given = {"name": "New", "kind": "aipl", **{key: there.definition[key] for key in ("dataset", "stages")}}
    refused = call("post", "datasets/", {**given, "source": "lake"})
    assert (refused.status_code, refused.json()["code"]) == (400, "validation_failed")
    assert "“Warehouse”" in refused.json()["errors"]["dataset"][0]
    mixed = {**given["stages"], "L": here.definition["stages"]["L"]}
    refused = call("post", "datasets/", {**given, "stages": mixed})
    assert (refused.status_code, list(refused.json()["errors"])) == (400, ["stages/L/rule/dataset"])
    moved = {key: here.definition[key] for key in ("dataset", "stages")}
    refused = call("patch", f"datasets/{there.pk}/", moved)
    assert refused.status_code == 400 and "“Built-in”" in refused.json()["errors"]["dataset"][0]
    accepted = call("post", "datasets/", {**given, "source": source})
    assert (accepted.status_code, accepted.json()["source"]) == (201, source)
    leaves = [{"kind": "aipl", "dataset": model.pk, "stages": ["A"]} for model in (here, there)]
    refused = call("post", "audiences/preview/", {"rule": {"op": "union", "items": leaves}})
    assert (refused.status_code, list(refused.json()["errors"])) == (400, ["rule/items/1/dataset"])
    refused = call("delete", f"datasets/{there.definition['dataset']}/")
    assert (refused.status_code, refused.json()["code"]) == (409, "in_use")
    copied = call("post", f"datasets/{there.pk}/copy/", {"name": "Again"})
    assert (copied.status_code, copied.json()["source"]) == (201, source)


def test_the_pages_of_a_model_in_a_database_show_it(world: World, both: list[Place], on: Any) -> None:
    on(str(LAST))
    place, dice = both[1], random.Random(2)
    rows, plan = random_rows(dice), some_plan(dice)
    model = of_behaviour(place, rows, plan)
    services.recompute(world.access, model, 2)
    world.run_jobs()
    browser, base = world.browser()
    pages = base.replace("datasets/", "")
    source = model.definition["dataset"]
    chosen = browser.get(f"{pages}aipl/new/", {"source": place.source, "table": "lived"})
    assert chosen.context["chosen"] == source and "· Warehouse" in chosen.content.decode()
    form = browser.get(f"{pages}aipl/new/", {"dataset": source})
    assert form.status_code == 200
    posted = {
        "name": "By page",
        "stages": json.dumps(model.definition["stages"]),
        "channel_source": "all",
        **{key: value for key, value in form.context["form"].initial.items() if isinstance(value, str)},
    }
    answer = browser.post(f"{pages}aipl/new/?dataset={source}", {**posted, "name": "By page"})
    assert answer.status_code == 302, answer.context["form"].errors
    world.run_jobs()
    by_page = Dataset.objects.get(name="By page")
    assert (by_page.source, by_page.state, by_page.users) == (place.source, "ready", model.users)
    assert browser.get(f"{base}{model.pk}/").context["panel"]["stages"][0]["users"] is not None
    users = browser.get(f"{pages}aipl/users/", {"model": model.pk})
    assert users.context["days"] == ["2026-03-31", "2026-03-30", "2026-03-29"]
    flow = browser.get(f"{pages}aipl/flow/", {"model": model.pk})
    assert flow.status_code == 200 and model.name in flow.content.decode()


def test_a_model_in_a_database_is_pushed_with_its_facts(world: World, both: list[Place], on: Any) -> None:
    on(str(LAST))
    dice = random.Random(4)
    rows, plan = random_rows(dice), some_plan(dice) | {"L": ("visit", 30, 1, ["app", "web"])}
    sent = []
    for place in both:
        model = of_behaviour(place, rows, plan, channel_source="online")
        chosen = [{"kind": "id", "column": "user_unique_id"}, {"kind": "id", "column": "card"}]
        content = pushes.of(model).content(Push(dataset=model, fields=chosen))
        found = [row for batch in content.batches for row in batch.to_pylist()]
        assert (content.number, content.users, len(found)) == (1, model.users, model.users)
        sent.append(sorted(found, key=lambda row: row["user_unique_id"]))
    assert sent[0] == sent[1]
    assert {row["fact_stage"]: row["fact_channel"] for row in sent[1]}["L"] == ["app", "web"]


def test_a_database_that_does_not_answer_is_named_and_the_stages_stay(
    world: World, both: list[Place], on: Any
) -> None:
    on(str(LAST))
    place, dice = both[1], random.Random(6)
    model = of_behaviour(place, random_rows(dice), some_plan(dice))
    assert place.server is not None
    place.server.run(f"ALTER ROLE {place.server.user} PASSWORD 'another'")
    places.close(place)
    cache.clear()
    world.compute(model)
    assert (model.state, model.error_code, model.version) == ("failed", "auth_failed", 1)
    assert model.stats["aipl"]["day"] == str(LAST)
    answer = world.api()("get", f"datasets/{model.pk}/aipl/overview/")
    assert (answer.status_code, answer.json()["code"]) == (502, "auth_failed")
    browser, base = world.browser()
    assert browser.get(f"{base}{model.pk}/").status_code == 200
    here = of_behaviour(both[0], random_rows(dice), some_plan(dice))
    for name in ("users", "flow"):
        page = browser.get(base.replace("datasets", "aipl") + f"{name}/", {"model": model.pk})
        assert page.status_code == 502 and model.error in html.unescape(page.content.decode())
        assert f'value="{here.pk}"' in page.content.decode()
    connection = Connection.objects.get(pk=place.source)
    assert world.api()("delete", f"sources/{connection.pk}/").status_code == 409
