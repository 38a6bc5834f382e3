"""Pages and API of pushes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from rest_framework.test import APIClient

from admin_center.permissions.models import Role
from insight.audiences.models import Audience
from insight.campaigns import links
from insight.campaigns import services as campaigns
from insight.campaigns.models import Campaign
from insight.omni import quota
from insight.pushes import interfaces, services
from insight.pushes.models import Push, PushInterface, PushSetting
from tests.factories import make_access, make_token
from tests.insight.audiences.world import World
from tests.insight.pushes.servers import Hook

RunJobs = Callable[..., Any]


@pytest.fixture
def console(world: World) -> Client:
    client = Client()
    client.force_login(world.access.user, backend="admin_center.members.backends.NameOrEmailBackend")
    return client


def page(world: World, path: str) -> str:
    return f"/w/{world.workspace.slug}/pushes/{path}"


def test_an_interface_is_set_up_tested_granted_and_removed(world: World, console: Client, hook: Hook) -> None:
    assert "Kafka" in console.get(page(world, "interfaces/")).content.decode()
    new = page(world, "interfaces/new/webhook/")
    data = {"name": "Hook", "config_url": hook.url, "config_secret": "words"}
    hook.answers = [500]
    wrong = console.post(new, data)
    assert wrong.status_code == 422 and "the reason of the other side" in wrong.content.decode()
    made = console.post(new, data)
    row = PushInterface.objects.get()
    assert made.url == page(world, f"interfaces/{row.pk}/")
    body = console.get(made.url).content.decode()
    assert "words" not in body.replace("passwords", "") and "Only those who set up interfaces." in body
    console.post(page(world, f"interfaces/{row.pk}/grant/"), {"grantee": "role:analyst"})
    grant = row.grants.get()
    console.post(page(world, f"interfaces/{row.pk}/grant/"), {"revoke": grant.pk})
    assert not row.grants.exists()
    assert console.post(page(world, f"interfaces/{row.pk}/test/")).status_code == 302
    console.post(page(world, f"interfaces/{row.pk}/delete/"))
    assert not PushInterface.objects.exists()
    assert console.get(page(world, "interfaces/new/telegram/")).status_code == 404


def test_the_dialog_pushes_once_and_by_schedule_and_the_history_tells(
    world: World,
    console: Client,
    audience: Audience,
    webhook: PushInterface,
    hook: Hook,
    run_jobs: RunJobs,
) -> None:
    where = page(world, f"audience/{audience.pk}/")
    shown = console.get(where).content.decode()
    assert "Mobile number" in shown and "The user identifier" in shown and "Interests" in shown
    base = {"interface": webhook.pk, "mode": "once", "every": "day", "alias_0": "id", "alias_1": "phone"}
    nothing = console.post(where, base)
    assert nothing.status_code == 422 and "Choose at least one ID." in nothing.content.decode()
    chosen = {**base, "on_0": "on", "on_1": "on", "encryption_0": "none", "encryption_1": "md5"}
    done = console.post(where, chosen)
    assert done.url == page(world, f"history/{audience.pk}/")
    run_jobs()
    assert len(hook.users()) == 4 and len(hook.users()[0]["phone"]) == 32
    history = console.get(done.url).content.decode()
    assert "Mobile number (MD5)" in history and "Succeeded" in history
    saved = console.post(
        where, {**chosen, "mode": "periodic", "enabled": "on", "every": "week", "weekday": "3", "at": "04:30"}
    )
    assert saved.status_code == 302
    setting = PushSetting.objects.get()
    assert setting.refresh == {"every": "week", "weekday": 3, "at": "04:30"}
    again = console.get(where).content.decode()
    assert "Remove the schedule" in again and 'value="04:30"' in again
    console.post(where, {**chosen, "action": "remove"})
    assert not PushSetting.objects.exists()


def test_a_failure_shows_a_dot_until_the_history_is_opened(
    world: World, console: Client, audience: Audience, webhook: PushInterface, hook: Hook, run_jobs: RunJobs
) -> None:
    hook.answers = [403]
    where = page(world, f"audience/{audience.pk}/")
    console.post(
        where, {"interface": webhook.pk, "mode": "once", "every": "day", "on_0": "on", "alias_0": "id"}
    )
    run_jobs(allow_failure=True)
    words = "Something of it has failed"
    audiences = f"/w/{world.workspace.slug}/audiences/"
    assert words in console.get(audiences).content.decode()
    history = console.get(page(world, f"history/{audience.pk}/")).content.decode()
    assert "the reason of the other side" in history and "Push again" in history
    assert words not in console.get(audiences).content.decode()
    console.post(page(world, f"{Push.objects.get().pk}/retry/"))
    run_jobs()
    assert Push.objects.get().state == "succeeded"


def test_without_an_interface_the_dialog_says_who_can_help(
    world: World, console: Client, audience: Audience
) -> None:
    assert "Nowhere to push to" in console.get(page(world, f"audience/{audience.pk}/")).content.decode()


def test_the_dialog_says_that_too_few_ids_are_left_for_omni_domain_insight(
    world: World, console: Client, audience: Audience
) -> None:
    omni = interfaces.create(world.access, {"name": "Omni", "target": "omni"})
    where = page(world, f"audience/{audience.pk}/?interface={omni.pk}")
    shown = console.get(where).content.decode()
    assert "Only 0 resource IDs are left" in shown and f"/w/{world.workspace.slug}/omni/resources/" in shown
    world.access.user.is_manager = True
    world.access.user.save()
    quota.add(world.access, {"amount": quota.LEAST})
    assert "resource IDs are left" not in console.get(where).content.decode()


def test_the_api(world: World, audience: Audience, hook: Hook, run_jobs: RunJobs) -> None:
    api = APIClient(HTTP_AUTHORIZATION=f"Bearer {make_token(world.access)}")
    base = f"/api/v1/workspaces/{world.workspace.slug}/"
    config = {"url": hook.url, "secret": "words"}
    made = api.post(f"{base}push-interfaces/", {"name": "Hook", "target": "webhook", "config": config})
    assert made.status_code == 201 and made.json()["config"]["secret"] == "••••••"
    key = made.json()["id"]
    assert api.post(f"{base}push-interfaces/{key}/test/").json()["ok"] is True
    refused = api.post(f"{base}push-interfaces/", {"name": "X", "target": "fax"})
    assert list(refused.json()["errors"]) == ["target"]
    offered = api.get(f"{base}audiences/{audience.pk}/push-fields/?interface={key}").json()
    assert offered["hourly"] and [item["column"] for item in offered["ids"]] == ["user_unique_id", "mobile"]
    fields = [{"kind": "id", "column": "user_unique_id"}]
    wanted = {"audience": audience.pk, "interface": key, "fields": fields}
    started = api.post(f"{base}pushes/", wanted)
    assert started.status_code == 202 and started.json()["push"]["state"] == "waiting"
    run_jobs()
    row = api.get(f"{base}pushes/{started.json()['push']['id']}/").json()
    assert (row["state"], row["users"], row["ids"], row["version"]) == ("succeeded", 4, 4, 1)
    assert api.post(f"{base}pushes/{row['id']}/retry/").json()["code"] == "push_not_failed"
    assert api.post(f"{base}pushes/{row['id']}/cancel/").json()["code"] == "job_ended"
    assert api.get(f"{base}pushes/?audience={audience.pk}&state=failed").json()["count"] == 0
    place = f"{base}audiences/{audience.pk}/push-settings/"
    put = api.put(f"{place}{key}/", {"fields": fields, "refresh": {"every": "hour", "hours": 2}})
    assert put.status_code == 200 and put.json()["next_push_at"]
    assert api.delete(f"{base}push-interfaces/{key}/").json()["code"] == "in_use"
    assert len(api.get(place).json()["results"]) == 1
    assert api.delete(f"{place}{key}/").status_code == 204
    assert api.delete(f"{place}{key}/").status_code == 404
    other = APIClient(HTTP_AUTHORIZATION=f"Bearer {make_token(make_access(world.workspace, 'analyst'))}")
    assert other.get(f"{base}push-interfaces/").json()["count"] == 0
    assert other.post(f"{base}push-interfaces/", {}).status_code == 403
    assert other.get(f"{base}pushes/{row['id']}/").status_code == 404


def _campaign(world: World) -> Campaign:
    return campaigns.create(
        world.access, {"name": "Spring", "code": "s", "starts": "2026-01-01", "ends": "2026-12-31"}
    )


def _of_campaign(world: World, campaign: Campaign) -> list[links.Linked]:
    return next(rows for kind, rows in links.belongings(world.access, campaign) if kind.key == "push")


def test_pushes_once_and_by_schedule_belong_to_campaigns(
    world: World, console: Client, audience: Audience, webhook: PushInterface, hook: Hook, run_jobs: RunJobs
) -> None:
    campaign, where = _campaign(world), page(world, f"audience/{audience.pk}/")
    chosen = {
        "interface": webhook.pk,
        "mode": "once",
        "every": "day",
        "on_0": "on",
        "alias_0": "id",
        "campaigns": campaign.pk,
    }
    assert "Spring (2026-01-01" in console.get(where).content.decode()
    console.post(where, chosen)
    run_jobs()
    push = Push.objects.get()
    console.post(where, {**chosen, "mode": "periodic", "enabled": "on", "at": "04:30"})
    setting = PushSetting.objects.get()
    found = _of_campaign(world, campaign)
    assert [(row.id, row.group, row.people) for row in found] == [
        (str(setting.pk), "By schedule", None),
        (push.pk, "Once", 4),
    ]
    assert [row.name for row in found] == ["Women → Hook", "Women → Hook"]
    assert "Campaigns: Spring" in console.get(page(world, f"history/{audience.pk}/")).content.decode()
    shown = console.get(f"/w/{world.workspace.slug}/campaigns/{campaign.pk}/").content.decode()
    assert f"{where}?interface={webhook.pk}" in shown and page(world, f"history/{audience.pk}/") in shown
    assert "selected" in console.get(where).content.decode().split("Spring (2026-01-01")[0][-80:]
    console.post(where, {"interface": webhook.pk, "action": "remove"})
    assert [row.id for row in _of_campaign(world, campaign)] == [push.pk]


def test_the_api_links_pushes_to_campaigns_and_refuses_foreign_ones(
    world: World, audience: Audience, webhook: PushInterface
) -> None:
    campaign, api = _campaign(world), APIClient()
    api.credentials(HTTP_AUTHORIZATION=f"Bearer {make_token(world.access)}")
    base = f"/api/v1/workspaces/{world.workspace.slug}"
    what = {
        "audience": audience.pk,
        "interface": webhook.pk,
        "fields": [{"kind": "id", "column": "user_unique_id"}],
    }
    wrong = api.post(f"{base}/pushes/", {**what, "campaigns": ["cmp_nowhere"]}, format="json")
    assert wrong.status_code == 400 and "campaigns/0" in wrong.json()["errors"]
    assert not Push.objects.exists()
    made = api.post(f"{base}/pushes/", {**what, "campaigns": [campaign.pk]}, format="json")
    assert made.status_code == 202 and made.json()["push"]["campaigns"] == [campaign.pk]
    assert api.get(f"{base}/pushes/").json()["results"][0]["campaigns"] == [campaign.pk]
    where = f"{base}/audiences/{audience.pk}/push-settings/{webhook.pk}/"
    data = {"refresh": {"every": "day", "at": "05:00"}, "fields": what["fields"]}
    kept = api.put(where, {**data, "campaigns": [campaign.pk]}, format="json")
    assert kept.json()["campaigns"] == [campaign.pk]
    assert api.put(where, data, format="json").json()["campaigns"] == [campaign.pk]
    assert api.put(where, {**data, "campaigns": []}, format="json").json()["campaigns"] == []


def test_links_of_pushes_go_with_their_audience(
    world: World, audience: Audience, webhook: PushInterface
) -> None:
    campaign = _campaign(world)
    what = {"fields": [{"kind": "id", "column": "user_unique_id"}], "campaigns": [campaign.pk]}
    services.push(world.access, audience, webhook, what)
    services.set_periodic(
        world.access, audience, webhook, {**what, "refresh": {"every": "day", "at": "05:00"}}
    )
    assert len(_of_campaign(world, campaign)) == 2
    audience.delete()
    assert not campaign.links.exists()


def test_pushes_of_a_campaign_need_the_right_to_push(
    world: World, audience: Audience, webhook: PushInterface
) -> None:
    campaign = _campaign(world)
    what = {"fields": [{"kind": "id", "column": "user_unique_id"}], "campaigns": [campaign.pk]}
    services.push(world.access, audience, webhook, what)
    Role.objects.create(workspace=world.workspace, code="planner", permissions=["campaign.create"])
    planner = make_access(world.workspace, "planner")
    parts = {kind.key: rows for kind, rows in links.belongings(planner, campaign)}
    assert parts["push"] == []
