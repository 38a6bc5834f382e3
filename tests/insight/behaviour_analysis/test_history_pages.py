"""Pages and API of an audience over time."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

from django.test import Client
from rest_framework.test import APIClient

from admin_center.permissions.models import Role
from insight.audiences import refreshing
from insight.audiences import services as audiences
from insight.audiences.models import Audience
from insight.behaviour_analysis import history
from tests.factories import make_access, make_token
from tests.insight.audiences.world import PEOPLE, World, new_version, people_table
from tests.insight.behaviour_analysis.pages import (
    RunJobs,
    computed,
    page,
)


def test_an_audience_over_time(world: World, console: Client, run_jobs: RunJobs) -> None:
    made = audiences.create(world.access, {"name": "Anybody", "rule": world.tag("gender", "in", ["f", "m"])})
    never = console.get(page(world, f"history/{made.pk}/")).content.decode()
    assert "Not computed yet" in never
    run_jobs()
    new_version(
        world.members,
        people_table([*PEOPLE, ("n1", None, "x", None, None, None), ("n2", None, "f", None, None, None)]),
    )
    refreshing.refresh(world.access, made)
    run_jobs()
    body = console.get(page(world, f"history/{made.pk}/?tag={world.members.pk}:gender")).content.decode()
    data = json.loads(body.split('id="history-data" type="application/json">')[1].split("</script>")[0])
    assert [(row["count"], row["joined"], row["left"]) for row in data["versions"]] == [
        (7, None, None),
        (8, 1, 0),
    ]

    def part(number: int, value: str) -> str:
        where = page(world, f"history/{made.pk}/versions/{number}/audience/")
        return f"{where}?{urlencode({'tag': f'{world.members.pk}:gender', 'value': value})}"

    assert data["composition"] == {
        "values": [
            {"value": "f", "label": "f", "kind": "value"},
            {"value": "m", "label": "m", "kind": "value"},
        ],
        "versions": [
            {"number": number, "counts": counts, "urls": [part(number, "f"), part(number, "m")]}
            for number, counts in ((1, [4, 3]), (2, [5, 3]))
        ],
    }
    text = console.get(page(world, f"history/{made.pk}/versions.csv?tag={world.members.pk}:gender"))
    rows = list(csv.reader(io.StringIO(text.content.decode("utf-8-sig"))))
    assert rows[2][2:] == ["8", "1", "0", "5", "3"]
    client = APIClient(HTTP_AUTHORIZATION=f"Bearer {make_token(world.access)}")
    path = f"/api/v1/workspaces/{world.workspace.slug}/audiences/{made.pk}/history/"
    assert client.get(path).json()["versions"][1]["count"] == 8
    found = client.get(f"{path}?dataset={world.members.pk}&tag=gender").json()["composition"]
    for row in data["composition"]["versions"]:
        del row["urls"]
    assert found == data["composition"]
    assert client.get(f"{path}?dataset={world.members.pk}&tag=spend").status_code == 400
    assert client.get(f"{path}?dataset=ds_none&tag=gender").status_code == 404


def test_a_version_gone_by_becomes_an_audience_and_its_changes_are_a_step_away(
    world: World, console: Client, run_jobs: RunJobs
) -> None:
    made = audiences.create(world.access, {"name": "Anybody", "rule": world.tag("gender", "in", ["f", "m"])})
    run_jobs()
    new_version(world.members, people_table([*PEOPLE, ("n2", None, "f", None, None, None)]))
    refreshing.refresh(world.access, made)
    run_jobs()
    where = page(world, f"history/{made.pk}/")
    body = console.get(where).content.decode()
    data = json.loads(body.split('id="history-data" type="application/json">')[1].split("</script>")[0])
    first, second = data["versions"]
    assert second["changes_url"].endswith(f"audiences/{made.pk}/compare/?from=1&to=2")
    assert not first["changes_url"] and body.count(f'href="{first["url"]}"') == 1
    assert console.get(second["changes_url"]).context["found"]["joined"] == 1
    form = console.get(first["url"]).content.decode()
    assert "data-count>7<" in form and "version 1" in form
    assert console.post(first["url"], {"name": "As it was"}).status_code == 302
    kept = Audience.objects.get(name="As it was")
    assert computed(run_jobs, kept.pk).count == 7
    assert made.versions.get(number=1).is_snapshot and "version 1" in kept.remark
    assert console.get(f"{where}versions/9/audience/").status_code == 404
    made.versions.filter(number=2).update(dropped_at=datetime(2026, 1, 1, tzinfo=UTC))
    assert console.get(second["url"]).status_code == 409
    body = console.get(where).content.decode()
    assert second["url"] not in body and second["changes_url"].replace("&", "&amp;") not in body


def test_those_with_a_value_in_a_version_gone_by_become_an_audience(
    world: World, console: Client, call: Any, run_jobs: RunJobs
) -> None:
    leaf = {"kind": "tag", "dataset": world.members.pk, "tag": "gender"}
    everybody = {"op": "union", "items": [{**leaf, "operator": way} for way in ("empty", "not_empty")]}
    made = audiences.create(world.access, {"name": "Anybody", "rule": everybody})
    run_jobs()
    new_version(world.members, people_table([*PEOPLE, ("n2", None, "f", None, None, None)]))
    refreshing.refresh(world.access, made)
    run_jobs()
    given = {"dataset": world.members.pk, "tag": "gender"}
    found = history.composition(world.access, made, world.members.pk, "gender")
    counts = {
        (row["number"], value["value"]): count
        for row in found["versions"]
        for value, count in zip(found["values"], row["counts"], strict=True)
    }
    old = {value: sum(person[2] == value for person in PEOPLE) for value in ("f", "m", None)}
    assert {value: counts[1, value] for value in old} == old and counts[2, "f"] == old["f"] + 1
    for place, (value, people) in enumerate(old.items()):
        query = urlencode({"tag": f"{world.members.pk}:gender", "value": value or ""})
        where = page(world, f"history/{made.pk}/versions/1/audience/?{query}")
        form = console.get(where).content.decode()
        assert f"data-count>{people}<" in form and ("Unknown" if value is None else f"· {value}") in form
        assert console.post(where, {"name": f"Part {place}"}).status_code == 302
        assert computed(run_jobs, Audience.objects.get(name=f"Part {place}").pk).count == people
    path = f"audiences/{made.pk}/history/audiences/"
    part = {**given, "value": "f"}
    answer = call(path, {"version": 1, "part": part, "name": "By the API"})
    assert answer.status_code == 201 and computed(run_jobs, answer.json()["id"]).count == old["f"]
    answer = call(path, {"version": 2, "name": "All of them"})
    assert computed(run_jobs, answer.json()["id"]).count == len(PEOPLE) + 1
    for wrong in ({"tag": "gender"}, "f", {**given, "value": ""}, {**given, "value": 7}):
        assert call(path, {"version": 1, "part": wrong, "name": "Wrong"}).status_code == 400
    assert call(path, {"version": 7, "name": "None"}).status_code == 404
    assert call(path, {"version": 1, "part": {**part, "tag": "nothing"}, "name": "None"}).status_code == 400
    gone = page(world, f"history/{made.pk}/versions/1/audience/?tag={world.members.pk}:gender&value=zz")
    assert console.get(gone).status_code == 404


def test_who_may_not_change_an_audience_makes_none_of_its_versions(world: World, run_jobs: RunJobs) -> None:
    rule = world.tag("gender", "in", ["f"])
    made = audiences.create(world.access, {"name": "Women", "rule": rule, "public": True})
    run_jobs()
    points = ["insight.audience.list", "insight.audience.analysis", "insight.audience.filter"]
    Role.objects.create(workspace=world.workspace, code="onlooker", name="Onlooker", permissions=points)
    other = make_access(world.workspace, "onlooker")
    browser = Client()
    browser.force_login(other.user)
    where = page(world, f"history/{made.pk}/")
    assert "versions/1/audience/" not in browser.get(where).content.decode()
    assert browser.post(f"{where}versions/1/audience/", {"name": "Mine"}).status_code == 403
    assert not made.versions.get().is_snapshot and Audience.objects.count() == 1
