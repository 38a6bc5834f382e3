"""What helps while a rule is edited: pasted lists, what each condition does, counts to go back to, drafts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from insight.audiences.models import Audience
from tests.e2e.shop import Shop
from tests.e2e.test_from_rule_to_members import add, choose, wait_for_total


@pytest.fixture
def shop(run_jobs: Callable[..., Any]) -> Shop:
    return Shop(run_jobs)


def test_a_rule_is_looked_into_taken_back_and_kept_as_a_draft(
    shop: Shop, tab: Any, sign_in: Callable[[Any], str]
) -> None:
    from playwright.sync_api import expect

    tab.goto(f"{sign_in(shop.access)}audiences/new/")
    add(tab, "Gender")
    choose(tab, "f")
    wait_for_total(tab, 5)
    add(tab, "City")
    editor = tab.locator("[data-rb=editor]")
    editor.get_by_role("button", name="Paste a list").click()
    editor.get_by_label("Values, one per line").fill("Oslo\n\nOslo\n" + "x" * 61)
    editor.get_by_role("button", name="Add these values").click()
    for said in ("Added: 1.", "Blank: 1.", "Repeated: 1.", "Longer than 60 characters: 1."):
        expect(editor.locator("[role=status]").first).to_contain_text(said)
    tab.locator(".rb-operator .rb-op-intersect").first.click()
    wait_for_total(tab, 3)

    tab.locator("[data-rb=steps]").click()
    rows = tab.locator("[data-steps-body] tbody tr")
    expect(rows).to_have_count(2)
    expect(rows.nth(1)).to_contain_text("−2 (-40.0 %)")
    tab.locator("[data-rb=steps-close]").click()

    tab.locator("[data-rb=history] summary").click()
    tab.get_by_role("button", name="Back to the rule with 5 people").last.click()
    wait_for_total(tab, 5)

    tab.fill("[name=name]", "Idea")
    tab.get_by_role("button", name="Save as draft").click()
    expect(tab.get_by_text("This is a draft")).to_be_visible()
    assert Audience.objects.get(name="Idea").draft is True
