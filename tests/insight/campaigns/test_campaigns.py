"""Campaigns: what they may be, who may do what with them, what belongs to them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from django.utils import timezone

from admin_center.audit.models import AuditEntry
from admin_center.permissions import groups
from cdp.core.errors import NotFound, PermissionDenied, PreconditionFailed, ValidationFailed
from insight.audiences import services as audiences
from insight.campaigns import calendar, granting, links, outcome, rights, services
from insight.campaigns.models import Campaign, CampaignGrant, CampaignLink
from tests.factories import make_access

DAYS = {"starts": "2026-11-01", "ends": "2026-11-30"}


def made(access: Any, name: str, **values: Any) -> Campaign:
    return services.create(access, {"name": name, "code": name, **DAYS, **values})


@pytest.fixture
def main(admin: Any) -> Campaign:
    return made(admin, "main", is_main=True)


def test_a_campaign_has_all_its_fields_and_is_audited(admin: Any, main: Campaign) -> None:
    values = {
        "name": "Double eleven",
        "code": "D-11_a",
        "parent": main.pk,
        "starts": date(2026, 11, 1),
        "ends": "2026-11-11",
        "type": "festival",
        "description": "Coats first",
        "budget": "1000.5",
        "budget_currency": "HKD",
        "goal": 20000,
        "goal_currency": "EUR",
    }
    campaign = services.create(admin, values)
    campaign.refresh_from_db()
    assert (campaign.parent, campaign.starts, campaign.ends) == (main, date(2026, 11, 1), date(2026, 11, 11))
    assert (str(campaign.budget), campaign.budget_currency) == ("1000.50", "HKD")
    assert (str(campaign.goal), campaign.goal_currency) == ("20000.00", "EUR")
    assert services.types(admin) == ["festival"]
    services.update(admin, campaign, {"parent": None, "budget": None})
    campaign.refresh_from_db()
    assert campaign.parent is None and campaign.budget is None
    events = AuditEntry.objects.filter(object_id=campaign.pk).values_list("action", flat=True)
    assert list(events.order_by("at")) == ["campaign.created", "campaign.changed"]


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"name": " "}, "name"),
        ({"name": "x" * 65}, "name"),
        ({"code": "white space"}, "code"),
        ({"code": "活动"}, "code"),
        ({"code": "main"}, "code"),
        ({"ends": "2026-10-31"}, "ends"),
        ({"starts": "31.10.2026"}, "starts"),
        ({"budget": -1}, "budget"),
        ({"budget": "1.001"}, "budget"),
        ({"goal": "NaN"}, "goal"),
        ({"goal": True}, "goal"),
        ({"goal_currency": "JPY"}, "goal_currency"),
        ({"is_main": "yes"}, "is_main"),
        ({"parent": "cmp_elsewhere"}, "parent"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_what_is_wrong_is_said_at_the_field(
    admin: Any, main: Campaign, change: dict[str, Any], field: str
) -> None:
    with pytest.raises(ValidationFailed) as caught:
        services.create(admin, {"name": "Good", "code": "good", **DAYS, **change})
    assert list(caught.value.errors) == [field]
    assert Campaign.objects.count() == 1


@pytest.mark.parametrize(
    ("starts", "ends", "wrong"),
    [
        ("2026-11-01", "2026-11-30", []),
        ("2026-10-31", "2026-11-30", ["starts"]),
        ("2026-11-01", "2026-12-01", ["ends"]),
        ("2026-10-01", "2026-12-01", ["starts", "ends"]),
    ],
)
def test_the_days_lie_within_those_of_the_main_campaign(
    admin: Any, main: Campaign, starts: str, ends: str, wrong: list[str]
) -> None:
    if not wrong:
        assert made(admin, "sub", parent=main.pk, starts=starts, ends=ends).parent == main
        return
    with pytest.raises(ValidationFailed) as caught:
        made(admin, "sub", parent=main.pk, starts=starts, ends=ends)
    assert list(caught.value.errors) == wrong


def test_a_main_campaign_does_not_shrink_below_those_inside(admin: Any, main: Campaign) -> None:
    made(admin, "sub", parent=main.pk, starts="2026-11-20")
    with pytest.raises(ValidationFailed) as caught:
        services.update(admin, main, {"ends": "2026-11-25"})
    assert "sub (2026-11-20 – 2026-11-30)" in caught.value.errors["ends"][0]


def test_main_campaigns_stay_main_and_have_no_parent(admin: Any, main: Campaign) -> None:
    sub = made(admin, "sub", parent=main.pk)
    for campaign, value in ((main, False), (sub, True)):
        with pytest.raises(ValidationFailed) as caught:
            services.update(admin, campaign, {"is_main": value})
        assert list(caught.value.errors) == ["is_main"]
    with pytest.raises(ValidationFailed):
        made(admin, "second", is_main=True, parent=main.pk)
    with pytest.raises(ValidationFailed):
        made(admin, "third", parent=sub.pk)


def test_of_two_edits_at_a_time_the_later_is_told(admin: Any, main: Campaign) -> None:
    services.update(admin, main, {"name": "First"}, edit_version=1)
    with pytest.raises(PreconditionFailed):
        services.update(admin, main, {"name": "Second"}, edit_version=1)
    main.refresh_from_db()
    assert main.name == "First"


def test_removing_a_main_campaign_frees_those_below(admin: Any, main: Campaign) -> None:
    sub = made(admin, "sub", parent=main.pk)
    services.delete(admin, main)
    sub.refresh_from_db()
    assert sub.parent is None


def test_the_state_follows_the_days(main: Campaign) -> None:
    states = [main.state_on(date(2026, *day)) for day in ((10, 31), (11, 1), (11, 30), (12, 1))]
    assert states == ["planned", "running", "running", "ended"]


def codes(rows: Any) -> set[str]:
    return {row.code for row in rows}


def test_people_see_their_own_campaigns_and_those_they_have_a_grant_for(
    admin: Any, planner: Any, guest: Any, main: Campaign
) -> None:
    sub = made(admin, "sub", parent=main.pk)
    made(admin, "other")
    own = made(planner, "own")
    assert codes(rights.visible(admin)) == {"main", "sub", "other", "own"}
    assert codes(rights.visible(planner)) == {"own"} and rights.may_change(planner, own)
    assert codes(rights.visible(guest)) == set()
    assert codes(rights.visible(make_access(admin.workspace, "analyst"))) == set()
    granting.grant(admin, [sub], {"user": guest.user.username})
    assert codes(rights.visible(guest)) == {"main", "sub"} and codes(rights.linkable(guest)) == {"sub"}
    assert not rights.may_change(guest, sub)
    granting.grant(admin, [sub], {"role": "guest", "right": "manage"})
    services.update(guest, sub, {"name": "Changed by the guest"})
    with pytest.raises(PermissionDenied):
        granting.grant(guest, [sub], {"user": planner.user.username})
    with pytest.raises(PermissionDenied):
        services.update(guest, main, {"name": "Not this one"})


def test_a_grant_for_a_group_follows_who_is_in_it(admin: Any, guest: Any) -> None:
    first, second = made(admin, "first"), made(admin, "second")
    team = groups.create(admin, "Team", [guest.member.pk])
    granting.grant(admin, [first, second], {"group": team.pk, "right": "manage"})
    granting.grant(admin, [first], {"user": guest.user.username})
    assert [row["grantee"] for row in granting.common([first, second])] == ["Team"]
    assert codes(rights.visible(guest)) == {"first", "second"} and rights.may_change(guest, second)
    groups.change(admin, team, members=[])
    assert codes(rights.visible(guest)) == {"first"} and not rights.may_change(guest, first)


def test_grants_end_and_are_taken_back_at_once(admin: Any, guest: Any) -> None:
    sub = made(admin, "sub")
    row = granting.grant(
        admin, [sub], {"user": guest.user.username, "expires_at": timezone.now() + timedelta(days=1)}
    )[0]
    assert codes(rights.visible(guest)) == {"sub"}
    CampaignGrant.objects.filter(pk=row.pk).update(expires_at=timezone.now() - timedelta(seconds=1))
    assert codes(rights.visible(guest)) == set()
    again = granting.grant(admin, [sub], {"user": guest.user.username})
    assert again[0].pk == row.pk and codes(rights.visible(guest)) == {"sub"}
    granting.revoke(admin, again)
    assert codes(rights.visible(guest)) == set()


def test_of_several_campaigns_only_common_grants_are_shown(admin: Any, guest: Any, planner: Any) -> None:
    first, second = made(admin, "first"), made(admin, "second")
    later = timezone.now() + timedelta(days=9)
    granting.grant(admin, [first, second], {"user": guest.user.username})
    granting.grant(admin, [first], {"user": planner.user.username})
    assert [(row["grantee"], row["differs"]) for row in granting.common([first, second])] == [
        (str(guest.user), False)
    ]
    granting.grant(admin, [second], {"user": guest.user.username, "expires_at": later})
    assert granting.common([first, second])[0]["differs"]
    assert len(granting.common([first])) == 2


def test_a_grant_is_all_or_nothing_and_never_on_a_main_campaign(
    admin: Any, planner: Any, guest: Any, main: Campaign
) -> None:
    own, foreign = made(planner, "own"), made(admin, "foreign")
    for chosen in ([own, foreign], [main]):
        with pytest.raises(PermissionDenied):
            granting.grant(planner, chosen, {"user": guest.user.username})
    for wrong in ({}, {"user": "nobody"}, {"role": "none"}, {"user": guest.user.username, "right": "all"}):
        with pytest.raises(ValidationFailed):
            granting.grant(planner, [own], wrong)
    assert not CampaignGrant.objects.exists()


def test_audiences_belong_to_several_campaigns_and_stay_when_these_go(
    admin: Any, planner: Any, main: Campaign, run_jobs: Callable[[], list[Any]]
) -> None:
    from tests.insight.audiences.world import make_world

    world = make_world(admin)
    first, second, foreign = made(admin, "a", parent=main.pk), made(admin, "b"), made(planner, "c")
    data = {"name": "Women", "rule": world.women, "save_ids": ["one_id"]}
    audience = audiences.create(admin, {**data, "campaigns": [first.pk, second.pk]})
    run_jobs()
    assert set(links.ids_of("audience", audience.pk)) == {first.pk, second.pk}
    parts = {kind.key: rows for kind, rows in links.belongings(admin, first)}
    assert [(row.name, row.people) for row in parts["audience"]] == [("Women", 4)]
    copied = audiences.copy(admin, audience, {})
    assert set(links.ids_of("audience", copied.pk)) == {first.pk, second.pk}
    audiences.update(admin, audience, {"campaigns": [second.pk, foreign.pk]})
    assert set(links.ids_of("audience", audience.pk)) == {second.pk, foreign.pk}
    for wrong in ([main.pk], ["cmp_elsewhere"], "b", [second.pk, main.pk]):
        with pytest.raises(ValidationFailed) as caught:
            audiences.update(admin, audience, {"campaigns": wrong})
        assert next(iter(caught.value.errors)).startswith("campaigns")
    services.delete(admin, second)
    audience.refresh_from_db()
    assert links.ids_of("audience", audience.pk) == [foreign.pk]
    audiences.delete(admin, copied)
    assert links.ids_of("audience", copied.pk) == []


def test_links_that_one_may_not_use_stay_as_they_are(admin: Any, planner: Any) -> None:
    from tests.insight.audiences.world import make_world

    world = make_world(admin)
    foreign, own = made(admin, "foreign"), made(planner, "own")
    audience = audiences.create(
        admin, {"name": "Women", "rule": world.women, "save_ids": [], "campaigns": [foreign.pk]}
    )
    links.link(planner, "audience", audience, [own])
    assert set(links.ids_of("audience", audience.pk)) == {foreign.pk, own.pk}
    links.link(planner, "audience", audience, [])
    assert links.ids_of("audience", audience.pk) == [foreign.pk]
    assert [key for key, _rows in links.choices(planner)] == ["–"]


def test_the_choices_stand_below_their_main_campaign(admin: Any, main: Campaign) -> None:
    sub, alone = made(admin, "sub", parent=main.pk), made(admin, "alone")
    assert [(group, [key for key, _label in rows]) for group, rows in links.choices(admin)] == [
        ("main", [sub.pk]),
        ("–", [alone.pk]),
    ]


def test_the_month_shows_main_and_independent_campaigns_on_each_of_their_days(
    admin: Any, main: Campaign
) -> None:
    made(admin, "sub", parent=main.pk)
    made(admin, "alone", starts="2026-11-29", ends="2026-12-02")
    weeks = calendar.month(admin, 2026, 11, date(2026, 11, 30))
    assert [weeks[0][0].day, weeks[-1][-1].day] == [date(2026, 10, 26), date(2026, 12, 6)]
    shown = {
        cell.day: [(entry.campaign.code, entry.tone) for entry in cell.entries]
        for week in weeks
        for cell in week
    }
    assert shown[date(2026, 10, 31)] == []
    assert shown[date(2026, 11, 1)] == [("main", "main")]
    assert shown[date(2026, 11, 30)] == [("main", "main"), ("alone", "sub")]
    assert shown[date(2026, 12, 2)] == [("alone", "sub")]
    later = calendar.month(admin, 2026, 11, date(2026, 12, 1))
    assert {entry.tone for week in later for cell in week for entry in cell.entries} == {"ended", "sub"}
    months = calendar.year(admin, 2026, date(2026, 11, 24))
    assert [[entry.campaign.code for entry in cell.entries] for cell in months[9:]] == [
        [],
        ["main", "alone"],
        ["alone"],
    ]
    assert [cell.is_today for cell in months].index(True) == 10


def test_other_workspaces_are_not_there(admin: Any, main: Campaign) -> None:
    other = make_access()
    assert not rights.visible(other).exists() and calendar.between(other, *_year()) == []
    with pytest.raises(NotFound):
        rights.get_visible(other, main.pk)


def _year() -> tuple[date, date]:
    return date(2026, 1, 1), date(2026, 12, 31)


TASKS = links.LinkedKind("task", "", "", lambda _access, _ids: ())


@pytest.mark.parametrize(("sent", "delivered", "each"), [(50, 40, "2.50"), (50, 0, "2.00"), (0, 0, None)])
def test_budget_and_goal_are_shared_among_the_people_reached(
    admin: Any, monkeypatch: pytest.MonkeyPatch, sent: int, delivered: int, each: str | None
) -> None:
    figures = {"sent": sent, "delivered": delivered, "opened": 0, "clicked": 0}
    monkeypatch.setattr(
        links, "belongings", lambda *_given: [(TASKS, [links.Linked("1", "", "", results=figures)])]
    )
    data = {"name": "A", "code": "a", "starts": "2026-03-01", "ends": "2026-03-10", "budget": 100}
    campaign = services.create(admin, data)
    found = outcome.of(admin, campaign, date(2026, 3, 4))
    assert (found.results["sent"], found.days, found.passed, found.share) == (sent, 10, 4, 40)
    assert (None if found.budget_each is None else str(found.budget_each)) == each and found.goal_each is None


@pytest.mark.parametrize(
    ("day", "passed"), [("2026-02-28", 0), ("2026-03-01", 1), ("2026-03-10", 10), ("2027-01-01", 10)]
)
def test_days_that_have_passed_lie_between_none_and_all(admin: Any, day: str, passed: int) -> None:
    campaign = services.create(
        admin, {"name": "A", "code": "a", "starts": "2026-03-01", "ends": "2026-03-10"}
    )
    assert outcome.of(admin, campaign, date.fromisoformat(day)).passed == passed


def test_a_main_campaign_counts_what_belongs_to_several_below_it_once(admin: Any, main: Campaign) -> None:
    below = [
        services.create(
            admin, {"name": name, "code": name, "parent": main.pk, "starts": main.starts, "ends": main.starts}
        )
        for name in ("one", "two")
    ]
    for campaign in below:
        CampaignLink.objects.create(campaign=campaign, kind="audience", object_id="aud_1")
    asked: list[Any] = []

    def find(_access: Any, ids: Any) -> list[Any]:
        asked.extend(ids)
        return []

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(links, "KINDS", [links.LinkedKind("audience", "", "", find)])
        outcome.of(admin, main, main.starts)
    assert asked == ["aud_1"]
