"""A snapshot of an audience as a condition of the rule builder."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from insight.audiences import refreshing, services, snapshots
from insight.audiences.models import Audience
from tests.e2e.shop import Shop
from tests.e2e.test_from_rule_to_members import wait_for_total


@pytest.fixture
def shop(run_jobs: Callable[..., Any]) -> Shop:
    return Shop(run_jobs)


def rule(shop: Shop, gender: str) -> dict[str, Any]:
    return {"kind": "tag", "dataset": shop.members.pk, "tag": "gender", "operator": "in", "value": [gender]}


def test_members_of_a_snapshot_are_chosen_and_stay_what_they_were(
    shop: Shop, tab: Any, sign_in: Callable[[Any], str], run_jobs: Callable[..., Any]
) -> None:
    from playwright.sync_api import expect

    data = {"name": "Women", "rule": rule(shop, "f"), "save_ids": ["one_id"], "limit": 4}
    audience = services.create(shop.access, data)
    run_jobs()
    kept = snapshots.take(shop.access, audience)
    services.update(shop.access, audience, {"rule": rule(shop, "m"), "limit": 3})
    run_jobs()
    audience.refresh_from_db()
    assert kept.count != audience.count

    home = sign_in(shop.access)
    tab.goto(f"{home}audiences/new/")
    tab.get_by_role("tab", name="Audiences").click()
    tab.locator(".rb-entry", has_text="Women").first.click()
    wait_for_total(tab, audience.count)
    editor = tab.locator("[data-rb=editor]")
    editor.get_by_label("Members of").select_option(label=f"{kept.snapshot_name} ({kept.count})")
    wait_for_total(tab, kept.count)
    card = tab.locator("[data-rb=canvas] [data-key]", has_text=kept.snapshot_name).first
    expect(card).to_be_visible()
    tab.locator("[data-rb=close-editor]").click()
    tab.fill("[name=name]", "Then")
    tab.get_by_role("button", name="Save audience").first.click()
    tab.wait_for_url("**/audiences/")
    then = Audience.objects.get(name="Then")
    assert then.rule["snapshot"] == kept.pk
    refreshing.refresh(shop.access, audience)
    run_jobs()
    tab.goto(f"{home}audiences/{then.pk}/edit/")
    expect(tab.locator("[data-rb=canvas]")).to_contain_text(kept.snapshot_name)
