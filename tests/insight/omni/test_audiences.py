"""Audiences of omni tags: who belongs to them, what they allow, and the pages."""

from __future__ import annotations

import html
import json
import random
import re
from typing import Any

import pytest
from django.test import Client
from rest_framework.test import APIClient

from cdp.core.errors import ActionNotSupported, PermissionDenied, ValidationFailed
from cdp.warehouse import get_engine
from insight.audiences import origins, overlap, queries
from insight.audiences import services as audience_services
from insight.audiences import tasks as audience_tasks
from insight.audiences.models import Audience
from insight.campaigns import links
from insight.campaigns import services as campaigns
from insight.omni import audiences
from insight.omni.models import InsightReport, Intake
from insight.rfm import figures as rfm
from tests.factories import make_access, make_token
from tests.insight.omni import world

BACKEND = "admin_center.members.backends.NameOrEmailBackend"
OPERATIONS = {"union": set.union, "intersect": set.intersection, "subtract": set.difference}


def people_of(audience: Audience) -> set[str]:
    audience.refresh_from_db()
    version = queries.latest_version(audience)
    assert version is not None
    found = get_engine().execute(queries.members(version)).to_pylist()
    assert all(row["imei"] == row["user_unique_id"] for row in found)
    return {row["user_unique_id"] for row in found}


def made(access: Any, groups: list[Any], run_jobs: world.RunJobs, **more: Any) -> Audience:
    audience = audiences.create(access, {"name": f"A{random.random()}", "groups": groups, **more})
    run_jobs()
    return audience


def reference(groups: list[dict[str, Any]], known: range) -> set[str]:
    found: set[str] = set()
    for number, group in enumerate(groups):
        inside: set[str] = set()
        for place, item in enumerate(group["items"]):
            value = world.sex if item["tag"] == "sex" else world.style
            people = {world.device(n) for n in known if value(n) in item["values"]}
            inside = people if not place else OPERATIONS[item["op"]](inside, people)
        found = inside if not number else OPERATIONS[group["op"]](found, inside)
    return found


def test_random_definitions_equal_the_reference(ready: Any, run_jobs: world.RunJobs) -> None:
    dice = random.Random(7)
    values = {"sex": ["f", "m"], "style": ["bold", "calm"]}

    def item() -> dict[str, Any]:
        tag = dice.choice(list(values))
        chosen = dice.sample(values[tag], dice.randint(1, 2))
        return {"op": dice.choice(list(OPERATIONS)), "tag": tag, "values": chosen}

    for _number in range(12):
        groups = [
            {"op": dice.choice(list(OPERATIONS)), "items": [item() for _place in range(dice.randint(1, 4))]}
            for _place in range(dice.randint(1, 5))
        ]
        assert people_of(made(ready, groups, run_jobs)) == reference(groups, range(100)), groups


def test_belonging_to_another_audience_is_a_condition(ready: Any, run_jobs: world.RunJobs) -> None:
    few = world.uploaded(ready, "Few", [world.imei(number) for number in range(5)], run_jobs)
    world.brought_in(ready, few, run_jobs)
    bold = {"tag": "style", "values": ["bold"]}
    groups = [{"items": [bold, {"op": "intersect", "audience": few.pk}]}]
    first = made(ready, groups, run_jobs)
    assert people_of(first) == {world.device(0), world.device(3)}
    outside = [{"items": [bold, {"op": "subtract", "audience": first.pk}]}]
    assert world.device(0) not in people_of(made(ready, outside, run_jobs))


@pytest.mark.parametrize(("match", "expected"), [("all", 30), ("any", 94)])
def test_features_become_an_audience(ready: Any, run_jobs: world.RunJobs, match: str, expected: int) -> None:
    data = {"features": [{"tag": "sex", "value": "f"}, {"tag": "style", "value": "bold"}], "match": match}
    audience = audiences.extract(ready, {"name": "Women", **data})
    run_jobs()
    assert len(people_of(audience)) == expected
    audience.refresh_from_db()
    assert audience.count == expected


def test_features_seen_in_an_audience_become_an_audience_of_its_people(
    ready: Any, run_jobs: world.RunJobs
) -> None:
    few = world.uploaded(ready, "Few", [world.imei(number) for number in range(5)], run_jobs)
    world.brought_in(ready, few, run_jobs)
    wanted = [{"tag": "sex", "value": "m"}, {"tag": "style", "value": "bold"}]
    data = {"name": "Bold", "features": wanted, "match": "any", "audience": few.pk}
    audience = audiences.extract(ready, data)
    run_jobs()
    assert people_of(audience) == {world.device(0), world.device(3)}
    with pytest.raises(ValidationFailed) as caught:
        audiences.extract(ready, {**data, "name": "Wrong", "audience": "aud_none"})
    assert list(caught.value.errors) == ["audience"]


@pytest.mark.parametrize(
    ("groups", "path"),
    [
        ([], "groups"),
        ([{"items": [{"tag": "sex", "values": ["f"]}]}] * 6, "groups"),
        ([{"items": [{"tag": "sex", "values": ["f"]}] * 5}], "groups/0"),
        ([{"items": [{"tag": "colour", "values": ["f"]}]}], "groups/0/items/0/tag"),
        ([{"items": [{"tag": "sex", "values": []}]}], "groups/0/items/0/values"),
        ([{"items": [{"op": "xor", "tag": "sex", "values": ["f"]}]}], "groups/0/items/0/op"),
        ([{"items": [{"audience": "aud_none"}]}], "groups/0/items/0/audience"),
    ],
)
def test_what_is_wrong_is_said_at_its_path(ready: Any, groups: list[Any], path: str) -> None:
    with pytest.raises(ValidationFailed) as caught:
        audiences.create(ready, {"name": "Wrong", "groups": groups})
    assert path in caught.value.errors
    assert not Audience.objects.filter(name="Wrong").exists()


def test_the_list_of_audiences_offers_little_for_them(ready: Any, run_jobs: world.RunJobs) -> None:
    audience = made(ready, [{"items": [{"tag": "sex", "values": ["f"]}]}], run_jobs)
    assert origins.actions_of(audience) == {"use"}
    with pytest.raises(ActionNotSupported):
        audience_services.delete(ready, audience)
    with pytest.raises(PermissionDenied):
        audiences.delete(make_access(ready.workspace, "analyst"), audience)
    audiences.delete(ready, audience)
    assert not Audience.objects.filter(pk=audience.pk).exists()


def test_no_other_audience_can_be_made_of_them(ready: Any, run_jobs: world.RunJobs) -> None:
    first, second = (
        made(ready, [{"items": [{"tag": "sex", "values": [value]}]}], run_jobs) for value in ("f", "m")
    )
    leaf = {"kind": "audience", "audience": first.pk}
    for rule in (leaf, {"op": "union", "items": [leaf, {**leaf, "audience": second.pk}]}):
        with pytest.raises(ValidationFailed) as caught:
            audience_services.create(ready, {"name": "Way out", "rule": rule})
        assert "cannot be combined" in str(caught.value.errors)
    with pytest.raises(ActionNotSupported):
        overlap.measure(ready, [first.pk, second.pk])


def test_they_are_not_analysed(ready: Any, run_jobs: world.RunJobs) -> None:
    audience = made(ready, [{"items": [{"tag": "sex", "values": ["f"]}]}], run_jobs)
    with pytest.raises(ActionNotSupported):
        rfm.audience_version(ready, audience.pk)


def test_a_daily_audience_follows_the_population(ready: Any, run_jobs: world.RunJobs) -> None:
    audience = made(ready, [{"items": [{"tag": "sex", "values": ["m"]}]}], run_jobs, daily=True)
    assert len(people_of(audience)) == 10 and audience.refresh == {"every": "day", "at": "04:00"}
    more = world.uploaded(ready, "More", [world.imei(number) for number in range(100, 120)], run_jobs)
    world.brought_in(ready, more, run_jobs)
    Audience.objects.filter(pk=audience.pk).update(next_refresh_at=audience.created_at)
    assert audience_tasks.start_due_refreshes() == 1
    run_jobs()
    assert len(people_of(audience)) == 30


@pytest.fixture
def browser(ready: Any) -> Client:
    client = Client()
    client.force_login(ready.user, backend=BACKEND)
    return client


def test_an_audience_is_made_from_the_form_and_keeps_what_was_typed(
    ready: Any, browser: Client, run_jobs: world.RunJobs
) -> None:
    url = f"/w/{ready.workspace.slug}/omni/audiences/new/"
    groups = [{"op": "union", "items": [{"op": "union", "tag": "sex", "values": []}]}]
    wrong = browser.post(url, {"name": "Women", "groups": json.dumps(groups)})
    assert wrong.status_code == 422 and "Women" in wrong.content.decode()
    groups[0]["items"][0]["values"] = ["f"]
    assert browser.post(url, {"name": "Women", "groups": json.dumps(groups)}).status_code == 302
    run_jobs()
    page = browser.get(f"/w/{ready.workspace.slug}/omni/audiences/{Audience.objects.get(name='Women').pk}/")
    assert "Sex is f" in page.content.decode() and "90" in page.content.decode()


def test_ticked_features_become_an_audience_on_the_overview(ready: Any, browser: Client) -> None:
    url = f"/w/{ready.workspace.slug}/omni/"
    assert browser.post(url, {"name": "Nobody"}).status_code == 422
    answer = browser.post(url, {"name": "Bold", "match": "any", "feature": ["style=bold", "sex=m"]})
    assert answer.status_code == 302 and Audience.objects.get(name="Bold").origin == "omni"


def test_both_forms_tie_audiences_to_campaigns(ready: Any, browser: Client) -> None:
    days = {"starts": "2026-01-01", "ends": "2026-12-31"}
    spring = campaigns.create(ready, {"name": "Spring", "code": "s", **days})
    base = f"/w/{ready.workspace.slug}/omni/"
    for page in ("", "audiences/new/"):
        assert "Spring (2026-01-01" in browser.get(f"{base}{page}").content.decode()
    groups = [{"op": "union", "items": [{"op": "union", "tag": "sex", "values": ["f"]}]}]
    data = {"name": "Women", "groups": json.dumps(groups), "campaigns": spring.pk}
    assert browser.post(f"{base}audiences/new/", data).status_code == 302
    data = {"name": "Bold", "feature": "style=bold", "campaigns": spring.pk}
    assert browser.post(base, data).status_code == 302
    for name in ("Women", "Bold"):
        assert links.ids_of("audience", Audience.objects.get(name=name).pk) == [spring.pk]


@pytest.mark.parametrize("tab", ["distinctive", "distribution"])
def test_ticked_values_of_an_audience_become_an_audience_of_its_people(
    ready: Any, browser: Client, run_jobs: world.RunJobs, tab: str
) -> None:
    few = world.uploaded(ready, "Few", [world.imei(number) for number in range(5)], run_jobs)
    world.brought_in(ready, few, run_jobs)
    url = f"/w/{ready.workspace.slug}/omni/analysis/?tab={tab}&tag=style&audience={few.pk}"
    assert 'value="style=bold"' in browser.get(url).content.decode()
    wrong = browser.post(url, {"name": "", "match": "any", "feature": ["style=bold"]})
    assert wrong.status_code == 422 and 'value="style=bold" form="extract" checked' in wrong.content.decode()
    answer = browser.post(url, {"name": "Bold", "match": "any", "feature": ["style=bold", "style=bold"]})
    assert answer.status_code == 302
    run_jobs()
    assert people_of(Audience.objects.get(name="Bold")) == {world.device(0), world.device(3)}


def test_a_number_of_a_cross_leads_to_an_audience_of_these_people(ready: Any, browser: Client) -> None:
    few = Intake.objects.get().audience
    base = f"/w/{ready.workspace.slug}/omni/"
    page = browser.get(f"{base}analysis/?tab=cross&row=sex&column=style&audience={few}").content.decode()
    [link] = re.findall(r'href="([^"]*pick=sex%3Df&amp;pick=style%3Dbold)"', page)
    [group] = browser.get(html.unescape(link)).context["start"]["groups"]
    op = {"op": "intersect"}
    assert group["items"] == [
        {**op, "tag": "sex", "values": ["f"]},
        {**op, "tag": "style", "values": ["bold"]},
        {**op, "audience": few},
    ]


def test_pages_show_what_was_counted(ready: Any, browser: Client) -> None:
    base = f"/w/{ready.workspace.slug}/omni/"
    assert "100" in browser.get(base).content.decode()
    assert browser.get(f"{base}?by=share").status_code == 200
    for query in ("", "?tab=distribution&tag=sex&tag=style", "?tab=cross&row=sex&column=style&of=row"):
        assert browser.get(f"{base}analysis/{query}").status_code == 200, query
    given = {"name": "R", "part": ["distinctive", "cross"], "row": "sex", "column": "style"}
    saved = browser.post(f"{base}reports/save/", given)
    assert browser.get(saved["Location"]).status_code == 200
    assert "999,900" in browser.get(f"{base}resources/").content.decode()


def test_a_quota_is_added_on_the_page_of_resources(ready: Any, browser: Client) -> None:
    url = f"/w/{ready.workspace.slug}/omni/resources/"
    assert browser.post(url, {"amount": "0"}).status_code == 422
    assert browser.post(url, {"amount": "500", "note": "More"}).status_code == 302
    assert "1,000,400" in browser.get(url).content.decode()


def test_the_api_tells_the_history_of_its_size(ready: Any, run_jobs: world.RunJobs) -> None:
    audience = made(ready, [{"items": [{"tag": "sex", "values": ["m"]}]}], run_jobs, daily=True)
    more = world.uploaded(ready, "More", [world.imei(number) for number in range(100, 120)], run_jobs)
    world.brought_in(ready, more, run_jobs)
    Audience.objects.filter(pk=audience.pk).update(next_refresh_at=audience.created_at)
    audience_tasks.start_due_refreshes()
    run_jobs()
    api = APIClient(HTTP_AUTHORIZATION=f"Bearer {make_token(ready)}")
    found = api.get(f"/api/v1/workspaces/{ready.workspace.slug}/omni/audiences/{audience.pk}/").json()
    assert [(row["count"], row["joined"], row["left"]) for row in found["history"]] == [
        (30, 20, 0),
        (10, None, None),
    ]
    assert found["groups"][0]["items"][0]["tag"] == "sex"


def test_a_report_that_is_refused_leaves_the_analysis_as_it_was(ready: Any, browser: Client) -> None:
    query = "tab=cross&row=sex&column=style&row_value=f"
    page = browser.get(f"/w/{ready.workspace.slug}/omni/analysis/?{query}").content.decode()
    [address] = re.findall(r'action="([^"]*reports/save/[^"]*)"', page)
    refused = browser.post(html.unescape(address), {"name": "", "part": ["cross"]})
    assert refused["Location"] == f"/w/{ready.workspace.slug}/omni/analysis/?{query}"
    assert not InsightReport.objects.exists()
