"""A send-out is given hours and made to repeat, in a browser."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import pytest
from django.utils import timezone

from cdp.demo import audiences as rules
from cdp.demo import repeating
from insight.datasets.models import Dataset
from marketing.content import services as contents
from marketing.delivery import plans
from marketing.delivery.models import SendOut
from tests.marketing.delivery.shop import Shop, mails

SHOTS = os.environ.get("SHOTS")


@pytest.fixture
def shop(transactional_db: None, sandbox: Any) -> Shop:
    return Shop(sandbox)


def shot(tab: Any, name: str) -> None:
    if SHOTS:
        tab.screenshot(path=f"{SHOTS}/{name}.png", full_page=True)


def look(tab: Any, name: str) -> None:
    if not SHOTS:
        return
    shot(tab, name)
    tab.evaluate("document.documentElement.dataset.bsTheme = 'dark'")
    shot(tab, f"{name}-dark")


def test_hours_are_chosen_and_it_starts_repeating(
    tab: Any, sign_in: Callable[[Any], str], shop: Shop
) -> None:
    audience = shop.audience(mails(60))
    draft = shop.mail(audience, "Monday letter")
    home = sign_in(shop.access)
    page = f"{home}send-outs/{draft.pk}/"
    tab.goto(page)
    shot(tab, "start")
    tab.get_by_role("link", name="Choose hours").click()
    look(tab, "hours")
    tab.fill("#id_start", "09:00")
    tab.fill("#id_end", "20:00")
    tab.get_by_role("button", name="Save").click()
    tab.get_by_text("Between 09:00 and 20:00 in the workspace's time zone").first.wait_for()
    tab.get_by_role("link", name="Repeat it").click()
    tab.select_option("#id_every", "week")
    tab.fill("#id_runs", "4")
    look(tab, "repeat")
    tab.get_by_role("button", name="Save").click()
    tab.get_by_text("Every Monday at 09:00, at most 4 times").first.wait_for()
    look(tab, "start-repeat")
    tab.goto(page)
    tab.get_by_role("button", name="Start repeating").click()
    tab.locator("#check-dialog").get_by_text("Every Monday at 09:00").wait_for()
    shot(tab, "check")
    tab.locator("#check-dialog [data-part=go]").click()
    tab.get_by_text("Its next run leaves by itself").wait_for()
    draft.refresh_from_db()
    assert draft.state == "repeating"
    SendOut.objects.filter(pk=draft.pk).update(next_run_at=timezone.now())
    plans.start_due()
    shop.run_jobs()
    tab.goto(page)
    tab.get_by_text("All runs together").wait_for()
    if SHOTS:
        contents.create_template(shop.access, "email", rules.LETTER)
        hours = {"start": "03:00", "end": "03:01", "dataset": audience.rule["dataset"], "tag": "city"}
        waiting = shop.submit(shop.mail(audience, "By zone", window={**hours, "hours": 30}))
        repeating.load(shop.access, Dataset.objects.get(pk=audience.rule["dataset"]), audience)
        plan = SendOut.objects.get(name=repeating.NAME)
        assert plan.runs.count() == 3 and shop.reasons(plan.runs.order_by("-due_at")[0])["had_it"] > 0
        for name, row in (("waits", waiting), ("plan", plan)):
            tab.goto(f"{home}send-outs/{row.pk}/")
            look(tab, name)
        shop.access.user.language = "zh-hans"
        shop.access.user.save()
        for name, path in (("zh-plan", plan.pk), ("zh-waits", waiting.pk), ("zh-start", f"{draft.pk}")):
            tab.goto(f"{home}send-outs/{path}/")
            shot(tab, name)
