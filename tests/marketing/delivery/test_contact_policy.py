"""Quiet hours and caps of the workspace."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from marketing.delivery import contact_policy, schedule, services, trial
from marketing.delivery.models import Recipient, SendOut
from tests.marketing.console import Browser
from tests.marketing.delivery.shop import Shop, mails

NIGHT = datetime(2026, 5, 4, 22, 30, tzinfo=ZoneInfo("Asia/Shanghai"))
NOON = datetime(2026, 5, 4, 12, 0, tzinfo=ZoneInfo("Asia/Shanghai"))
QUIET = {"enabled": True, "start": "21:00", "end": "09:00", "action": "delay"}


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Sets the workspace's clock: clock(moment)."""

    def to(moment: datetime) -> None:
        monkeypatch.setattr(contact_policy, "local_now", lambda workspace: moment)

    return to


def test_what_starts_in_quiet_hours_waits_until_they_end(shop: Shop, clock: Any) -> None:
    shop.settings(quiet_hours=QUIET)
    clock(NIGHT)
    send_out = shop.submit(shop.mail(shop.audience(mails(2))))
    assert (send_out.state, send_out.state_reason) == ("waiting", "Quiet hours.")
    assert send_out.held_until == datetime(2026, 5, 5, 9, 0, tzinfo=NIGHT.tzinfo)
    assert not shop.inbox()
    clock(NOON)
    send_out = shop.when_due(send_out)
    assert send_out.state == "finished" and len(shop.inbox()) == 2


def test_it_is_not_started_before_its_time(shop: Shop, clock: Any) -> None:
    shop.settings(quiet_hours=QUIET)
    clock(NIGHT)
    send_out = shop.submit(shop.mail(shop.audience(mails(1))))
    SendOut.objects.filter(pk=send_out.pk).update(held_until=timezone.now() + timedelta(minutes=5))
    assert schedule.start_due() == 0


def test_the_page_says_when_it_goes_on(shop: Shop, clock: Any) -> None:
    shop.settings(quiet_hours=QUIET)
    clock(NIGHT)
    send_out = shop.submit(shop.mail(shop.audience(mails(1))))
    page = Browser(shop.access, "send-outs/").get(f"{send_out.pk}/").content.decode()
    assert "Quiet hours." in page and "2026-05-05 09:00" in page


def test_quiet_hours_that_begin_on_the_way_stop_the_rest(
    shop: Shop, clock: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where they begin while the next messages wait for their turn."""
    shop.settings(quiet_hours=QUIET)
    clock(NOON)
    send_out = shop.mail(shop.audience(mails(6)), provider={"rate_per_second": 2})
    nights = [NIGHT]
    monkeypatch.setattr(
        "marketing.delivery.personal.throttle",
        lambda *args: clock(nights.pop()) if nights and len(shop.inbox()) == 2 else None,
    )
    send_out = shop.submit(send_out)
    assert send_out.state == "waiting" and sum(shop.inbox().values()) == 2
    assert shop.states(send_out) == {"delivered": 2, "queued": 4}
    clock(NOON)
    send_out = shop.when_due(send_out)
    assert send_out.state == "finished" and set(shop.inbox().values()) == {1} and len(shop.inbox()) == 6


def test_a_workspace_can_have_what_is_due_in_quiet_hours_left_out(shop: Shop, clock: Any) -> None:
    shop.settings(quiet_hours={**QUIET, "action": "skip"})
    clock(NIGHT)
    send_out = shop.submit(shop.mail(shop.audience(mails(2))))
    assert send_out.state == "failed" and not shop.inbox()
    assert shop.reasons(send_out) == {"quiet_hours": 2}


def test_a_notice_goes_out_in_quiet_hours(shop: Shop, clock: Any) -> None:
    shop.settings(quiet_hours=QUIET)
    clock(NIGHT)
    send_out = shop.submit(shop.mail(shop.audience(mails(1)), template={"purpose": "notice"}))
    assert send_out.state == "finished" and len(shop.inbox()) == 1


def test_a_trial_goes_out_in_quiet_hours_and_is_not_capped(shop: Shop, clock: Any) -> None:
    shop.settings(quiet_hours=QUIET, caps={"email": {"per_day": 1}})
    clock(NIGHT)
    send_out = shop.mail(shop.audience(mails(1)))
    for _turn in range(2):
        assert trial.send_test(shop.access, send_out, ["me@x.example"])["sent"] == ["me@x.example"]
    assert shop.inbox() == {"me@x.example": 2}


def test_while_it_waits_it_can_be_paused_stopped_and_edited(shop: Shop, clock: Any) -> None:
    shop.settings(quiet_hours=QUIET)
    clock(NIGHT)
    audience = shop.audience(mails(1))
    paused, stopped, edited = (shop.submit(shop.mail(audience, name)) for name in "abc")
    assert services.pause(shop.access, paused).state == "paused"
    assert services.cancel(shop.access, stopped).state == "cancelled"
    SendOut.objects.filter(pk=edited.pk).update(held_until=timezone.now() + timedelta(hours=1))
    assert services.update(shop.access, edited, {"name": "d"}).state == "draft"
    clock(NOON)
    schedule.start_due()
    shop.run_jobs()
    assert not shop.inbox()
    services.resume(shop.access, paused)
    shop.run_jobs()
    assert len(shop.inbox()) == 1


def test_nobody_gets_more_than_the_cap_of_a_day(shop: Shop) -> None:
    shop.settings(caps={"email": {"per_day": 2}})
    audience, newcomers = shop.audience(mails(2)), shop.audience(mails(3), "Newcomers")
    first, second = (shop.submit(shop.mail(audience, name)) for name in "ab")
    assert (first.state, second.state) == ("finished", "finished")
    third = shop.submit(shop.mail(newcomers, "c"))
    assert shop.reasons(third) == {"capped": 2} and third.state == "finished"
    assert shop.inbox() == {"c0@x.example": 2, "c1@x.example": 2, "c2@x.example": 1}


def test_the_effect_page_names_the_cap(shop: Shop) -> None:
    shop.settings(caps={"email": {"per_day": 1}})
    audience = shop.audience(mails(1))
    shop.submit(shop.mail(audience, "a"))
    second = shop.submit(shop.mail(audience, "b"))
    page = Browser(shop.access, "send-outs/").get(f"{second.pk}/").content.decode()
    assert "Has got as many messages as one person may get" in page


@pytest.mark.parametrize(("days_ago", "capped"), [(0, 1), (6, 1), (7, 0)])
def test_the_cap_of_a_week_counts_this_day_and_the_six_before(
    shop: Shop, clock: Any, days_ago: int, capped: int
) -> None:
    shop.settings(caps={"email": {"per_week": 1}})
    clock(NOON)
    audience = shop.audience(mails(1))
    first = shop.submit(shop.mail(audience, "a"))
    first.recipients.update(handed_at=NOON - timedelta(days=days_ago))
    second = shop.submit(shop.mail(audience, "b"))
    assert shop.reasons(second) == ({"capped": 1} if capped else {})


@pytest.mark.parametrize(("hour", "capped"), [(0, 1), (-1, 0)])
def test_a_day_begins_at_midnight_of_the_workspace(shop: Shop, clock: Any, hour: int, capped: int) -> None:
    shop.settings(caps={"email": {"per_day": 1}})
    clock(NOON)
    audience = shop.audience(mails(1))
    first = shop.submit(shop.mail(audience, "a"))
    first.recipients.update(handed_at=NOON.replace(hour=0) + timedelta(hours=hour))
    second = shop.submit(shop.mail(audience, "b"))
    assert shop.reasons(second) == ({"capped": 1} if capped else {})


@pytest.mark.parametrize(
    ("state", "capped"),
    [("delivered", 1), ("handed", 1), ("unknown", 1), ("failed", 0), ("cancelled", 0), ("queued", 0)],
)
def test_only_what_a_person_may_have_got_counts(shop: Shop, state: str, capped: int) -> None:
    shop.settings(caps={"email": {"per_day": 1}})
    audience = shop.audience(mails(1))
    first = shop.submit(shop.mail(audience, "a"))
    first.recipients.update(state=state)
    second = shop.submit(shop.mail(audience, "b"))
    assert shop.reasons(second) == ({"capped": 1} if capped else {})


def test_notices_are_not_capped_and_do_not_count(shop: Shop) -> None:
    shop.settings(caps={"email": {"per_day": 1}})
    audience = shop.audience(mails(1))
    for name in "ab":
        shop.submit(shop.mail(audience, name, template={"purpose": "notice"}))
    shop.submit(shop.mail(audience, "c"))
    shop.submit(shop.mail(audience, "d", template={"purpose": "notice"}))
    assert shop.inbox() == {"c0@x.example": 4}


def test_caps_of_another_channel_or_workspace_do_not_count(shop: Shop) -> None:
    shop.settings(caps={"sms": {"per_day": 1}})
    audience = shop.audience(mails(1))
    for name in "ab":
        shop.submit(shop.mail(audience, name))
    elsewhere = Shop(shop.sandbox)
    elsewhere.settings(caps={"email": {"per_day": 1}})
    elsewhere.submit(elsewhere.mail(elsewhere.audience(mails(1))))
    assert shop.inbox() == {"c0@x.example": 3}


def test_the_cap_holds_for_people_who_were_queued_before_another_message_left(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two send-outs at once: both find their people first, then one of them sends."""
    shop.settings(caps={"email": {"per_day": 1}})
    audience = shop.audience(mails(2))
    first, second = shop.mail(audience, "a"), shop.mail(audience, "b")
    nested: list[Any] = []

    def let_the_other_send(*args: Any) -> None:
        if not nested:
            nested.append(services.submit(shop.access, second))
            shop.run_jobs()

    monkeypatch.setattr("marketing.delivery.personal.throttle", let_the_other_send)
    first = shop.submit(first)
    assert set(shop.inbox().values()) == {1}
    assert shop.reasons(first) == {"capped": 2} and Recipient.objects.filter(state="delivered").count() == 2
