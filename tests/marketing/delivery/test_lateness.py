"""Scheduled send-outs that are found long after their time: what the workspace chose happens."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from cdp.console.models import Notification
from cdp.core.errors import Conflict, PermissionDenied
from marketing.delivery import late_decision, schedule, services
from marketing.delivery.models import SendOut
from tests.factories import make_access, make_token
from tests.marketing.delivery.shop import Shop, mails

HOUR = timedelta(hours=1)


def overdue(shop: Shop, by: timedelta) -> SendOut:
    """A scheduled send-out that is found so long after its time."""
    send_out = services.submit(
        shop.access, shop.mail(shop.audience(mails(2))), scheduled_at=timezone.now() + HOUR
    )
    SendOut.objects.filter(pk=send_out.pk).update(scheduled_at=timezone.now() - by)
    schedule.start_due()
    found: SendOut = shop.run_jobs(send_out)
    return found


@pytest.mark.parametrize("action", ["send", "skip", "ask"])
def test_within_the_tolerance_it_is_sent(shop: Shop, action: str) -> None:
    shop.settings(late={"hours": 3, "action": action})
    assert overdue(shop, 2 * HOUR).state == "finished" and len(shop.inbox()) == 2


@pytest.mark.parametrize(
    ("action", "state", "got"), [("send", "finished", 2), ("skip", "failed", 0), ("ask", "late", 0)]
)
def test_beyond_it_happens_what_was_chosen(shop: Shop, action: str, state: str, got: int) -> None:
    shop.settings(late={"hours": 3, "action": action})
    found = overdue(shop, 4 * HOUR)
    assert (found.state, len(shop.inbox())) == (state, got)
    assert ("issed its time" in found.state_reason) == (action != "send")


def test_no_tolerance_still_means_five_minutes(shop: Shop) -> None:
    shop.settings(late={"hours": 0, "action": "skip"})
    assert overdue(shop, timedelta(minutes=4)).state == "finished"


def test_without_tolerance_six_minutes_are_late(shop: Shop) -> None:
    shop.settings(late={"hours": 0, "action": "ask"})
    assert overdue(shop, timedelta(minutes=6)).state == "late"


def test_the_owner_is_told_and_decides(shop: Shop) -> None:
    shop.settings(late={"hours": 1, "action": "ask"})
    late = overdue(shop, 2 * HOUR)
    assert Notification.objects.filter(user=shop.access.user, title__contains=late.name).count() == 1
    assert schedule.start_due() == 0
    with pytest.raises(PermissionDenied):
        late_decision.decide(make_access(shop.workspace, "analyst"), late, send=True)
    sent = shop.run_jobs(late_decision.decide(shop.access, late, send=True))
    assert sent.state == "finished" and len(shop.inbox()) == 2
    with pytest.raises(Conflict):
        late_decision.decide(shop.access, late, send=False)


def test_skipped_it_has_failed_and_can_be_sent_later(shop: Shop) -> None:
    shop.settings(late={"hours": 1, "action": "ask"})
    skipped = late_decision.decide(shop.access, overdue(shop, 2 * HOUR), send=False)
    assert skipped.state == "failed" and "Missed its time" in skipped.state_reason and not shop.inbox()
    assert shop.submit(skipped, now=True).state == "finished"


def test_the_page_and_the_api_offer_both(shop: Shop, client: Client) -> None:
    shop.settings(late={"hours": 1, "action": "ask"})
    late = overdue(shop, 2 * HOUR)
    client.force_login(shop.access.user)
    page = client.get(f"/w/{shop.workspace.slug}/send-outs/{late.pk}/").content.decode()
    assert "It missed its time" in page and 'value="send"' in page and 'value="skip"' in page
    headers: dict[str, Any] = {"Authorization": f"Bearer {make_token(shop.access)}"}
    url = f"/api/v1/workspaces/{shop.workspace.slug}/send-outs/{late.pk}/late/"
    assert client.post(url, {}, content_type="application/json", headers=headers).status_code == 400
    answer = client.post(url, {"send": True}, content_type="application/json", headers=headers)
    assert answer.status_code == 202 and shop.run_jobs(late).state == "finished"


def test_the_page_skips(shop: Shop, client: Client) -> None:
    shop.settings(late={"hours": 1, "action": "ask"})
    late = overdue(shop, 2 * HOUR)
    client.force_login(shop.access.user)
    client.post(f"/w/{shop.workspace.slug}/send-outs/{late.pk}/late/", {"do": "skip"})
    late.refresh_from_db()
    assert late.state == "failed"


def test_quotas_count_every_send_out(shop: Shop) -> None:
    shop.settings(quotas={"email": 2})
    audience = shop.audience(mails(1))
    first = shop.mail(audience, "One")
    SendOut.objects.filter(pk=first.pk).update(state="failed")
    shop.mail(audience, "Two")
    with pytest.raises(Conflict) as refused:
        shop.mail(audience, "Three")
    assert refused.value.code == "send_out_quota" and SendOut.objects.count() == 2
