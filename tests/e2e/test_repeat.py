"""A send-out is given hours and made to repeat, in a browser."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

from marketing.delivery import plans
from marketing.delivery.models import SendOut
from tests.marketing.delivery.shop import Shop, mails


@pytest.fixture
def shop(transactional_db: None, sandbox: Any) -> Shop:
    return Shop(sandbox)


def test_hours_are_chosen_and_it_starts_repeating(
    tab: Any, sign_in: Callable[[Any], str], shop: Shop
) -> None:
    audience = shop.audience(mails(3))
    draft = shop.mail(audience, "Monday letter")
    home = sign_in(shop.access)
    page = f"{home}send-outs/{draft.pk}/"
    tab.goto(page)
    tab.get_by_role("link", name="Choose hours").click()
    tab.fill("#id_start", "09:00")
    tab.fill("#id_end", "20:00")
    tab.get_by_role("button", name="Save").click()
    tab.get_by_text("Between 09:00 and 20:00 in the workspace's time zone").first.wait_for()
    tab.get_by_role("link", name="Repeat it").click()
    tab.select_option("#id_every", "week")
    tab.fill("#id_runs", "4")
    tab.get_by_role("button", name="Save").click()
    tab.get_by_text("Every Monday at 09:00, at most 4 times").first.wait_for()
    tab.goto(page)
    tab.get_by_role("button", name="Start repeating").click()
    tab.locator("#check-dialog").get_by_text("Every Monday at 09:00").wait_for()
    tab.locator("#check-dialog [data-part=go]").click()
    tab.get_by_text("Its next run leaves by itself").wait_for()
    draft.refresh_from_db()
    assert draft.state == "repeating"
    SendOut.objects.filter(pk=draft.pk).update(next_run_at=timezone.now())
    plans.start_due()
    shop.run_jobs()
    tab.goto(page)
    tab.get_by_text("All runs together").wait_for()
