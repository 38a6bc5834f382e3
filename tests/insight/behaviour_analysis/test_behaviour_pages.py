"""Pages and API of funnels, retention and paths."""

from __future__ import annotations

import csv
import io
import json
import re
from datetime import datetime
from typing import Any

import pytest
from django.test import Client
from rest_framework.test import APIClient

from admin_center.permissions.models import Role
from insight.audiences import services as audiences
from insight.datasets.models import Dataset
from tests.factories import make_access, make_token
from tests.insight.audiences.world import World
from tests.insight.behaviour_analysis.ground import dataset_of
from tests.insight.behaviour_analysis.pages import (
    FUNNEL,
    PERIOD,
    RunJobs,
    computed,
    kept_or_built,
    links,
    page,
)


def test_the_funnel_opens_with_the_usual_steps_and_each_number_makes_its_audience(
    world: World, records: Dataset, console: Client, run_jobs: RunJobs
) -> None:
    query = (
        f"dataset={records.pk}&from=2026-01-05&to=2026-01-31&type_1=visit&type_2=cart&type_3=purchase&split="
        f"{world.members.pk}:gender"
    )
    body = console.get(page(world, f"funnel/?{query}")).content.decode()
    reached = [re.search(rf'data-reached="{step}".*?>([\d,]+)<', body) for step in (1, 2, 3)]
    assert [int(found[1]) for found in reached if found] == [3, 2, 1]
    assert "33.3 % took all steps" in body and "8 d 0 h" in body and "By value of the tag" in body
    [women] = [found for found in links(body, "step=2&outcome=reached") if found.endswith("value=f")]
    assert kept_or_built(console, run_jobs, world, women, "Women with a cart") == 1
    expected = {"step=1&outcome=reached": 3, "step=2&outcome=reached": 2, "step=1&outcome=dropped": 1}
    for part, count in expected.items():
        [where] = [found for found in links(body, part) if found.endswith(part)]
        assert kept_or_built(console, run_jobs, world, where, part) == count
    lines = list(
        csv.reader(io.StringIO(console.get(page(world, f"funnel.csv?{query}")).content.decode("utf-8-sig")))
    )
    assert [line[3] for line in lines[1:4]] == ["3", "2", "1"] and len(lines) == 1 + 3 * 3
    assert [line[4] for line in lines[1:4]] == ["100.0", "66.7", "33.3"]
    usual = console.get(page(world, f"funnel/?dataset={records.pk}"))
    assert usual.status_code == 200 and "Nobody took the first step" in usual.content.decode()


def test_a_step_can_ask_for_channels_and_objects(world: World, call: Any) -> None:
    steps = [
        {"type": ["purchase"], "channel": ["app"]},
        {"objects": [{"name": "category", "operator": "in", "value": ["shoes"]}]},
    ]
    body = {"dataset": world.orders.pk, "from": "2026-01-01", "to": "2026-02-28", "steps": steps, "days": 60}
    found = call("analysis/funnel/", body).json()
    assert [step["users"] for step in found["steps"]] == [2, 1]
    assert found["steps"][1]["label"] == "Any behaviour · category: shoes"
    wrong = call(
        "analysis/funnel/", {**body, "steps": [steps[0], {"objects": [{"name": "size", "value": ["s"]}]}]}
    )
    assert wrong.status_code == 400 and any(
        path.startswith("steps/1/objects") for path in wrong.json()["errors"]
    )
    assert "steps/0/when" in call("analysis/funnel/", {**body, "steps": [{"when": 1}, {}]}).json()["errors"]
    assert "steps" in call("analysis/funnel/", {**body, "steps": [{}]}).json()["errors"]
    assert "days" in call("analysis/funnel/", {**body, "days": 0}).json()["errors"]
    assert "to" in call("analysis/funnel/", {**body, "to": "2025-01-01"}).json()["errors"]
    for path in ("analysis/funnel/", "analysis/retention/", "analysis/paths/"):
        asked = {**body, "from": "0001-01-01", "to": "9999-12-31", "start": "purchase", "unit": "month"}
        assert set(call(path, asked).json()["errors"]) == {"from", "to"}
    split = {"dataset": world.members.pk, "tag": "spend"}
    assert "split" in call("analysis/funnel/", {**body, "split": split}).json()["errors"]
    assert call("analysis/funnel/", {**body, "dataset": "ds_none"}).status_code == 404
    assert "dataset" in call("analysis/funnel/", {**body, "dataset": world.members.pk}).json()["errors"]


def test_the_people_of_an_audience_need_the_right_to_analyse_audiences(
    world: World, records: Dataset, run_jobs: RunJobs
) -> None:
    Role.objects.filter(workspace=world.workspace, code="analyst").update(permissions=["insight.analysis"])
    reader = make_access(world.workspace, "analyst")
    Dataset.objects.filter(pk=records.pk).update(public=True)
    made = audiences.create(world.access, {"name": "Women", "rule": world.women, "public": True})
    run_jobs()
    client = APIClient(HTTP_AUTHORIZATION=f"Bearer {make_token(reader)}")
    address = f"/api/v1/workspaces/{world.workspace.slug}/analysis/retention/"
    asked = {**PERIOD, "dataset": records.pk}
    assert client.post(address, asked, format="json").status_code == 200
    assert client.post(address, {**asked, "audience": made.pk}, format="json").status_code == 403
    console = Client()
    console.force_login(reader.user)
    assert made.pk not in console.get(page(world, f"retention/?dataset={records.pk}")).content.decode()


def test_an_audience_limits_everything(world: World, records: Dataset, call: Any, run_jobs: RunJobs) -> None:
    made = audiences.create(world.access, {"name": "Women", "rule": world.women})
    body = {**FUNNEL, "dataset": records.pk, "audience": made.pk}
    assert call("analysis/funnel/", body).json()["code"] == "audience_empty"
    run_jobs()
    assert [step["users"] for step in call("analysis/funnel/", body).json()["steps"]] == [2, 1, 0]
    split = {"dataset": world.members.pk, "tag": "gender"}
    values = call("analysis/funnel/", {**body, "split": split}).json()["split"]
    assert [(row["value"], row["people"]) for row in values] == [("f", 2)]
    cohorts = call("analysis/retention/", {**PERIOD, "dataset": records.pk, "audience": made.pk}).json()[
        "cohorts"
    ]
    assert sum(row["users"] for row in cohorts) == 2
    paths = call(
        "analysis/paths/", {**PERIOD, "dataset": records.pk, "audience": made.pk, "start": "visit"}
    ).json()
    assert paths["people"] == 2


def test_audiences_by_the_api_have_exactly_the_counted_people(
    world: World, records: Dataset, call: Any, run_jobs: RunJobs
) -> None:
    query = {**FUNNEL, "dataset": records.pk}
    for step, outcome, count in ((1, "reached", 3), (1, "dropped", 1), (3, "reached", 1)):
        data = {"query": query, "part": {"step": step, "outcome": outcome}, "name": f"{step} {outcome}"}
        made = call("analysis/funnel/audiences/", data)
        assert made.status_code == 201, made.json()
        assert made.json()["origin"] == ("selection" if (step, outcome) == (1, "reached") else "analysis")
        assert computed(run_jobs, made.json()["id"]).count == count
    last = {"query": query, "part": {"step": 3, "outcome": "dropped"}, "name": "None"}
    assert "step" in call("analysis/funnel/audiences/", last).json()["errors"]
    paths = {**PERIOD, "dataset": records.pk, "start": "visit", "within": 10, "levels": 2}
    found = call("analysis/paths/", paths).json()
    link = next(row for row in found["links"] if (row["from"], row["to"]) == ("visit", "cart"))
    part = {"level": link["level"], "type": "cart", "from": "visit"}
    made = call("analysis/paths/audiences/", {"query": paths, "part": part, "name": "To the cart"})
    assert computed(run_jobs, made.json()["id"]).count == link["users"] == 2
    ended = {"query": paths, "part": {"level": 2, "type": None}, "name": "Only one step"}
    assert computed(run_jobs, call("analysis/paths/audiences/", ended).json()["id"]).count == 2
    never = call("analysis/paths/audiences/", {**ended, "part": {"level": 0, "type": None}})
    assert set(never.json()["errors"]) == {"type"}
    assert call("analysis/paths/audiences/", {"query": paths, "name": "x"}).status_code == 400
    weeks = {**PERIOD, "dataset": records.pk, "unit": "week", "first": {"type": ["visit"]}}
    cohort = call("analysis/retention/", weeks).json()["cohorts"][0]
    assert (cohort["start"], cohort["users"], cohort["periods"][0]["users"]) == ("2026-01-05", 2, 1)
    for offset, count in ((0, 2), (1, 1)):
        data = {"query": weeks, "part": {"cohort": "2026-01-05", "offset": offset}, "name": f"Weeks {offset}"}
        made = call("analysis/retention/audiences/", data)
        assert computed(run_jobs, made.json()["id"]).count == count


@pytest.mark.parametrize("by", ["gender", "Women"])
def test_the_cohorts_of_a_split_add_up_to_those_of_everybody(
    world: World, records: Dataset, call: Any, run_jobs: RunJobs, by: str
) -> None:
    made = audiences.create(world.access, {"name": "Women", "rule": world.women})
    run_jobs()
    split = {"audience": made.pk} if by == "Women" else {"dataset": world.members.pk, "tag": by}
    found = call("analysis/retention/", {**PERIOD, "dataset": records.pk, "split": split}).json()
    rows = {row["value"]: (row["label"], row["users"]) for row in found["split"]}
    if by == "Women":
        assert rows == {"in": ("In “Women”", 2), "out": ("Not in “Women”", 2)}
    else:
        assert rows == {"f": ("f", 2), "m": ("m", 1), None: ("Unknown", 1)}
    for place, cohort in enumerate(found["cohorts"]):
        parts = [row["cohorts"][place] for row in found["split"]]
        assert sum(part["users"] for part in parts) == cohort["users"]
        for offset, period in enumerate(cohort["periods"]):
            assert sum(part["periods"][offset]["users"] for part in parts) == period["users"]
    assert found["split"][0]["average"][0] == 0.5


@pytest.mark.parametrize(
    ("part", "count"),
    [
        ({"cohort": "all", "offset": 0, "value": "f"}, 2),
        ({"cohort": "all", "offset": 0, "value": None}, 1),
        ({"cohort": "2026-01-05", "offset": 1, "value": "m"}, 1),
        ({"cohort": "2026-01-05", "offset": 0}, 2),
    ],
)
def test_a_value_of_a_split_retention_becomes_an_audience_of_its_people(
    world: World, records: Dataset, call: Any, run_jobs: RunJobs, part: dict[str, Any], count: int
) -> None:
    split = {"dataset": world.members.pk, "tag": "gender"}
    query = {**PERIOD, "dataset": records.pk, "split": split}
    made = call("analysis/retention/audiences/", {"query": query, "part": part, "name": "Part"})
    assert made.status_code == 201, made.json()
    assert computed(run_jobs, made.json()["id"]).count == count


def test_a_value_of_a_split_funnel_becomes_an_audience_of_its_people(
    world: World, records: Dataset, call: Any, run_jobs: RunJobs
) -> None:
    women = audiences.create(world.access, {"name": "Women", "rule": world.women})
    run_jobs()
    by_gender = {"dataset": world.members.pk, "tag": "gender"}
    wanted = [
        (by_gender, {"step": 1, "outcome": "reached", "value": "f"}, 2, "selection"),
        (by_gender, {"step": 2, "outcome": "reached", "value": "f"}, 1, "analysis"),
        (by_gender, {"step": 1, "outcome": "reached", "value": None}, 0, "selection"),
        (by_gender, {"step": 2, "outcome": "reached", "value": None}, 0, "analysis"),
        ({"audience": women.pk}, {"step": 2, "outcome": "reached", "value": "out"}, 1, "analysis"),
        ({"audience": women.pk}, {"step": 1, "outcome": "reached", "value": "out"}, 1, "selection"),
    ]
    for place, (split, part, count, origin) in enumerate(wanted):
        query = {**FUNNEL, "dataset": records.pk, "split": split}
        data = {"query": query, "part": part, "name": f"Part {place}"}
        made = call("analysis/funnel/audiences/", data).json()
        assert (made["origin"], computed(run_jobs, made["id"]).count) == (origin, count), part


def test_a_value_without_a_split_and_a_split_by_an_unknown_audience_are_refused(
    world: World, records: Dataset, call: Any
) -> None:
    query = {**PERIOD, "dataset": records.pk}
    data = {"query": query, "part": {"cohort": "all", "offset": 0, "value": "f"}, "name": "Part"}
    assert "value" in call("analysis/retention/audiences/", data).json()["errors"]
    data["part"] = {"cohort": "all", "offset": 1}
    assert "offset" in call("analysis/retention/audiences/", data).json()["errors"]
    spend = {"split": {"dataset": world.members.pk, "tag": "spend"}}
    assert "split" in call("analysis/retention/", {**query, **spend}).json()["errors"]
    assert call("analysis/retention/", {**query, "split": {"audience": "aud_x"}}).status_code == 404


def test_split_retention_and_its_file_show_each_value_and_lead_to_its_people(
    world: World, records: Dataset, console: Client, run_jobs: RunJobs
) -> None:
    split = f"{world.members.pk}:gender"
    query = f"dataset={records.pk}&from=2026-01-05&to=2026-01-31&unit=week&split={split}"
    body = console.get(page(world, f"retention/?{query}")).content.decode()
    assert "By value of the tag" in body
    [women] = [found for found in links(body, "cohort=all") if found.endswith("value=f")]
    [others] = [found for found in links(body, "cohort=all") if found.endswith("value=")]
    assert kept_or_built(console, run_jobs, world, women, "Women who came") == 2
    assert kept_or_built(console, run_jobs, world, others, "Others who came") == 1
    text = console.get(page(world, f"retention.csv?{query}")).content.decode("utf-8-sig")
    lines = list(csv.DictReader(io.StringIO(text)))
    new = {name: sum(int(line["New"]) for line in lines if line["Group"] == name) for name in ("All", "f")}
    assert new == {"All": 4, "f": 2}


def test_a_kept_audience_can_be_copied_and_deleted(
    world: World, records: Dataset, call: Any, run_jobs: RunJobs
) -> None:
    data = {
        "query": {**FUNNEL, "dataset": records.pk},
        "part": {"step": 2, "outcome": "reached"},
        "name": "Kept",
    }
    made = computed(run_jobs, call("analysis/funnel/audiences/", data).json()["id"])
    copied = audiences.copy(world.access, made, {"name": "Copy"})
    assert computed(run_jobs, copied.pk).count == 2
    audiences.delete(world.access, made)
    assert computed(run_jobs, copied.pk).count == 2


def test_retention_shows_cohorts_and_its_numbers_make_audiences(
    world: World, records: Dataset, console: Client, run_jobs: RunJobs
) -> None:
    query = f"dataset={records.pk}&from=2026-01-05&to=2026-01-31&unit=week"
    body = console.get(page(world, f"retention/?{query}")).content.decode()
    assert "2026-01-05" in body and "50.0 %" in body
    [where] = [found for found in links(body, "cohort=2026-01-05") if found.endswith("offset=1")]
    assert kept_or_built(console, run_jobs, world, where, "Came back") == 1
    rows = list(
        csv.reader(
            io.StringIO(console.get(page(world, f"retention.csv?{query}")).content.decode("utf-8-sig"))
        )
    )
    assert rows[1][:3] == ["2026-01-05", "2", "1"]
    assert rows[0][5] == "% +1" and rows[1][5] == "50.0", "as the page has it"
    empty = console.get(page(world, f"retention/?dataset={records.pk}&from=2025-01-06&to=2025-01-31"))
    assert "Nobody came for the first time" in empty.content.decode()
    long = console.get(page(world, f"retention/?dataset={records.pk}&from=2020-01-06&to=2025-01-31"))
    assert long.status_code == 422 and "at most 60" in long.content.decode()


def test_paths_show_what_came_next_and_their_parts_make_audiences(
    world: World, records: Dataset, console: Client, run_jobs: RunJobs
) -> None:
    query = f"dataset={records.pk}&from=2026-01-05&to=2026-01-31&start=visit&within=10&unit=days&levels=3"
    body = console.get(page(world, f"paths/?{query}")).content.decode()
    data = json.loads(body.split('id="paths-data" type="application/json">')[1].split("</script>")[0])
    assert {(row["level"], row["from"], row["to"]): row["users"] for row in data["links"]} == {
        (1, "visit", "cart"): 2,
        (1, "visit", "visit"): 1,
        (2, "cart", "purchase"): 1,
        (2, "cart", None): 1,
        (2, "visit", None): 1,
        (3, "purchase", None): 1,
    }
    where = next(row["url"] for row in data["links"] if row["to"] == "cart")
    assert kept_or_built(console, run_jobs, world, where, "Cart next") == 2
    node = next(row["url"] for row in data["nodes"] if row["level"] == 0)
    assert kept_or_built(console, run_jobs, world, node, "Started") == 3
    ended = next(row["url"] for row in data["nodes"] if (row["level"], row["type"]) == (2, None))
    assert kept_or_built(console, run_jobs, world, ended, "Only one step") == 2
    left = next(row["url"] for row in data["links"] if (row["from"], row["to"]) == ("cart", None))
    assert kept_or_built(console, run_jobs, world, left, "Cart left") == 1
    lines = console.get(page(world, f"paths.csv?{query}")).content.decode("utf-8-sig").splitlines()
    assert lines[1] == "1,visit,cart,2,66.7" and "2,cart,No further,1,33.3" in lines
    none = console.get(page(world, f"paths/?dataset={records.pk}&start=visit&from=2025-01-01&to=2025-01-02"))
    assert "No path starts here" in none.content.decode()


def test_types_beyond_the_eight_most_frequent_are_other(world: World, call: Any, run_jobs: RunJobs) -> None:
    rows = [("u1", datetime(2026, 1, 5, 10), "start")]
    for number in range(12):
        for person in range(1 + (number < 8)):
            user = f"p{number}-{person}"
            rows += [
                (user, datetime(2026, 1, 5, 10), "start"),
                (user, datetime(2026, 1, 5, 11), f"t{number:02d}"),
            ]
    query = {**PERIOD, "dataset": dataset_of(world.workspace, rows).pk, "start": "start", "levels": 1}
    found = call("analysis/paths/", query).json()
    level = [(node["type"], node["users"]) for node in found["nodes"] if node["level"] == 1]
    assert len(level) == 10 and level[-2:] == [("", 4), (None, 1)]
    data = {"query": query, "part": {"level": 1, "type": "", "from": "start"}, "name": "Others"}
    assert computed(run_jobs, call("analysis/paths/audiences/", data).json()["id"]).count == 4


def test_pages_without_a_dataset_say_what_to_do(world: World, console: Client) -> None:
    for name in ("funnel/", "retention/", "paths/"):
        assert "No computed behaviour dataset yet" in console.get(page(world, name)).content.decode()
    assert console.get(page(world, "funnel.csv")).status_code == 404


def test_the_right_to_analyse_and_to_make_audiences(world: World, records: Dataset) -> None:
    body = {**FUNNEL, "dataset": records.pk}
    url = f"/api/v1/workspaces/{world.workspace.slug}/analysis/funnel/"

    def client(*scopes: str) -> APIClient:
        return APIClient(HTTP_AUTHORIZATION=f"Bearer {make_token(world.access, *scopes)}")

    part = {"query": body, "part": {"step": 2, "outcome": "reached"}, "name": "Kept"}
    assert client("insight.dataset.view").post(url, body, format="json").status_code == 403
    assert client("insight.analysis").post(url, body, format="json").status_code == 200
    assert client("insight.analysis").post(f"{url}audiences/", part, format="json").status_code == 403
    assert client("insight.audience.filter").post(f"{url}audiences/", part, format="json").status_code == 403
    other = make_access()
    foreign = APIClient(HTTP_AUTHORIZATION=f"Bearer {make_token(other)}")
    path = f"/api/v1/workspaces/{other.workspace.slug}/analysis/funnel/"
    assert foreign.post(path, body, format="json").status_code == 404
