"""Pages and API of identities: what is shown to whom."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from rest_framework.test import APIClient

from admin_center.audit.models import AuditEntry
from admin_center.permissions.models import Role
from insight.audiences import services as audiences
from insight.audiences.models import Audience
from insight.datasets.models import Dataset
from insight.oneid import queries, services
from insight.oneid.models import IdentityDecision
from marketing.channels.models import Provider
from marketing.channels.targets import target_hash
from marketing.content.models import Template
from marketing.delivery.models import Recipient, SendOut
from tests.factories import make_access, make_token
from tests.insight.audiences.world import World, make_world

RunJobs = Callable[..., list[Any]]
PHONE = "13800000001"


@pytest.fixture
def world(db: None, run_jobs: RunJobs) -> World:
    """Members u1 to u8 with their mobile numbers, recognised by both."""
    found = make_world()
    sources = [{"kind": "dataset", "dataset": found.members.pk, "columns": ["member_no", "phone"]}]
    services.update(found.access, {"sources": sources})
    services.run(found.access)
    run_jobs()
    return found


def one_id(world: World, user: str = "u1") -> str:
    return str(queries.find(services.get_graph(world.workspace), "one_id", user))


def somebody(world: World, *points: str) -> Any:
    """A member with exactly these permission points."""
    role = Role.objects.get(workspace=world.workspace, code="analyst")
    role.permissions = list(points)
    role.save()
    return make_access(world.workspace, "analyst")


def console(access: Any) -> Callable[..., Any]:
    client = Client()
    client.force_login(access.user, backend="admin_center.members.backends.NameOrEmailBackend")
    base = f"/w/{access.workspace.slug}/identities/"
    return lambda path="", data=None: (
        client.get(base + path) if data is None else client.post(base + path, data)
    )


def api(access: Any) -> Callable[..., Any]:
    client = APIClient(HTTP_AUTHORIZATION=f"Bearer {make_token(access)}")
    base = f"/api/v1/workspaces/{access.workspace.slug}/identities/"

    def call(method: str, path: str = "", data: Any = None) -> Any:
        more = {} if method == "get" else {"format": "json"}
        return getattr(client, method)(base + path, data, **more)

    return call


def test_the_overview_shows_the_figures_of_the_last_run(world: World) -> None:
    shown = console(world.access)().content.decode()
    assert "IDs by type" in shown and "Mobile number" in shown and "Find people now" in shown


def test_an_empty_workspace_is_told_to_set_identities_up(db: None) -> None:
    access = make_access()
    assert "Not set up yet" in console(access)().content.decode()
    assert "have not been computed" in console(access)("people/").content.decode()


def test_settings_are_changed_with_the_form(world: World) -> None:
    page = console(world.access)
    form = page("settings/").context["form"]
    data = {name: form[name].value() for name in form.fields}
    data = {name: value for name, value in data.items() if value not in (False, None)}
    graph = services.get_graph(world.workspace)
    saved = page(
        "settings/",
        {
            **data,
            "max_ids": 20,
            "use_imei": "off",
            "every": "week",
            "at": "03:30",
            "edit_version": graph.edit_version,
        },
    )
    assert saved.status_code == 302
    graph.refresh_from_db()
    assert (graph.limits["max_ids"], graph.limits["types"]["imei"]["use"]) == (20, "off")
    assert graph.refresh == {"every": "week", "weekday": 1, "at": "03:30"}
    assert graph.sources == [
        {"kind": "dataset", "dataset": world.members.pk, "columns": ["member_no", "phone"]}
    ]
    refused = page("settings/", {**data, "edit_version": 1})
    assert refused.status_code == 422


def test_a_source_that_somebody_cannot_see_stays_when_they_save(world: World) -> None:
    stored = services.get_graph(world.workspace).sources
    Dataset.objects.filter(pk=world.members.pk).update(public=False)
    other = somebody(world, services.VIEW, services.MANAGE)
    page = console(other)("settings/")
    assert "from a dataset you cannot see" in page.content.decode()
    assert world.members.name not in page.content.decode()
    for given in ([], stored):
        assert services.update(other, {"sources": given}).sources == stored
    assert services.update(world.access, {"sources": []}).sources == [], "whoever sees it takes it out"


def test_a_person_is_found_by_an_id_in_full_and_the_search_is_audited(world: World) -> None:
    page = console(world.access)
    found = page("people/", {"id_type": "mobile", "value": "138-0000-0001"})
    assert found.url.endswith(f"/identities/people/{one_id(world)}/")
    assert AuditEntry.objects.filter(action="oneid.person_looked_up").count() == 1
    assert PHONE not in str(list(AuditEntry.objects.values()))
    missing = page("people/", {"id_type": "mobile", "value": "13800000099"})
    assert missing.status_code == 422 and "Nobody is known" in missing.content.decode()
    part = page("people/", {"id_type": "mobile", "value": "1380000"})
    assert part.status_code == 422


def test_the_page_of_a_person_shows_ids_links_tags_and_behaviour(world: World) -> None:
    assert world.orders
    shown = console(world.access)(f"people/{one_id(world)}/").content.decode()
    assert PHONE in shown and "Why these IDs are one person" in shown
    assert "Gender" in shown and "Shanghai" in shown
    assert "purchase" in shown and "shoes" in shown and "300.00" in shown


def test_behaviour_comes_latest_first_and_in_pages(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    from insight.oneid import records

    monkeypatch.setattr(records, "PAGE", 1)
    assert world.orders
    call = api(world.access)
    first = call("get", f"people/{one_id(world)}/").json()["sections"]["timeline"]
    second = call("get", f"people/{one_id(world)}/?page_timeline=2").json()["sections"]["timeline"]
    assert [first["records"][0]["amount"], second["records"][0]["amount"]] == [300.0, 100.0]
    assert (first["more"], second["more"]) == (True, False)


def test_audiences_and_messages_of_a_person_are_shown(world: World, run_jobs: RunJobs) -> None:
    for name, values in (("Men", ["m"]), ("Women", ["f"])):
        audiences.create(
            world.access, {"name": name, "rule": world.tag("gender", "in", values), "save_ids": ["one_id"]}
        )
    run_jobs()
    provider = Provider.objects.create(
        workspace=world.workspace, channel="sms", type="contract", name="P", config={}
    )
    send_out = SendOut.objects.create(
        workspace=world.workspace,
        channel="sms",
        name="Spring sale",
        audience=Audience.objects.get(name="Men"),
        provider=provider,
        template=Template.objects.create(workspace=world.workspace, channel="sms", name="Sale", text="Sale"),
        owner=world.access.user,
    )
    Recipient.objects.create(
        send_out=send_out,
        person="u1",
        person_hash=target_hash(world.workspace.pk, "sms", PHONE),
        state="filtered",
        reason="suppressed",
        handed_at=timezone.now(),
    )
    sections = api(world.access)("get", f"people/{one_id(world)}/").json()["sections"]
    assert [row["name"] for row in sections["audiences"]["audiences"]] == ["Men"]
    [message] = sections["messages"]["messages"]
    assert (message["name"], message["state"]) == ("Spring sale", "filtered")
    assert message["why"] == "Unsubscribed or blocked"
    shown = console(world.access)(f"people/{one_id(world)}/").content.decode()
    assert "Men" in shown and "Spring sale" in shown


def test_sections_show_only_what_the_reader_may_see(world: World) -> None:
    reader = somebody(world, "insight.oneid.person")
    sections = api(reader)("get", f"people/{one_id(world)}/").json()["sections"]
    assert set(sections) == {"tags", "timeline"}
    assert sections["tags"] == {"datasets": []} and sections["timeline"]["records"] == []


def test_ids_are_masked_without_the_right_to_see_them(world: World) -> None:
    reader = somebody(world, "insight.oneid.person", "insight.oneid.view", "insight.dataset.view")
    answer = api(reader)("get", f"people/{one_id(world)}/")
    assert PHONE not in answer.content.decode() and "138****0001" in answer.content.decode()
    shown = console(reader)(f"people/{one_id(world)}/").content.decode()
    assert PHONE not in shown and "138****0001" in shown
    full = somebody(world, "insight.oneid.person", "privacy.unmask")
    assert PHONE in api(full)("get", f"people/{one_id(world)}/").content.decode()


@pytest.mark.parametrize(
    "points, path, method",
    [
        ((), "", "get"),
        (("insight.oneid.view",), "", "patch"),
        (("insight.oneid.view",), "run/", "post"),
        (("insight.oneid.view",), "people/find/", "post"),
        (("insight.oneid.view",), "people/{one_id}/", "get"),
        (("insight.oneid.person",), "people/{one_id}/split/", "post"),
        (("insight.oneid.person",), "people/{one_id}/merge/", "post"),
        (("insight.oneid.manage",), "people/{one_id}/split/", "post"),
        (("insight.oneid.person",), "review/", "get"),
        (("insight.oneid.person",), "changes/", "get"),
        (("insight.oneid.person",), "decisions/", "get"),
    ],
)
def test_each_route_needs_its_right(world: World, points: tuple[str, ...], path: str, method: str) -> None:
    answer = api(somebody(world, *points))(
        method, path.format(one_id=one_id(world)), {} if method != "get" else None
    )
    assert answer.status_code == 403


def test_a_page_that_is_no_number_is_the_first(world: World) -> None:
    reader = somebody(world, "insight.oneid.view", "insight.oneid.person")
    for path in ("review/?page=²", "changes/?page=²", f"people/{one_id(world)}/?page_timeline=²"):
        assert api(reader)("get", path).status_code == 200, path
    for path in ("review/?page=²", "history/?page=²"):
        assert console(reader)(path).status_code == 200, path


def test_people_are_split_and_merged_through_the_api(world: World, run_jobs: RunJobs) -> None:
    call = api(world.access)
    person = call("get", f"people/{one_id(world)}/").json()
    phone = next(item for item in person["ids"] if item["id_type"] == "mobile")
    made = call("post", f"people/{person['one_id']}/split/", {"ids": [phone["key"]], "reason": "A mistake"})
    assert made.status_code == 201 and made.json()["kind"] == "split"
    run_jobs()
    other = call("post", "people/find/", {"id_type": "mobile", "value": PHONE}).json()["one_id"]
    assert other != one_id(world)
    assert call("post", f"people/{other}/merge/", {"other": one_id(world)}).status_code == 201
    run_jobs()
    assert call("post", "people/find/", {"id_type": "mobile", "value": PHONE}).json()["one_id"] == one_id(
        world
    )
    listed = call("get", "decisions/").json()["results"]
    assert [row["kind"] for row in listed] == ["merge", "split"] and listed[1]["withdrawn_at"]
    assert call("post", f"decisions/{listed[0]['id']}/withdraw/").status_code == 200
    assert call("post", f"decisions/{listed[0]['id']}/withdraw/").json()["code"] == "already_withdrawn"
    kinds = {row["kind"] for row in call("get", "changes/").json()["results"]}
    assert kinds == {"merged", "split"}
    actions = set(AuditEntry.objects.values_list("action", flat=True))
    assert {"oneid.split", "oneid.merged", "oneid.decision_withdrawn"} <= actions


def test_people_are_split_merged_and_decisions_withdrawn_on_pages(world: World, run_jobs: RunJobs) -> None:
    page, first, second = console(world.access), one_id(world), one_id(world, "u2")
    page(f"people/{first}/merge/", {"other": second, "reason": "Married"})
    run_jobs()
    assert one_id(world, "u2") == one_id(world)
    shown = page("history/").content.decode()
    assert "Married" in shown and "Became one" in shown
    page(f"decisions/{IdentityDecision.objects.get().pk}/withdraw/", {})
    run_jobs()
    assert one_id(world, "u2") != one_id(world)
    refused = page(f"people/{first}/split/", {"ids": []})
    assert refused.status_code == 302 and IdentityDecision.objects.count() == 1


def test_a_former_one_id_leads_to_the_person(world: World, run_jobs: RunJobs) -> None:
    page, first, second = console(world.access), one_id(world), one_id(world, "u2")
    page(f"people/{first}/merge/", {"other": second})
    run_jobs()
    kept = one_id(world)
    gone = second if kept == first else first
    assert page(f"people/{gone}/").url.endswith(f"/people/{kept}/")
    assert page("people/o_nobody/").status_code == 404


def test_the_settings_are_read_and_changed_through_the_api(world: World) -> None:
    call = api(world.access)
    answer = call("get")
    assert answer.json()["stats"]["people"] == 8 and answer.headers["ETag"]
    changed = call("patch", "", {"limits": {"max_ids": 30}})
    assert changed.json()["limits"]["max_ids"] == 30
    wrong = call("patch", "", {"limits": {"max_ids": 0}})
    assert wrong.status_code == 400 and "limits/max_ids" in wrong.json()["errors"]
    assert call("post", "run/").status_code == 202
    assert len(call("get", "runs/").json()["results"]) == 1


def test_review_lists_are_masked_too(db: None, run_jobs: RunJobs) -> None:
    from tests.insight.oneid.conftest import Pairs, seen

    pairs = Pairs(run_jobs)
    phone = ("imei", "123456789012345")
    pairs.run([seen(("mobile", f"1380000000{n}"), phone, "2099-01-01") for n in range(2)])
    role = Role.objects.get(workspace=pairs.workspace, code="analyst")
    role.permissions = ["insight.oneid.view"]
    role.save()
    reader = make_access(pairs.workspace, "analyst")
    assert phone[1] not in console(reader)("review/").content.decode()
    assert api(reader)("get", "review/?kind=shared").json()["results"][0]["id_value"] == "***2345"
    assert phone[1] in console(pairs.access)("review/").content.decode()
