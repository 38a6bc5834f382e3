"""A column that has gone from the source: struck through with the reason where tags are chosen, and the rest works."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest

from insight.datasets import services as datasets
from insight.datasources import services as tables
from insight.datasources.models import SourceTable
from tests.e2e.shop import MEMBERS, Shop
from tests.e2e.test_from_rule_to_members import add, choose, wait_for_total

REASON = "The column of “City” no longer exists in the source table."


@pytest.fixture
def shop(run_jobs: Callable[..., Any]) -> Shop:
    return Shop(run_jobs)


def without_city(text: str) -> str:
    """The members' file without its fourth column."""
    lines = [line.split(",") for line in text.splitlines()]
    return "\n".join(",".join([*cells[:3], *cells[4:]]) for cells in lines)


def load_members(shop: Shop, text: str) -> None:
    upload = tables.create_upload(shop.access, io.BytesIO(text.encode()), "members.csv")
    replaced = SourceTable.objects.get(workspace=shop.access.workspace, name="members")
    tables.start_import(shop.access, upload, "members", replace=replaced)
    shop.run_jobs()
    datasets.refresh(shop.access, shop.members)
    shop.run_jobs()


def test_a_lost_tag_is_struck_through_and_the_others_go_on_working(
    shop: Shop, tab: Any, sign_in: Callable[[Any], str]
) -> None:
    from playwright.sync_api import expect

    audience = shop.save_audience()
    load_members(shop, without_city(MEMBERS))
    home = sign_in(shop.access)

    tab.goto(f"{home}audiences/new/")
    listed = tab.locator(".rb-palette-list li", has_text="City")
    expect(listed.locator("s")).to_have_text("City")
    expect(listed).to_contain_text(REASON)
    expect(listed.get_by_role("button")).to_have_count(0)
    add(tab, "Gender")
    choose(tab, "f")
    wait_for_total(tab, 5)

    tab.goto(f"{home}audiences/{audience.pk}/edit/")
    card = tab.locator("article.rb-card", has_text="City")
    expect(card).to_contain_text(REASON)
    assert "line-through" in card.locator(".rb-title").evaluate(
        "title => getComputedStyle(title).textDecoration"
    )
    # What is left is counted: the women.
    wait_for_total(tab, 5)
    card.click()
    expect(tab.locator("[data-rb=editor]")).to_contain_text(REASON)
    tab.locator("[data-rb=close-editor]").click()
    tab.get_by_role("button", name="Save audience").first.click()
    expect(tab.locator("[data-save-error]")).to_contain_text("Some conditions are not finished")

    tab.goto(f"{home}analysis/?tag=city&tag=gender")
    tags = tab.locator("[data-tags]")
    expect(tags.locator("s")).to_have_text("City")
    expect(tags).to_contain_text(REASON)
    expect(tags.get_by_label("City")).to_have_count(0)
    gender = tab.locator(".chart-panel", has=tab.get_by_role("heading", name="Gender"))
    gender.get_by_role("button", name="Table").click()
    expect(gender.get_by_role("row", name="f 5 50.0 %")).to_be_visible()

    load_members(shop, MEMBERS)
    tab.goto(f"{home}audiences/{audience.pk}/edit/")
    wait_for_total(tab, 3)
    expect(tab.locator("[data-rb=canvas]")).not_to_contain_text(REASON)
