"""Audiences of omni tags outside of their module: seen in the list, and neither analysed, downloaded nor combined."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client as DjangoClient

from insight.audiences import combining, origins
from insight.audiences.models import Audience
from insight.omni import audiences
from tests.insight.audiences.test_audience_api import Client
from tests.insight.omni import world

BACKEND = "admin_center.members.backends.NameOrEmailBackend"


@pytest.fixture
def made(ready: Any, run_jobs: world.RunJobs) -> Audience:
    groups = [{"items": [{"tag": "sex", "values": ["f"]}]}]
    audience = audiences.create(ready, {"name": "A women", "groups": groups, "public": True})
    run_jobs()
    audience.refresh_from_db()
    return audience


@pytest.fixture
def other(ready: Any) -> Audience:
    return Audience.objects.get(name="Devices")


@pytest.fixture
def browser(ready: Any) -> DjangoClient:
    client = DjangoClient()
    client.force_login(ready.user, backend=BACKEND)
    return client


def calls(made: Audience, other: Audience) -> list[tuple[str, str, Any]]:
    """Everything that would analyse, download or combine the audience."""
    key, both = made.pk, {"audiences": [made.pk, other.pk]}
    return [
        ("get", f"audiences/{key}/export/", None),
        ("get", f"audiences/{key}/members/", None),
        ("get", f"audiences/{key}/history/", None),
        ("get", f"audiences/{key}/compare/?from=1&to=1", None),
        ("post", f"audiences/{key}/explain/", {"id": "x"}),
        ("post", f"audiences/{key}/copy/", {"name": "Copy"}),
        ("post", f"audiences/{key}/refresh/", {}),
        ("patch", f"audiences/{key}/", {"name": "Other"}),
        ("delete", f"audiences/{key}/", None),
        ("post", "audiences/overlap/", both),
        ("post", "audiences/overlap/save/", {**both, "inside": [made.pk], "name": "Part"}),
        ("post", "audiences/split/", both),
    ]


def test_the_api_refuses_what_the_origin_does_not_offer(ready: Any, made: Audience, other: Audience) -> None:
    client = Client(ready)
    for method, path, data in calls(made, other):
        answer = getattr(client, method)(path, data, format="json") if data else getattr(client, method)(path)
        assert (path, answer.status_code) == (path, 409), answer.content
        assert answer.json()["code"] == "action_not_supported"
    assert Audience.objects.in_workspace(ready.workspace).count() == 2


def test_no_rule_takes_it_as_a_condition(ready: Any, made: Audience, other: Audience) -> None:
    leaf = {"kind": "audience", "audience": made.pk}
    both = {"op": "intersect", "items": [{"kind": "audience", "audience": other.pk}, leaf]}
    for path, data in (
        ("audiences/", {"name": "B", "rule": leaf}),
        ("audiences/", {"name": "B", "rule": both}),
        ("audiences/preview/", {"rule": leaf}),
        ("custom-tags/", {"name": "T", "values": [{"value": "v", "rule": leaf}]}),
    ):
        answer = Client(ready).post(path, data, format="json")
        # A rule on its own is refused with 409; beside other fields it is one of the errors of the form.
        assert answer.status_code in (400, 409) and "cannot be combined" in str(answer.json()["errors"]), path
    inputs = [{"audience": other.pk}, {"audience": made.pk}]
    with pytest.raises(Exception, match="origin"):
        combining.create(ready, {"name": "C", "inputs": inputs, "operators": ["union"]})


def test_lists_of_choices_leave_it_out(
    ready: Any, made: Audience, other: Audience, browser: DjangoClient
) -> None:
    found = Client(ready).get("audiences/?offers=combine").json()["results"]
    assert [row["id"] for row in found] == [other.pk]
    home = f"/w/{ready.workspace.slug}"
    for path in ("analysis/audience/", "audiences/combine/", f"audiences/overlap/?row={other.pk}&row=x"):
        page = browser.get(f"{home}/{path}")
        assert made.pk not in page.content.decode(), path


def test_its_page_leads_to_the_module_and_offers_nothing_that_is_refused(
    ready: Any, made: Audience, browser: DjangoClient
) -> None:
    home = f"/w/{ready.workspace.slug}"
    for path in (f"audiences/{made.pk}/", f"audiences/{made.pk}/card/menu/"):
        text = browser.get(f"{home}/{path}").content.decode()
        assert f"/omni/audiences/{made.pk}/" in text
        for refused in ("delete", "export", "person", "compare", "details", "copy", "members"):
            assert f"/audiences/{made.pk}/{refused}/" not in text, (path, refused)
        assert f"audience={made.pk}" not in text and f"row={made.pk}" not in text
        assert f"/history/{made.pk}/" not in text and f"/audience/{made.pk}/" not in text
    for path in (
        f"analysis/audience/?audience={made.pk}",
        f"audiences/{made.pk}/details/",
        f"audiences/{made.pk}/members/",
        f"behaviour/history/{made.pk}/",
        f"behaviour/history/{made.pk}/versions.csv",
    ):
        assert browser.get(f"{home}/{path}").status_code == 409, path


def test_every_other_origin_can_be_combined() -> None:
    assert set(origins.offering("combine")) == {
        origin.key for origin in origins.ORIGINS if origin.key != "omni"
    }
