"""Pages and API of AIPL models."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from datetime import date, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from django.test import Client
from rest_framework.test import APIClient

from admin_center.permissions.models import Role
from cdp.warehouse import get_engine
from insight.audiences import counting
from insight.datasets import aipl_days
from insight.datasets.models import Dataset
from tests.factories import make_access, make_token
from tests.insight.aipl.models import computed, make
from tests.insight.aipl.test_models import simple
from tests.insight.audiences.world import World, make_world

RunJobs = Callable[..., list[Any]]
FIRST, LAST = date(2026, 3, 1), date(2026, 3, 15)
BEFORE = {"a": "A", "b": "A", "c": "A", "d": "A", "e": "I", "f": "I", "g": "P", "h": "P", "i": "L", "j": "L"}
AFTER = {"a": "A", "b": "I", "c": "P", "e": "I", "f": "L", "g": "P", "h": "A", "i": "L", "k": "A", "l": "P"}


@pytest.fixture
def world(db: None) -> World:
    return make_world()


@pytest.fixture
def model(world: World, run_jobs: RunJobs) -> Dataset:
    """A model with two days more, whose users the tests know."""
    found = computed(world.access, make(world.access, world.members, simple(world)), run_jobs)
    for day, stages in ((FIRST, BEFORE), (LAST, AFTER)):
        listed = ", ".join(f"('{user}', '{stage}')" for user, stage in stages.items())
        people = f"(SELECT * FROM (VALUES {listed}) v(user_unique_id, stage))"
        with get_engine().transaction(world.workspace) as work:
            aipl_days.replace_day(work, found.pk, day, people)
    return found


@pytest.fixture
def console(world: World) -> Client:
    client = Client()
    client.force_login(world.access.user, backend="admin_center.members.backends.NameOrEmailBackend")
    return client


def page(world: World, path: str) -> str:
    return f"/w/{world.workspace.slug}/{path}"


def stages(world: World) -> dict[str, Any]:
    return {stage: {"rule": rule, "channels": None} for stage, rule in simple(world).items()}


def test_a_model_is_made_with_the_form_and_edited(world: World, console: Client, run_jobs: RunJobs) -> None:
    assert "Members" in console.get(page(world, "aipl/new/")).content.decode()
    where = page(world, f"aipl/new/?dataset={world.members.pk}")
    assert "aipl-data" in console.get(where).content.decode()
    phone = {
        "ids-column": ["phone", "city"],
        "ids-type": ["mobile", ""],
        "ids-encryption": ["plain", "plain"],
    }
    data = {"name": "Stages", "channel_source": "Shops", **phone, "stages": json.dumps(stages(world))}
    made = console.post(where, data)
    model = Dataset.objects.get(kind="aipl")
    assert made.url == page(world, f"datasets/{model.pk}/")
    assert "for the first time" in console.get(made.url).content.decode()
    run_jobs()
    shown = console.get(made.url).content.decode()
    assert "Loyal" in shown and "Shops" in shown and "spend" in shown.lower()
    edit = page(world, f"aipl/{model.pk}/edit/")
    assert "Shops" in console.get(edit).content.decode()
    assert model.definition["ids"] == ["phone"]
    other = {
        **data,
        "name": "Other",
        "ids-type": ["", "taobao_nick"],
        "edit_version": str(model.edit_version),
    }
    wrong = console.post(edit, {**other, "ids-column": ["phone", "spend"]})
    assert wrong.status_code == 422 and "is not there to choose" in wrong.content.decode()
    assert console.post(edit, other).status_code == 302
    assert console.post(edit, {**other, "edit_version": "1"}).status_code == 422
    model.refresh_from_db()
    assert (model.name, model.definition["ids"]) == ("Other", ["city"])
    assert model.fields.get(role="id").id_type == "taobao_nick"


def test_a_stage_without_conditions_is_said_at_its_card_and_what_was_typed_stays(
    world: World, console: Client
) -> None:
    given = {**stages(world), "I": {"rule": None, "channels": None}}
    where = page(world, f"aipl/new/?dataset={world.members.pk}")
    answer = console.post(where, {"name": "Mine", "channel_source": "all", "stages": json.dumps(given)})
    body = answer.content.decode()
    assert answer.status_code == 422 and "Some stages need another condition." in body
    found = json.loads(body.split('id="aipl-data" type="application/json">')[1].split("</script>")[0])
    assert found["problems"] == {"I": ["Each stage needs at least one condition."]}
    assert found["stages"] == given and 'value="Mine"' in body
    broken = console.post(where, {"name": "Mine", "channel_source": "all", "stages": "{"})
    assert broken.status_code == 422


def test_the_users_of_a_day_and_audiences_of_today_only(
    world: World, model: Dataset, console: Client
) -> None:
    then = console.get(page(world, f"aipl/users/?model={model.pk}&date={LAST}")).content.decode()
    assert then.count("30.0 %") == then.count("20.0 %") == 2, "3, 2, 3 and 2 of ten"
    latest = console.get(page(world, f"aipl/users/?model={model.pk}")).content.decode()
    assert "audiences/new/?rule=" in latest
    earlier = console.get(page(world, f"aipl/users/?model={model.pk}&date={FIRST}")).content.decode()
    assert (
        "audiences/new/?rule=" not in earlier
        and "Audiences are made of today’s users: choose today." in earlier
    )
    assert console.get(page(world, "aipl/users/?date=nonsense&model=x")).status_code == 200


def test_the_flow_of_the_worked_example(world: World, model: Dataset, console: Client) -> None:
    where = page(world, f"aipl/flow/?model={model.pk}&from={FIRST}&to={LAST}")
    body = console.get(where).content.decode()
    assert "(25.00 %)" in body and "(50.00 %)" in body and "(0.00 %)" in body
    table = console.get(page(world, f"aipl/{model.pk}/flow.csv?from={FIRST}&to={LAST}"))
    rows = list(csv.reader(io.StringIO(table.content.decode("utf-8-sig"))))
    assert rows[1:] == [
        ["Aware", "1", "1", "1", "0", "1", "4"],
        ["Interested", "0", "1", "0", "1", "0", "2"],
        ["Purchased", "1", "0", "1", "0", "0", "2"],
        ["Loyal", "0", "0", "0", "1", "1", "2"],
        ["New", "1", "0", "1", "0", "0", "2"],
    ]


def test_each_part_of_the_flow_leads_to_an_audience_of_exactly_its_users(
    world: World, model: Dataset, console: Client
) -> None:
    found = console.get(page(world, f"aipl/flow/?model={model.pk}&from={FIRST}&to={LAST}")).context

    def people(url: str) -> int:
        rule = json.loads(parse_qs(urlsplit(url).query)["rule"][0])
        return int(counting.preview_counts(world.access, rule)["count"])

    links = {(link["source"], link["target"]): link for link in found["sankey"]["links"]}
    assert len(links) == 12
    for ends in (("from:A", "to:I"), ("from:A", "to:A"), ("from:L", "to:lost"), ("from:none", "to:P")):
        assert people(links[ends]["url"]) == links[ends]["value"] == 1
    sizes = {node["name"]: people(node["url"]) for node in found["sankey"]["nodes"]}
    assert sizes == {
        "from:A": 4,
        "from:I": 2,
        "from:P": 2,
        "from:L": 2,
        "from:none": 2,
        "to:A": 3,
        "to:I": 2,
        "to:P": 3,
        "to:L": 2,
        "to:lost": 2,
    }
    purchased = found["stages"][2]["came"]
    assert [(part["label"], part["users"]) for part in purchased] == [
        ("stayed", 1),
        ("came from Aware", 1),
        ("came from Interested", 0),
        ("came from Loyal", 0),
        ("new", 1),
    ]
    assert [people(part["url"]) for part in purchased if part["url"]] == [1, 1, 1]


def test_who_may_not_select_finds_no_ways_to_audiences_in_the_flow(world: World, model: Dataset) -> None:
    points = ["insight.analysis", "insight.dataset.view", "insight.dataset.manage"]
    Role.objects.create(workspace=world.workspace, code="onlooker", name="Onlooker", permissions=points)
    browser = Client()
    browser.force_login(
        make_access(world.workspace, "onlooker").user,
        backend="admin_center.members.backends.NameOrEmailBackend",
    )
    Dataset.objects.filter(pk=model.pk).update(public=True)
    body = browser.get(page(world, f"aipl/flow/?model={model.pk}&from={FIRST}&to={LAST}")).content.decode()
    assert "came from" in body and "audiences/new/" not in body


def test_a_model_of_one_day_has_no_flow_yet(world: World, console: Client, run_jobs: RunJobs) -> None:
    assert "No AIPL model yet" in console.get(page(world, "aipl/flow/")).content.decode()
    model = make(world.access, world.members, simple(world))
    never = console.get(page(world, "aipl/users/")).content.decode()
    assert "Being computed" in never and "Compute now" not in never
    computed(world.access, model, run_jobs)
    assert "Only one day so far" in console.get(page(world, "aipl/flow/")).content.decode()


def test_the_api(world: World, model: Dataset) -> None:
    api = APIClient(HTTP_AUTHORIZATION=f"Bearer {make_token(world.access)}")
    base = f"/api/v1/workspaces/{world.workspace.slug}/datasets/{model.pk}/"
    assert set(api.get(base).json()["stages"]) == set("AIPL")
    overview = api.get(f"{base}aipl/overview/?date={LAST}").json()
    assert overview["stages"] == {"A": 3, "I": 2, "P": 3, "L": 2} and not overview["latest"]
    assert overview["percents"] == {"A": 30.0, "I": 20.0, "P": 30.0, "L": 20.0}
    trend = api.get(f"{base}aipl/trend/?date={LAST}").json()["results"]
    assert trend[-1]["stages"]["P"] == 3 and trend[-2]["stages"] is None
    flow = api.get(f"{base}aipl/flow/?from={FIRST}&to={LAST}").json()["stages"][0]
    assert (flow["start"], flow["stayed"], flow["lost"], flow["end"], flow["new"]) == (4, 1, 1, 3, 1)
    assert flow["converted"] == {"I": 1, "P": 1, "L": 0} and flow["arrived"]["P"] == 1
    missing = api.get(f"{base}aipl/flow/?from={FIRST}&to={LAST + timedelta(days=1)}")
    assert (missing.status_code, missing.json()["code"]) == (409, "model_day_missing")
    assert str(LAST) in missing.json()["nearest_days"]
    assert api.get(f"{base}aipl/flow/?from={LAST}&to={FIRST}").status_code == 400
    assert list(api.get(f"{base}aipl/flow/?from={LAST}").json()["errors"]) == ["to"]
    assert api.get(f"{base}aipl/overview/?date=soon").status_code == 400
    assert len(api.get(f"{base}aipl/days/").json()["results"]) == 3
    assert api.post(f"{base}aipl/days/", {"days": 3}).json()["code"] == "days_not_computable"
    other = f"/api/v1/workspaces/{world.workspace.slug}/datasets/{world.members.pk}/"
    assert api.get(f"{other}aipl/overview/").status_code == 404


def test_stages_need_the_right_to_analyse(world: World, model: Dataset) -> None:
    nobody = make_access(world.workspace, "analyst")
    client = APIClient(HTTP_AUTHORIZATION=f"Bearer {make_token(nobody)}")
    path = f"/api/v1/workspaces/{world.workspace.slug}/datasets/{model.pk}/aipl/overview/"
    assert client.get(path).status_code == 404
    scoped = APIClient(HTTP_AUTHORIZATION=f"Bearer {make_token(world.access, 'insight.dataset.view')}")
    assert scoped.get(path).status_code == 403


def test_earlier_days_are_asked_for_on_the_page(world: World, console: Client, run_jobs: RunJobs) -> None:
    rule = {"kind": "behaviour", "dataset": world.orders.pk, "type": ["purchase"], "window": {"kind": "any"}}
    model = make(world.access, world.orders, dict.fromkeys("AIPL", rule))
    computed(world.access, model, run_jobs)
    assert "Compute them" in console.get(page(world, f"datasets/{model.pk}/")).content.decode()
    console.post(page(world, f"aipl/{model.pk}/days/"), {"days": "2"})
    run_jobs()
    assert len(aipl_days.computed_days(model)) == 3
