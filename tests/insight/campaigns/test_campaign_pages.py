"""Pages and API of campaigns."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from rest_framework.test import APIClient

from cdp.core import timezones
from insight.campaigns import granting
from insight.campaigns.models import Campaign, CampaignGrant, CampaignLink
from tests.factories import make_access, make_token
from tests.insight.campaigns.test_campaigns import made


def console(access: Any) -> Any:
    client = Client()
    client.force_login(access.user, backend="admin_center.members.backends.NameOrEmailBackend")
    return client


def url(access: Any, path: str = "") -> str:
    return f"/w/{access.workspace.slug}/campaigns/{path}"


@pytest.fixture
def api(admin: Any) -> Any:
    return APIClient(HTTP_AUTHORIZATION=f"Bearer {make_token(admin)}")


def api_url(access: Any, path: str = "") -> str:
    return f"/api/v1/workspaces/{access.workspace.slug}/campaigns/{path}"


def test_the_calendar_shows_five_and_says_how_many_more(admin: Any) -> None:
    for number in range(7):
        made(admin, f"c{number}", starts="2026-11-05", ends="2026-11-05")
    page = console(admin).get(url(admin, "?month=2026-11")).content.decode()
    assert page.count('class="campaign-entry sub') + page.count('class="campaign-entry ended') == 5
    assert "… 2 more campaigns" in page
    year = console(admin).get(url(admin, "?year=2026"))
    assert year.status_code == 200 and "c0" in year.content.decode()
    for odd in ("?month=2026-13", "?month=x", "?year=99999", "?year=-1"):
        assert console(admin).get(url(admin, odd)).status_code == 200


def test_the_short_form_makes_a_campaign_or_says_what_is_wrong(admin: Any) -> None:
    data = {"name": "Snow", "code": "snow", "is_main": "no", "starts": "2026-12-01", "ends": "2026-11-01"}
    wrong = console(admin).post(url(admin, "quick/"), data)
    assert "The last day is before the first." in wrong.content.decode()
    assert not Campaign.objects.exists()
    right = console(admin).post(url(admin, "quick/"), {**data, "ends": "2026-12-05"})
    assert right.headers["HX-Redirect"].endswith("?month=2026-12")
    assert Campaign.objects.get().name == "Snow"


def test_the_form_keeps_what_was_typed_and_an_edit_changes_everything(admin: Any) -> None:
    main = made(admin, "main", is_main=True)
    data = {
        "name": "Sub",
        "code": "sub",
        "is_main": "no",
        "parent": main.pk,
        "starts": "2026-11-01",
        "ends": "2026-12-24",
        "type": "festival",
        "budget": "10.50",
        "budget_currency": "USD",
        "goal": "",
        "goal_currency": "CNY",
        "description": "For the snow",
    }
    wrong = console(admin).post(url(admin, "new/"), data)
    assert wrong.status_code == 422 and "For the snow" in wrong.content.decode()
    saved = console(admin).post(url(admin, "new/"), {**data, "ends": "2026-11-24"})
    sub = Campaign.objects.get(code="sub")
    assert saved.url == url(admin, f"{sub.pk}/") and sub.parent == main
    page = console(admin).get(url(admin, f"{sub.pk}/edit/")).content.decode()
    assert 'value="2026-11-24"' in page and 'name="is_main"' not in page
    rest = {name: value for name, value in data.items() if name != "is_main"}
    stale = {**rest, "ends": "2026-11-24", "parent": "", "edit_version": "1"}
    assert console(admin).post(url(admin, f"{sub.pk}/edit/"), stale).status_code == 302
    sub.refresh_from_db()
    assert sub.parent is None
    assert console(admin).post(url(admin, f"{sub.pk}/edit/"), stale).status_code == 422


def test_list_detail_and_removal(admin: Any) -> None:
    main = made(admin, "main", is_main=True)
    sub = made(admin, "below", parent=main.pk)
    page = console(admin).get(url(admin, "list/")).content.decode()
    assert f'data-under="{main.pk}"' in page
    assert "below" in console(admin).get(url(admin, "list/?q=below")).content.decode()
    assert "below" in console(admin).get(url(admin, f"{main.pk}/")).content.decode()
    assert "Send-outs" in console(admin).get(url(admin, f"{sub.pk}/")).content.decode()
    ask = console(admin).get(url(admin, f"{main.pk}/delete/")).content.decode()
    assert "become independent" in ask
    console(admin).post(url(admin, f"{main.pk}/delete/"))
    sub.refresh_from_db()
    assert sub.parent is None


def test_grants_are_given_and_taken_back_for_several_campaigns_at_once(admin: Any, guest: Any) -> None:
    first, second = made(admin, "first"), made(admin, "second")
    where = url(admin, f"sharing/?campaign={first.pk}&campaign={second.pk}")
    given = {"campaign": [first.pk, second.pk], "grantee": f"user:{guest.user.username}", "right": "use"}
    console(admin).post(where, given)
    rows = [row.pk for row in [*first.grants.all(), *second.grants.all()]]
    assert len(rows) == 2 and str(guest.user) in console(admin).get(where).content.decode()
    assert console(guest).get(url(guest, f"{first.pk}/")).status_code == 200
    assert console(guest).get(url(guest, f"{first.pk}/edit/")).status_code == 403
    console(admin).post(where, {"campaign": [first.pk, second.pk], "revoke": rows})
    assert console(guest).get(url(guest, f"{first.pk}/")).status_code == 404
    wrong = console(admin).post(where, {**given, "grantee": ""})
    assert wrong.status_code == 422


def test_only_owners_share(admin: Any, planner: Any, guest: Any) -> None:
    foreign = made(admin, "foreign")
    granting.grant(admin, [foreign], {"user": planner.user.username, "right": "manage"})
    where = url(planner, f"sharing/?campaign={foreign.pk}")
    data = {"campaign": foreign.pk, "grantee": f"user:{guest.user.username}", "right": "use"}
    console(planner).post(where, data)
    assert foreign.grants.count() == 1


def test_the_api_does_what_the_console_does(api: Any, admin: Any, guest: Any) -> None:
    main = api.post(
        api_url(admin),
        {"name": "Year", "code": "y", "is_main": True, "starts": "2026-01-01", "ends": "2026-12-31"},
    )
    assert main.status_code == 201 and main.headers["ETag"]
    sub = {"name": "Spring", "code": "s", "parent": main.json()["id"], "budget": 5}
    refused = api.post(api_url(admin), {**sub, "starts": "2025-12-31", "ends": "2026-02-01"})
    assert refused.status_code == 400 and list(refused.json()["errors"]) == ["starts"]
    made_one = api.post(api_url(admin), {**sub, "starts": "2026-03-01", "ends": "2026-03-31"}).json()
    assert (made_one["budget"], made_one["owner"]) == ("5.00", admin.user.username)
    path = f"{made_one['id']}/"
    changed = api.patch(api_url(admin, path), {"name": "Early spring"}, HTTP_IF_MATCH=main.headers["ETag"])
    assert changed.status_code == 412
    assert api.patch(api_url(admin, path), {"name": "Early spring"}).json()["name"] == "Early spring"
    assert api.get(api_url(admin, "?from=2026-04-01&to=2026-05-01")).json()["count"] == 1
    assert api.get(api_url(admin, "?from=soon")).status_code == 400
    assert api.get(api_url(admin, f"{path}links/")).json()["results"]["sent"] == 0
    grant = api.post(api_url(admin, f"{path}grants/"), {"role": "guest", "right": "manage"})
    assert grant.status_code == 201
    theirs = APIClient(HTTP_AUTHORIZATION=f"Bearer {make_token(guest)}")
    assert {row["code"] for row in theirs.get(api_url(guest)).json()["results"]} == {"y", "s"}
    assert theirs.post(api_url(guest), sub).status_code == 403
    assert theirs.get(api_url(guest, f"{path}grants/")).status_code == 403
    assert api.delete(api_url(admin, f"{path}grants/{grant.json()['id']}/")).status_code == 204
    assert theirs.get(api_url(guest)).json()["count"] == 0
    assert api.delete(api_url(admin, f"{main.json()['id']}/")).status_code == 204
    assert api.get(api_url(admin, path)).json()["parent"] is None


def test_people_without_the_points_find_no_campaigns(admin: Any) -> None:
    made(admin, "one")
    analyst = make_access(admin.workspace, "analyst")
    assert console(analyst).get(url(analyst)).status_code == 403
    client = APIClient(HTTP_AUTHORIZATION=f"Bearer {make_token(analyst)}")
    assert client.get(api_url(analyst)).status_code == 403


def test_lists_take_the_same_number_of_queries_however_long_they_are(
    admin: Any, django_assert_max_num_queries: Any
) -> None:
    main = made(admin, "main", is_main=True)
    for number in range(12):
        made(admin, f"n{number}", parent=main.pk)
    client = console(admin)
    for path in ("list/", "?month=2026-11", f"{main.pk}/"):
        with django_assert_max_num_queries(22):
            client.get(url(admin, path))


def test_the_api_chooses_by_state_and_counts_what_belongs(api: Any, admin: Any) -> None:
    today = timezones.today(admin.workspace)
    days = {"past": (-9, -3), "now": (-2, 0), "soon": (1, 5)}
    rows = {
        code: made(
            admin, code, starts=str(today + timedelta(days=first)), ends=str(today + timedelta(days=last))
        )
        for code, (first, last) in days.items()
    }
    for kind, count in (("audience", 2), ("send_out", 1)):
        for number in range(count):
            CampaignLink.objects.create(campaign=rows["now"], kind=kind, object_id=f"o{number}")
    for state, code in (("ended", "past"), ("running", "now"), ("planned", "soon")):
        found = api.get(api_url(admin, f"?state={state}")).json()["results"]
        assert [(row["code"], row["state"]) for row in found] == [(code, state)]
    every = [row["code"] for row in api.get(api_url(admin)).json()["results"]]
    assert every == ["past", "now", "soon"]
    turned = api.get(api_url(admin, "?ordering=-ends")).json()["results"]
    assert [row["code"] for row in turned] == ["soon", "now", "past"]
    running = api.get(api_url(admin, f"{rows['now'].pk}/")).json()
    assert (running["audiences"], running["tasks"]) == (2, 1)
    changed = api.patch(api_url(admin, f"{rows['now'].pk}/"), {"type": "offline"}).json()
    assert (changed["audiences"], changed["type"]) == (2, "offline")
    assert api.get(api_url(admin, "?state=over")).json()["errors"].keys() == {"state"}
    assert api.get(api_url(admin, "types/")).json() == {"results": ["offline"]}


def test_the_api_shares_several_campaigns_at_once_or_none(api: Any, admin: Any, guest: Any) -> None:
    first, second, main = made(admin, "first"), made(admin, "second"), made(admin, "main", is_main=True)
    both = {"campaigns": [first.pk, second.pk], "user": guest.user.username, "right": "use"}
    given = api.post(api_url(admin, "grants/"), both, format="json")
    assert given.status_code == 201 and len(given.json()["results"]) == 2
    assert {row.right for row in CampaignGrant.objects.all()} == {"use"}
    asked = f"grants/?campaign={first.pk}&campaign={second.pk}"
    [common] = api.get(api_url(admin, asked)).json()["results"]
    assert (common["user"], common["differs"]) == (guest.user.username, False)
    assert sorted(common["id"]) == sorted(CampaignGrant.objects.values_list("pk", flat=True))
    longer = {"user": guest.user.username, "right": "use", "expires_at": "2100-01-01T00:00:00Z"}
    api.post(api_url(admin, f"{second.pk}/grants/"), longer, format="json")
    assert api.get(api_url(admin, asked)).json()["results"][0]["differs"] is True
    api.post(api_url(admin, f"{second.pk}/grants/"), {"role": "guest"}, format="json")
    assert len(api.get(api_url(admin, asked)).json()["results"]) == 1
    # One that cannot be shared keeps the others from being shared.
    more = {"campaigns": [first.pk, main.pk], "role": "guest"}
    assert api.post(api_url(admin, "grants/"), more, format="json").status_code == 403
    more = {"campaigns": [first.pk, "cmp_gone"], "role": "guest"}
    assert api.post(api_url(admin, "grants/"), more, format="json").status_code == 404
    for wrong in ({"role": "guest"}, {"campaigns": [], "role": "guest"}, {"campaigns": "x", "role": "guest"}):
        answer = api.post(api_url(admin, "grants/"), wrong, format="json")
        assert answer.status_code == 400 and list(answer.json()["errors"]) == ["campaigns"]
    assert not first.grants.filter(role__isnull=False).exists()
    theirs = APIClient(HTTP_AUTHORIZATION=f"Bearer {make_token(guest)}")
    assert theirs.post(api_url(guest, "grants/"), both, format="json").status_code == 403
