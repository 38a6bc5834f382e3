"""Audiences that know their people by another ID than the dataset they are looked at in."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from rest_framework.test import APIClient

from cdp.core.errors import ValidationFailed
from insight.analysis.perspective import perspective
from insight.analysis.significance import significance
from insight.audiences import services
from insight.audiences.models import Audience
from insight.datasets.models import Dataset
from insight.oneid.models import IdentityGraph
from tests.factories import make_token
from tests.insight.audiences.translation import identify, phone_dataset, vip
from tests.insight.audiences.world import World, make_world

PEOPLE = [
    {"one_id": "u1", "mobile": "13800000001"},
    {"one_id": "u2", "mobile": "13800000002"},
    {"one_id": "u6", "mobile": "13800000006"},
    {"one_id": "u3", "email": "u3@x.com"},
]
PERIOD = {"from": "2026-01-01", "to": "2026-02-28"}


@pytest.fixture
def world(db: None) -> World:
    return make_world()


@pytest.fixture
def callers(world: World) -> Dataset:
    return phone_dataset(world)


@pytest.fixture
def saved(world: World, run_jobs: Callable[[], list[Any]]) -> Callable[..., Audience]:
    def make(rule: Any, name: str) -> Audience:
        audience = services.create(world.access, {"name": name, "rule": rule})
        run_jobs()
        audience.refresh_from_db()
        return audience

    return make


@pytest.fixture
def call(world: World) -> Callable[[str, Any], Any]:
    client = APIClient(HTTP_AUTHORIZATION=f"Bearer {make_token(world.access)}")
    base = f"/api/v1/workspaces/{world.workspace.slug}/"
    return lambda path, data: client.post(base + path, data, format="json")


@pytest.fixture
def console(world: World) -> Client:
    client = Client()
    client.force_login(world.access.user)
    return client


def test_without_identities_nothing_is_offered_and_a_translation_is_refused(
    world: World, callers: Dataset, saved: Any
) -> None:
    women = saved(world.women, "Women")
    for translate, code in ((False, "validation_failed"), (True, "no_identities")):
        with pytest.raises(ValidationFailed) as refused:
            perspective(world.access, callers.pk, ["vip"], audience_id=women.pk, translate=translate)
        assert refused.value.code == code and "translations" not in refused.value.extra


def test_a_chart_of_an_audience_of_another_id_offers_the_translation_and_counts_whom_it_loses(
    world: World, callers: Dataset, saved: Any, call: Any
) -> None:
    women = saved(world.women, "Women")
    identify(world, PEOPLE)
    asked = {"dataset": callers.pk, "tags": ["vip"], "audience": women.pk, "compare": "population"}
    refused = call("analysis/perspective/", asked)
    assert refused.status_code == 400
    assert refused.json()["translations"] == {"audience": {"to": "mobile", "label": "Mobile number"}}
    found = call("analysis/perspective/", {**asked, "translate": True}).json()
    assert found["coverage"] == {"found": 1, "members": 4}
    assert found["translated"] == [
        {"audience": women.pk, "name": "Women", "to": "mobile", "label": "Mobile number", "unmatched": 2}
    ]
    [value] = found["tags"][0]["values"]
    assert (value["value"], value["count"], value["compared"]["count"]) == ("yes", 1, 3)


def test_a_new_run_of_the_identities_is_counted_anew(world: World, callers: Dataset, saved: Any) -> None:
    women = saved(world.women, "Women")
    graph = identify(world, PEOPLE)
    view = perspective(world.access, callers.pk, ["vip"], audience_id=women.pk, translate=True)
    assert view["users"] == 1
    graph.delete()
    identify(world, [{"one_id": "u3", "mobile": "13800000001"}, {"one_id": "u2", "mobile": "13800000002"}])
    view = perspective(world.access, callers.pk, ["vip"], audience_id=women.pk, translate=True)
    assert view["users"] == 2


def test_two_audiences_of_different_ids_are_compared_by_that_of_the_dataset(
    world: World, callers: Dataset, saved: Any
) -> None:
    identify(world, PEOPLE)
    women, phones = saved(world.women, "Women"), saved(vip(callers), "Callers")
    view = perspective(
        world.access, world.members.pk, ["gender"], audience_id=women.pk, compare=phones.pk, translate=True
    )
    assert view["compared"] == {"audience": phones.pk, "name": "Callers", "users": 2, "overlap": 1}
    assert [row["unmatched"] for row in view["translated"]] == [1]


def test_significance_and_its_page_translate(
    world: World, callers: Dataset, saved: Any, console: Client
) -> None:
    phones = saved(vip(callers), "Callers")
    identify(world, PEOPLE)
    found = significance(world.access, phones.pk, world.members.pk, translate=True)
    assert found["coverage"] == {"found": 2, "members": 3}
    assert found["translated"][0]["unmatched"] == 1
    for path in ("audience/significance", "audience"):
        url = f"/w/{world.workspace.slug}/analysis/{path}/?audience={phones.pk}&dataset={world.members.pk}"
        offer = console.get(url).content.decode()
        assert "Translate to OneID" in offer and "translate=1" in offer
        shown = console.get(f"{url}&translate=1").content.decode()
        assert "data-translate>" not in shown and '"translate": "one_id"' in shown


def test_behaviour_of_a_translated_audience_and_the_audience_made_of_it(
    world: World, callers: Dataset, saved: Any, call: Any, run_jobs: Any
) -> None:
    phones = saved(vip(callers), "Callers")
    identify(world, PEOPLE)
    steps = [{"type": ["purchase"]}, {"type": ["purchase"]}]
    asked = {**PERIOD, "dataset": world.orders.pk, "audience": phones.pk, "steps": steps, "days": 60}
    refused = call("analysis/funnel/", asked)
    assert (refused.status_code, list(refused.json()["translations"])) == (400, ["audience"])
    asked["translate"] = True
    found = call("analysis/funnel/", asked).json()
    assert [step["users"] for step in found["steps"]] == [2, 1]
    part = {"step": 1, "outcome": "reached"}
    made = call("analysis/funnel/audiences/", {"query": asked, "part": part, "name": "Bought"})
    assert made.status_code == 201, made.json()
    run_jobs()
    assert Audience.objects.get(pk=made.json()["id"]).count == 2
    asked |= {"audience": "", "split": {"audience": phones.pk}}
    found = call("analysis/funnel/", asked).json()
    assert {row["value"]: row["people"] for row in found["split"]} == {"in": 2, "out": 1}


@pytest.mark.parametrize("name", ["funnel", "retention", "paths"])
def test_pages_of_behaviour_offer_the_translation_and_say_whom_it_lost(
    world: World, callers: Dataset, saved: Any, console: Client, name: str
) -> None:
    phones = saved(vip(callers), "Callers")
    query = {**PERIOD, "dataset": world.orders.pk}
    url = f"/w/{world.workspace.slug}/behaviour/{name}/"
    assert "Known by another ID" not in console.get(url, query).content.decode()
    identify(world, PEOPLE)
    assert "Known by another ID" in console.get(url, query).content.decode()
    refused = console.get(url, {**query, "audience": phones.pk})
    assert refused.status_code == 422 and "Translate to OneID" in refused.content.decode()
    shown = console.get(url, {**query, "audience": phones.pk, "translate": "1"})
    assert shown.status_code == 200
    assert "“Callers” is translated to OneID; 1 of its people could not be." in shown.content.decode()


def test_hashes_are_not_translated_to_plain_ids(world: World, callers: Dataset, saved: Any) -> None:
    phones = saved(vip(callers), "Callers")
    phones.current.user_id_encryption = "md5"
    phones.current.save()
    IdentityGraph.objects.all().delete()
    identify(world, PEOPLE)
    with pytest.raises(ValidationFailed) as refused:
        perspective(world.access, world.members.pk, ["gender"], audience_id=phones.pk, translate=True)
    assert "translations" not in refused.value.extra


def test_a_funnel_is_not_split_by_a_tag_of_hashed_users(world: World, callers: Dataset, call: Any) -> None:
    world.members.fields.filter(role="identifier").update(encryption="md5")
    steps = [{"type": ["purchase"]}, {"type": ["purchase"]}]
    asked = {**PERIOD, "dataset": world.orders.pk, "steps": steps}
    refused = call("analysis/funnel/", {**asked, "split": {"dataset": world.members.pk, "tag": "gender"}})
    assert refused.status_code == 400 and list(refused.json()["errors"]) == ["split"]
