"""Datasets and audiences mean the same wherever they live, and say what is wrong if their database is away."""

from __future__ import annotations

import csv
import io
import socket
from collections.abc import Callable
from typing import Any

import pytest
from django.core.cache import cache

from cdp.warehouse import get_engine
from insight.audiences.models import Audience
from insight.datasets import granting, services
from insight.datasets.models import Dataset
from insight.datasources.connections import services as sources
from insight.datasources.models import Connection
from tests.factories import make_access
from tests.insight.datasets import places
from tests.insight.datasets.places import DEFINITIONS, Place
from tests.insight.datasets.world import DEFINITION, World
from tests.insight.datasources.servers import reader_of

WOMEN = {"operator": "in", "value": ["f"]}


def rule(dataset: Dataset, tag: str = "gender", **more: Any) -> dict[str, Any]:
    return {"kind": "tag", "dataset": dataset.pk, "tag": tag, **(more or WOMEN)}


def audience(place: Place, asked: Any, name: str = "Women", **more: Any) -> Audience:
    answer = place.world.api()("post", "audiences/", {"name": name, "rule": asked, **more})
    assert answer.status_code == 201, answer.content
    place.world.run_jobs(allow_failure=True)
    return Audience.objects.get(pk=answer.json()["id"])


def exported(place: Place, found: Audience) -> list[list[str]]:
    answer = place.world.api()("get", f"audiences/{found.pk}/export/")
    text = b"".join(answer.streaming_content).decode().lstrip("\ufeff")
    return list(csv.reader(io.StringIO(text)))[1:]


@pytest.mark.parametrize("kind", DEFINITIONS)
def test_both_engines_compute_the_same_version(world: World, database: Place, kind: str) -> None:
    lake = places.lake_place(world)
    here = lake.dataset(DEFINITIONS[kind])
    there = database.dataset(DEFINITIONS[kind], name="There")
    assert (here.state, there.state, there.error) == ("ready", "ready", "")
    assert lake.rows(here) == database.rows(there)
    assert (here.rows, here.users) == (there.rows, there.users)
    assert here.stats == there.stats


def test_an_audience_is_counted_exported_and_looked_at_where_its_dataset_lives(place: Place) -> None:
    dataset, call = place.dataset(), place.world.api()
    preview = call("post", "audiences/preview/", {"rule": rule(dataset)}).json()
    found = audience(place, rule(dataset), save_ids=["one_id", "mobile"])
    assert (found.state, found.source, found.count) == ("succeeded", place.source, 2)
    assert preview["count"] == found.count == len(exported(place, found))
    shown = call("post", "audiences/preview-members/", {"rule": rule(dataset)}).json()
    assert [row[1] for row in shown["rows"]] == ["f", "f"]
    assert call("get", f"audiences/{found.pk}/members/").json()["count"] == 2
    assert found.current is not None and found.current.id_stats["mobile"]["filled"] == 2
    assert call("post", f"audiences/{found.pk}/explain/", {"id": "0001"}).json()["inside"] is True
    values = call("get", f"datasets/{dataset.pk}/values/?tag=interests&search=B").json()["results"]
    assert values == [{"value": "b", "count": 2}]
    asked = {"dataset": dataset.pk, "tags": ["gender"], "audience": found.pk}
    assert call("post", "analysis/perspective/", asked).json()["users"] == 2


def test_audiences_are_combined_compared_and_limited_where_they_live(place: Place) -> None:
    dataset, call = place.dataset(), place.world.api()
    women = audience(place, rule(dataset))
    rich = audience(place, rule(dataset, "spend", operator=">", value=2), "Rich", limit=1)
    data = {
        "name": "Both",
        "inputs": [{"audience": women.pk}, {"audience": rich.pk}],
        "operators": ["intersect"],
    }
    assert call("post", "audiences/combine/", data).status_code == 201
    place.world.run_jobs()
    both = Audience.objects.get(name="Both")
    assert (both.source, both.count, rich.count) == (place.source, 1, 1)
    call("post", f"audiences/{women.pk}/refresh/", {"snapshot": True})
    place.world.run_jobs()
    compared = call("get", f"audiences/{women.pk}/compare/?from=1&to=2").json()
    assert (compared["stayed"], compared["joined"], compared["left"]) == (2, 0, 0)
    parts = call("post", "audiences/overlap/", {"audiences": [women.pk, rich.pk]}).json()
    assert parts["people"] == 2
    behaviour = place.dataset(DEFINITIONS["key_value"])
    did = {"kind": "behaviour", "dataset": behaviour.pk, "type": ["buy"]}
    assert audience(place, did, "Bought").count == 1


def test_rows_are_hidden_by_grants_wherever_they_live(place: Place) -> None:
    dataset, world = place.dataset(), place.world
    granting.share(world.access, dataset, public=False, row_columns=["gender"])
    other = make_access(world.workspace, "analyst")
    granting.grant(
        world.access, dataset, {"user": other.user.username, "right": "use", "rows": {"gender": ["m"]}}
    )
    call = world.api(other)
    assert call("get", f"datasets/{dataset.pk}/").json()["users"] == 1
    asked = {"operator": "not_empty"}
    assert call("post", "audiences/preview/", {"rule": rule(dataset, **asked)}).json()["count"] == 1
    values = call("get", f"datasets/{dataset.pk}/values/?tag=gender").json()["results"]
    assert values == [{"value": "m", "count": 1}]


def test_old_versions_go_and_nothing_is_left_after_deletion(
    place: Place, django_capture_on_commit_callbacks: Any
) -> None:
    dataset, call = place.dataset(), place.world.api()
    found = audience(place, rule(dataset))
    call("get", f"datasets/{dataset.pk}/values/?tag=gender")
    for _round in range(3):
        place.world.compute(dataset)
    versions = [name for name in place.tables() if name.startswith("ds_") and "values" not in name]
    assert versions == [f"{dataset.pk}_v3", f"{dataset.pk}_v4"]
    with django_capture_on_commit_callbacks(execute=True):
        assert call("delete", f"audiences/{found.pk}/").status_code == 204
        assert call("delete", f"datasets/{dataset.pk}/").status_code == 204
    assert place.tables() == []


def test_what_lives_in_different_sources_is_not_mixed(world: World, database: Place) -> None:
    lake = places.lake_place(world)
    here, there, call = lake.dataset(), database.dataset(name="There"), world.api()
    mixed = {"op": "union", "items": [rule(here), rule(there)]}
    answer = call("post", "audiences/", {"name": "Mixed", "rule": mixed})
    assert answer.status_code == 400
    assert list(answer.json()["errors"]) == ["rule/items/1/dataset"]
    assert "“Warehouse”" in answer.json()["errors"]["rule/items/1/dataset"][0]
    women, others = audience(lake, rule(here)), audience(database, rule(there), "Others")
    inputs = [{"audience": women.pk}, {"audience": others.pk}]
    answer = call("post", "audiences/combine/", {"name": "X", "inputs": inputs, "operators": ["union"]})
    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["inputs/1"])
    assert call("post", "audiences/overlap/", {"audiences": [women.pk, others.pk]}).status_code == 400
    answer = call("patch", f"audiences/{women.pk}/", {"rule": rule(there)})
    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["rule"])
    chart = {"dataset": there.pk, "tags": ["gender"], "audience": women.pk}
    assert call("post", "analysis/perspective/", chart).status_code == 400


def test_a_table_or_source_that_is_not_there_is_named(world: World, database: Place) -> None:
    call = world.api()
    answer = call("post", "datasets/", {**DEFINITION, "source": database.source, "table": "nothing"})
    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["table"])
    answer = call("post", "datasets/", {**DEFINITION, "source": "src_nothing"})
    assert (answer.status_code, list(answer.json()["errors"])) == (400, ["source"])


CHANGES = {
    "table_missing": "DROP TABLE members",
    "column_missing": "ALTER TABLE members DROP COLUMN member",
}


@pytest.mark.parametrize("code", CHANGES)
def test_a_refresh_without_its_table_or_identifier_fails_and_the_last_version_stays(
    database: Place, code: str
) -> None:
    dataset = database.dataset()
    assert database.server is not None
    database.server.run(CHANGES[code])
    database.world.compute(dataset)
    assert (dataset.state, dataset.version) == ("failed", 1)
    assert ("no longer" in dataset.error) and "psycopg" not in dataset.error
    found = audience(database, rule(dataset))
    assert (found.state, found.count) == ("succeeded", 2)


def test_a_retyped_or_lost_tag_is_told_as_a_warning(database: Place) -> None:
    dataset = database.dataset()
    assert database.server is not None
    database.server.run(
        "ALTER TABLE members DROP COLUMN gender",
        "ALTER TABLE members ALTER COLUMN day TYPE date USING date '2026-02-03'",
    )
    database.world.compute(dataset)
    assert dataset.state == "ready" and dataset.stats["lost"] == ["gender"]
    assert {str(row["day"]) for row in database.rows(dataset)} == {"2026-02-03"}


def change_password(place: Place) -> str:
    assert place.server is not None
    place.server.run(f"ALTER ROLE {place.server.user} PASSWORD 'another'")
    return place.server.user


def move_away(place: Place) -> str:
    """The server no longer answers where it was."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    Connection.objects.filter(pk=place.source).update(port=port)
    return str(port)


@pytest.mark.parametrize(
    ("change", "code"), [(change_password, "auth_failed"), (move_away, "source_unreachable")]
)
def test_a_database_that_does_not_answer_is_named_and_the_last_version_stays(
    database: Place, change: Callable[[Place], str], code: str
) -> None:
    dataset, call = database.dataset(), database.world.api()
    found = audience(database, rule(dataset))
    reason = change(database)
    places.close(database)
    cache.clear()
    database.world.compute(dataset)
    assert (dataset.state, dataset.version) == ("failed", 1) and reason in dataset.error
    answer = call("post", "audiences/preview/", {"rule": rule(dataset)})
    assert (answer.status_code, answer.json()["code"]) == (502, code)
    call("post", f"audiences/{found.pk}/refresh/")
    database.world.run_jobs(allow_failure=True)
    found.refresh_from_db()
    assert (found.state, found.reason_code, found.version, found.count) == ("failed", code, 1, 2)
    browser, base = database.world.browser()
    assert browser.get(base).status_code == browser.get(f"{base}{dataset.pk}/").status_code == 200
    assert browser.get(base.replace("datasets", "audiences") + f"{found.pk}/").status_code == 200


def test_an_edited_source_is_asked_with_its_new_settings(database: Place) -> None:
    dataset, world = database.dataset(), database.world
    assert database.server is not None
    source = Connection.objects.get(pk=database.source)
    before = get_engine(source.pk)
    database.server.run(f"ALTER ROLE {database.server.user} PASSWORD 'another'")
    sources.update(world.access, source, {"password": "another"})
    assert get_engine(source.pk) is not before
    world.compute(dataset)
    assert (dataset.state, dataset.version) == ("ready", 2)


def test_a_source_with_datasets_cannot_be_removed_or_switched_off(database: Place) -> None:
    dataset, call = database.dataset(), database.world.api()
    answer = call("delete", f"sources/{database.source}/")
    assert (answer.status_code, answer.json()["code"]) == (409, "in_use")
    assert dataset.name in answer.json()["detail"]
    answer = call("patch", f"sources/{database.source}/", {"push_down": False})
    assert (answer.status_code, list(answer.json()["errors"])) == (409, ["push_down"])
    services.delete(database.world.access, dataset)
    assert call("delete", f"sources/{database.source}/").status_code == 204


def test_an_account_that_only_reads_holds_no_datasets(world: World, database: Place) -> None:
    server = database.server
    assert server is not None
    with reader_of(server) as reader:
        refused = world.api()("post", "sources/", reader.settings(name="Read", push_down=True))
        saved = world.api()("post", "sources/", reader.settings(name="Read"))
    assert (refused.status_code, list(refused.json()["errors"])) == (400, ["push_down"])
    assert (saved.status_code, saved.json()["capabilities"]) == (201, ["ingest"])
    assert world.api()("get", f"sources/{database.source}/").json()["capabilities"] == [
        *("ingest", "write_back", "push_down")
    ]


def test_the_wizard_makes_a_dataset_where_its_table_lies(world: World, database: Place) -> None:
    browser, base = world.browser()
    page = browser.get(f"{base}new/?source={database.source}").content.decode()
    assert "Warehouse" in page and "purchases" in page and 'value="rfm"' in page
    path = f"new/?source={database.source}&table=members&kind=user_tags"
    posted = world.wizard(path, name="From the warehouse", source=database.source, rows_per_user="many")
    assert posted["kind"] == "user_tags"
    answer = browser.post(f"{base}new/", posted)
    assert answer.status_code == 302, answer.content.decode()
    world.run_jobs()
    made = Dataset.objects.get(name="From the warehouse")
    assert (made.source, made.remote, made.state) == (database.source, "members", "ready")
    for url in ("", f"{made.pk}/"):
        assert "Warehouse" in browser.get(base + url).content.decode()
    assert 'name="source"' in browser.get(f"{base}{made.pk}/edit/").content.decode()


def test_behaviour_is_analysed_and_its_parts_are_kept_where_it_lives(place: Place) -> None:
    purchases, members = place.dataset(DEFINITIONS["wide"]), place.dataset(name="People")
    call = place.world.api()
    steps = [
        {"objects": [{"name": "Category", "operator": "in", "value": [value]}]} for value in ("coats", "hats")
    ]
    period = {"dataset": purchases.pk, "from": "2026-01-01", "to": "2026-02-28"}
    split = {"dataset": members.pk, "tag": "gender"}
    asked = {**period, "steps": steps, "days": 7, "split": split}
    funnel = call("post", "analysis/funnel/", asked)
    assert funnel.status_code == 200, funnel.content
    assert [step["users"] for step in funnel.json()["steps"]] == [1, 1]
    assert funnel.json()["steps"][1]["median_seconds"] == 84_600
    retention = call("post", "analysis/retention/", {**period, "unit": "month"})
    assert retention.status_code == 200, retention.content
    assert [row["users"] for row in retention.json()["cohorts"]] == [2, 1]
    paths = call("post", "analysis/paths/", {**period, "start": "purchase", "within": 7})
    assert paths.status_code == 200, paths.content
    nodes = {(node["level"], node["type"]): node["users"] for node in paths.json()["nodes"]}
    assert nodes == {(0, "purchase"): 3, (1, "purchase"): 1, (1, None): 2, (2, None): 1}
    for path, query, part in (
        ("funnel", asked, {"step": 2, "outcome": "reached"}),
        ("paths", {**period, "start": "purchase", "within": 7}, {"level": 1, "type": "purchase"}),
    ):
        made = call("post", f"analysis/{path}/audiences/", {"query": query, "part": part, "name": path})
        assert made.status_code == 201, made.content
        place.world.run_jobs()
        kept = Audience.objects.get(name=path)
        assert (kept.source, kept.count, exported(place, kept)[0][0]) == (place.source, 1, "u1")
    kept_history = call("get", f"audiences/{kept.pk}/history/?dataset={members.pk}&tag=gender")
    assert kept_history.status_code == 200, kept_history.content
