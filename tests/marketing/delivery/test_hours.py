"""Messages that leave in the hours of each person's own day."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.test import Client
from django.utils import timezone

from cdp.core.errors import ValidationFailed
from insight.audiences.models import Audience
from marketing.delivery import releasing, schedule, services
from marketing.delivery.models import SendOut
from tests.factories import make_access, make_token
from tests.marketing.console import Browser
from tests.marketing.delivery.shop import Person, Shop

HOUR = timedelta(hours=1)


def clock(offset: str, ahead: int = 0) -> str:
    """What a clock there shows so many hours from now."""
    sign, hours = (1 if offset[0] == "+" else -1), int(offset[1:3])
    return (timezone.now() + timedelta(hours=sign * hours + ahead)).strftime("%H:%M")


def people(*zones: str | None) -> list[Person]:
    """A person in each of these zones, which stand in the tag `city`."""
    return [(None, f"c{number}@x.example", zone, None) for number, zone in enumerate(zones)]


def window(audience: Audience, start: str, end: str, **more: Any) -> dict[str, Any]:
    dataset = audience.rule["dataset"]
    return {"start": start, "end": end, "dataset": dataset, "tag": "city", **more}


def open_in(shop: Shop, offset: str, *zones: str | None, **more: Any) -> SendOut:
    """A send-out whose hours are right now where the clock has this offset: one hour back, one ahead."""
    audience = shop.audience(people(*zones))
    hours = window(audience, clock(offset, -1), clock(offset, 1), **more)
    return shop.mail(audience, window=hours)


def later(shop: Shop, send_out: SendOut, by: timedelta, monkeypatch: pytest.MonkeyPatch) -> SendOut:
    """What happens by then, with the clock put forward."""
    moment = timezone.now() + by
    monkeypatch.setattr("django.utils.timezone.now", lambda: moment)
    schedule.start_due()
    found: SendOut = shop.run_jobs(send_out)
    return found


def test_people_get_it_when_their_own_hours_come(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two where it is time, one whose time comes four hours later; a zone that is unknown is the workspace's."""
    send_out = shop.submit(open_in(shop, "+08:00", "Asia/Shanghai", "+04:00", "nowhere", None))
    assert send_out.state == "waiting" and set(shop.inbox()) == {
        "c0@x.example",
        "c2@x.example",
        "c3@x.example",
    }
    row = shop.recipient(send_out, 1)
    assert row.not_before == send_out.held_until and row.zone == "+04:00"
    assert row.not_before is not None
    assert abs(row.not_before - timezone.now() - 3 * HOUR) < timedelta(minutes=5)
    assert [item["count"] for item in releasing.waiting(send_out)] == [1]
    page = Browser(shop.access, "send-outs/").get(f"{send_out.pk}/").content.decode()
    local = row.not_before.astimezone(ZoneInfo("Etc/GMT-4"))
    assert f"Waits until {local:%H:%M} in their time zone (+04:00)" in page
    assert "Waiting for their hours" in page
    assert schedule.start_due() == 0
    done = later(shop, send_out, 3 * HOUR + timedelta(minutes=5), monkeypatch)
    assert done.state == "finished" and len(shop.inbox()) == 4 and set(shop.inbox().values()) == {1}


def test_whose_hours_do_not_come_in_time_is_left_out_with_the_reason(shop: Shop) -> None:
    send_out = shop.submit(open_in(shop, "+08:00", "+08:00", "+04:00", hours=2))
    assert send_out.state == "finished" and shop.reasons(send_out) == {"hours": 1} and len(shop.inbox()) == 1


def test_quiet_hours_hold_in_the_persons_zone(shop: Shop) -> None:
    """It is quiet now where the clock has +08:00, and not where it has +04:00."""
    quiet = {"enabled": True, "start": clock("+08:00", -1), "end": clock("+08:00", 1), "action": "delay"}
    shop.settings(quiet_hours=quiet)
    audience = shop.audience(people("+08:00", "+04:00"))
    all_day = window(audience, "00:00", "23:59")
    promotion = shop.submit(shop.mail(audience, "Promotion", window=all_day))
    assert promotion.state == "waiting" and set(shop.inbox()) == {"c1@x.example"}
    notice = shop.mail(audience, "Notice", window=all_day, template={"purpose": "notice"})
    assert shop.submit(notice).state == "finished"


def test_quiet_hours_that_are_set_on_the_way_hold_for_the_rest(shop: Shop) -> None:
    send_out = shop.submit(open_in(shop, "+08:00", "+04:00", "+08:00"))
    row = shop.recipient(send_out, 0)
    assert row.not_before is not None
    start = row.not_before.astimezone(ZoneInfo("Etc/GMT-4")) - HOUR
    quiet = {
        "enabled": True,
        "start": f"{start:%H:%M}",
        "end": f"{start + 2 * HOUR:%H:%M}",
        "action": "delay",
    }
    shop.settings(quiet_hours=quiet)
    again = shop.when_due(send_out)
    moved = shop.recipient(again, 0)
    assert moved.not_before is not None and moved.not_before - row.not_before == HOUR


def test_paused_and_resumed_it_keeps_peoples_times(shop: Shop) -> None:
    send_out = shop.submit(open_in(shop, "+08:00", "+08:00", "+04:00"))
    before = shop.recipient(send_out, 1).not_before
    services.pause(shop.access, send_out)
    services.resume(shop.access, SendOut.objects.get(pk=send_out.pk))
    resumed = shop.run_jobs(send_out)
    assert resumed.state == "waiting" and shop.recipient(resumed, 1).not_before == before
    assert len(shop.inbox()) == 1


def test_whoever_missed_the_hours_during_a_pause_gets_the_next_ones(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    send_out = shop.submit(open_in(shop, "+08:00", "+08:00", "+04:00", hours=48))
    before = shop.recipient(send_out, 1).not_before
    services.pause(shop.access, send_out)
    moment = timezone.now() + 8 * HOUR
    monkeypatch.setattr("django.utils.timezone.now", lambda: moment)
    services.resume(shop.access, SendOut.objects.get(pk=send_out.pk))
    resumed = shop.run_jobs(send_out)
    after = shop.recipient(resumed, 1).not_before
    assert resumed.state == "waiting" and before is not None and after == before + timedelta(days=1)


def test_stopped_nobody_who_waits_gets_it(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    send_out = shop.submit(open_in(shop, "+08:00", "+08:00", "+04:00"))
    services.cancel(shop.access, send_out)
    later(shop, send_out, 4 * HOUR, monkeypatch)
    assert shop.states(send_out) == {"delivered": 1, "cancelled": 1} and len(shop.inbox()) == 1


def test_sms_leave_in_batches_of_those_whose_hours_are_now(
    sms_shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = sms_shop
    crowd: list[Person] = [
        (f"1380013{1000 + number}", None, "+08:00" if number % 2 else "+04:00", None) for number in range(6)
    ]
    audience = shop.audience(crowd)
    hours = window(audience, clock("+08:00", -1), clock("+08:00", 1))
    send_out = shop.submit(shop.sms(audience, window=hours))
    assert send_out.state == "waiting" and len(shop.inbox()) == 3 and send_out.batches.count() == 1
    assert send_out.recipients.filter(state="queued", batch=None).count() == 3
    done = later(shop, send_out, 3 * HOUR + timedelta(minutes=5), monkeypatch)
    assert done.state == "finished" and len(shop.inbox()) == 6 and set(shop.inbox().values()) == {1}


def test_the_limit_counts_those_whose_hours_come(shop: Shop) -> None:
    audience = shop.audience(people("+08:00", "+04:00", "+08:00"))
    hours = window(audience, clock("+08:00", -1), clock("+08:00", 1), hours=1)
    send_out = shop.submit(shop.mail(audience, window=hours, limit=2))
    assert len(shop.inbox()) == 2 and shop.reasons(send_out) == {"hours": 1}


def test_a_tag_that_is_not_there_is_refused(shop: Shop) -> None:
    audience = shop.audience(people("+08:00"))
    for wrong in ({"tag": "zone"}, {"dataset": "ds_none"}):
        with pytest.raises(ValidationFailed) as refused:
            shop.mail(audience, str(wrong), window=window(audience, "09:00", "20:00") | wrong)
        assert "window" in refused.value.errors


def test_the_page_and_the_api_set_the_hours(shop: Shop, client: Client) -> None:
    audience = shop.audience(people("+08:00"))
    draft = shop.mail(audience)
    browser = Browser(shop.access, "send-outs/")
    url = f"{draft.pk}/hours/"
    assert browser.get(url).status_code == 200
    assert browser.post(url, start="09:00", end="", hours=24).status_code == 422
    zone = f"{audience.rule['dataset']}:city"
    assert browser.post(url, start="09:00", end="20:00", zone=zone, hours=24).status_code == 302
    draft.refresh_from_db()
    assert draft.window == window(audience, "09:00", "20:00", hours=24)
    page = browser.get(f"{draft.pk}/").content.decode()
    assert "Between 09:00 and 20:00 in each person&#x27;s time zone" in page
    headers: dict[str, Any] = {"Authorization": f"Bearer {make_token(shop.access)}"}
    api = f"/api/v1/workspaces/{shop.workspace.slug}/send-outs/{draft.pk}/"
    kind = "application/json"
    wrong = client.patch(api, {"window": {"start": "9"}}, kind, headers=headers)
    assert wrong.status_code == 400 and "window" in wrong.json()["errors"]
    hours = {"start": clock("+08:00", 2), "end": clock("+08:00", 3)}
    assert client.patch(api, {"window": hours}, kind, headers=headers).json()["window"] == hours
    sent = shop.submit(SendOut.objects.get(pk=draft.pk))
    found = client.get(f"{api}waiting/", headers=headers).json()["waiting"]
    assert [(row["zone"], row["count"]) for row in found] == [("Asia/Shanghai", 1)]
    assert datetime.fromisoformat(found[0]["not_before"]) == sent.held_until
    rows = client.get(f"{api}recipients/", headers=headers).json()["results"]
    assert rows[0]["not_before"] and "in their time zone" in rows[0]["reason_label"]
    analyst = make_access(shop.workspace, "analyst")
    assert Browser(analyst, "send-outs/").post(url, start="", end="", hours=24).status_code == 403
