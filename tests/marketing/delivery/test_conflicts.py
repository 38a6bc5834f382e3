"""Which other send-outs reach the same people, against plain sets."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from admin_center.permissions.models import Role
from cdp.console.models import Notification
from marketing.delivery import conflicts, services, suppressions
from marketing.delivery.models import Recipient, SendOut
from tests.factories import make_access, make_token
from tests.marketing.delivery.shop import Person, Shop, mails

HOUR = timedelta(hours=1)


def look(shop: Shop, send_out: SendOut) -> dict[str, Any]:
    conflicts.start(shop.access, send_out)
    shop.run_jobs()
    found = conflicts.found(shop.access, send_out)
    assert found is not None
    return found


def shared(found: dict[str, Any]) -> dict[str, int | None]:
    return {row["name"]: row["shared"] for row in found["others"]}


def some(numbers: range, *, upper: bool = False) -> list[Person]:
    return [
        (f"1380013{number:04}", (f"P{number}@X.example" if upper else f"p{number}@x.example"), None, None)
        for number in numbers
    ]


def scheduled(shop: Shop, send_out: SendOut) -> SendOut:
    return services.submit(shop.access, send_out, scheduled_at=timezone.now() + HOUR)


def test_planned_ones_share_whom_sets_share(shop: Shop) -> None:
    ours, theirs, banned = range(40), range(25, 60), range(30, 33)
    mine = shop.mail(
        shop.audience(some(ours), "Ours"), "Mine", exclude=[shop.audience(some(banned), "Banned")]
    )
    scheduled(shop, shop.mail(shop.audience(some(theirs, upper=True), "Theirs"), "Other"))
    scheduled(shop, shop.mail(shop.audience(some(range(90, 95)), "Far"), "Far away"))
    shop.mail(mine.audience, "A draft")
    found = look(shop, mine)
    expected = len((set(ours) - set(banned)) & set(theirs))
    # u000000 … are the identifiers of every audience here: who is banned is so by identifier, too.
    by_identifier = {number for number in ours if number < len(banned)}
    left = set(ours) - set(banned) - by_identifier
    assert shared(found) == {"Other": len(left & set(theirs))} and expected >= len(left & set(theirs))
    assert found["people"] == len(left)


def test_those_under_way_share_who_stands_in_their_ledger(shop: Shop) -> None:
    going = shop.submit(shop.mail(shop.audience(some(range(10, 30)), "Going"), "Going out"))
    SendOut.objects.filter(pk=going.pk).update(state="paused")
    Recipient.objects.filter(send_out=going, person__in=["u000000", "u000001"]).update(state="filtered")
    mine = shop.mail(shop.audience(some(range(20)), "Ours"), "Mine")
    in_ledger = set(range(10, 30)) - {10, 11}
    assert shared(look(shop, mine)) == {"Going out": len(set(range(20)) & in_ledger)}


def test_another_channel_comes_last_and_is_compared_by_identifier(sms_shop: Shop) -> None:
    shop = sms_shop
    audience = shop.audience(some(range(10)), "Ours")
    scheduled(shop, shop.sms(audience, "A text"))
    scheduled(shop, shop.mail(audience, "A mail"))
    mine = shop.mail(audience, "Mine")
    found = look(shop, mine)
    assert [(row["name"], row["same_channel"], row["shared"]) for row in found["others"]] == [
        ("A mail", True, 10),
        ("A text", False, 10),
    ]


def test_whom_caps_hold_and_who_is_suppressed(shop: Shop) -> None:
    shop.settings(caps={"email": {"per_day": 1}})
    shop.submit(shop.mail(shop.audience(mails(6), "First"), "First"))
    mine = shop.mail(shop.audience(mails(10), "All"), "Mine")
    for number in (0, 8):
        suppressions.add(shop.access, "email", f"c{number}@x.example")
    found = look(shop, mine)
    # c0 is suppressed already, so caps hold c1 to c5.
    assert (found["people"], found["suppressed"], found["capped"]) == (10, 2, 5)
    SendOut.objects.filter(pk=mine.pk).update(scheduled_at=timezone.now() + 30 * HOUR)
    later = look(shop, SendOut.objects.get(pk=mine.pk))
    assert later["capped"] == 0
    sent = shop.submit(SendOut.objects.get(pk=mine.pk), now=True)
    assert shop.reasons(sent) == {"suppressed": 2, "capped": 5}


def test_nobody_is_told_of_every_look(shop: Shop) -> None:
    mine = shop.mail(shop.audience(mails(3)), "Mine")
    look(shop, mine)
    assert not Notification.objects.filter(title__contains="Mine").exists()


def test_a_change_makes_the_answer_old(shop: Shop) -> None:
    mine = shop.mail(shop.audience(mails(3)), "Mine")
    assert not look(shop, mine)["outdated"]
    services.update(shop.access, mine, {"audience": shop.audience(mails(4), "Others")})
    found = conflicts.found(shop.access, SendOut.objects.get(pk=mine.pk))
    assert found is not None and found["outdated"]


def test_names_of_other_channels_need_their_right(sms_shop: Shop) -> None:
    shop = sms_shop
    audience = shop.audience(some(range(3)), "Ours")
    scheduled(shop, shop.sms(audience, "Secret text"))
    mine = shop.mail(audience, "Mine")
    look(shop, mine)
    role = Role.objects.get(workspace=shop.workspace, code="analyst")
    role.permissions = [point for point in role.permissions if not point.startswith("marketing.sms")]
    role.save()
    found = conflicts.found(make_access(shop.workspace, "analyst"), mine)
    assert found is not None and [(row["name"], row["shared"]) for row in found["others"]] == [("", 3)]


@pytest.mark.parametrize("again", [False, True])
def test_the_page_looks_by_itself(shop: Shop, client: Client, again: bool) -> None:
    audience = shop.audience(mails(3))
    scheduled(shop, shop.mail(audience, "Other"))
    mine = shop.mail(audience, "Mine")
    client.force_login(shop.access.user)
    url = f"/w/{shop.workspace.slug}/send-outs/{mine.pk}/"
    assert 'hx-trigger="load"' in client.get(url).content.decode()
    running = client.post(f"{url}conflicts/").content.decode()
    assert "Comparing with other send-outs" in running and "<html" not in running
    shop.run_jobs()
    shown = client.get(f"{url}conflicts/").content.decode()
    assert "Other" in shown and "Shared people" in shown
    more = client.post(f"{url}conflicts/", {"again": "1"} if again else {}).content.decode()
    assert ("Comparing with" in more) == again


def test_the_api_looks_and_answers(shop: Shop, client: Client) -> None:
    mine = shop.mail(shop.audience(mails(3)), "Mine")
    url = f"/api/v1/workspaces/{shop.workspace.slug}/send-outs/{mine.pk}/conflicts/"
    headers: dict[str, Any] = {"Authorization": f"Bearer {make_token(shop.access)}"}
    assert client.get(url, headers=headers).json() == {}
    assert client.post(url, {}, content_type="application/json", headers=headers).status_code == 202
    shop.run_jobs()
    found = client.get(url, headers=headers).json()
    assert (found["people"], found["others"], found["outdated"]) == (3, [], False)
