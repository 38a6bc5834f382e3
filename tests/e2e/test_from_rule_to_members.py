"""The rule builder in a real browser, and what an audience's page shows and gives away."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from admin_center.permissions.models import Role
from insight.audiences.models import Audience
from insight.datasets import services as datasets
from tests.e2e.shop import Shop, go
from tests.factories import make_access


@pytest.fixture
def shop(run_jobs: Callable[..., Any]) -> Shop:
    return Shop(run_jobs)


def wait_for_total(tab: Any, count: int) -> None:
    from playwright.sync_api import expect

    expect(tab.locator("[data-rb=total]")).to_have_text(str(count))
    expect(tab.locator("[data-rb=busy]")).to_be_hidden()


def add(tab: Any, name: str, kind: str = "Tags") -> None:
    tab.get_by_role("tab", name=kind).click()
    tab.locator(".rb-entry", has_text=name).first.click()


def choose(tab: Any, value: str) -> None:
    tab.locator("[data-rb=editor] .ts-control").first.click()
    tab.locator(f".ts-dropdown:visible .option[data-value='{value}']").click()
    tab.keyboard.press("Escape")


def build_rule(tab: Any) -> None:
    """Women of Oslo who bought: m1 and m3, by clicking, dragging and undoing."""
    add(tab, "Gender")
    choose(tab, "f")
    wait_for_total(tab, 5)
    add(tab, "purchase", "Behaviour")
    tab.get_by_label("Time", exact=True).select_option("any")
    wait_for_total(tab, 7)
    operator = tab.locator(".rb-operator .rb-op-intersect").first
    operator.click()
    wait_for_total(tab, 3)
    tab.keyboard.press("Control+z")
    wait_for_total(tab, 7)
    tab.keyboard.press("Control+y")
    wait_for_total(tab, 3)
    add(tab, "City")
    choose(tab, "Oslo")
    wait_for_total(tab, 2)
    # Onto another card: the two become a group.
    cards = tab.locator("article.rb-card")
    drag(tab, cards.filter(has_text="City").locator(".rb-handle"), cards.filter(has_text="Gender"))
    tab.locator("section.rb-group").wait_for()
    tab.locator("section.rb-group .rb-op-union").click()
    wait_for_total(tab, 4)
    tab.keyboard.press("Control+z")
    wait_for_total(tab, 2)


def drag(tab: Any, source: Any, target: Any) -> None:
    """By mouse, in steps, as sortable lists want it."""
    place = source.bounding_box()
    tab.mouse.move(place["x"] + place["width"] / 2, place["y"] + place["height"] / 2)
    tab.mouse.down()
    tab.mouse.move(place["x"] + 20, place["y"] - 12, steps=5)
    zone = target.locator(".rb-merge")
    zone.wait_for(state="visible")
    goal = zone.bounding_box()
    tab.mouse.move(goal["x"] + goal["width"] / 2, goal["y"] + goal["height"] / 2, steps=12)
    tab.mouse.move(goal["x"] + goal["width"] / 2 + 3, goal["y"] + goal["height"] / 2, steps=3)
    for number in range(400):
        if zone.locator(".rb-item").count():
            break
        tab.mouse.move(goal["x"] + goal["width"] / 2 + number % 5, goal["y"] + goal["height"] / 2)
        tab.wait_for_timeout(50)
    tab.mouse.up()


def test_from_rule_to_members_file_and_charts(
    shop: Shop, tab: Any, sign_in: Callable[[Any], str], run_jobs: Callable[..., Any]
) -> None:
    from playwright.sync_api import expect

    sign_in(shop.access)
    go(tab, "Audiences")
    tab.get_by_role("link", name="New audience", exact=True).first.click()
    build_rule(tab)
    expect(tab.locator("[data-rb=summary]")).to_contain_text("Gender")
    tab.get_by_role("button", name="Look at people").click()
    expect(tab.locator("[data-preview-body] tbody tr")).to_have_count(2)
    tab.locator("[data-rb=preview-close]").click()
    tab.locator("[data-rb=close-editor]").click()
    tab.fill("#audience-name", "Women of Oslo who bought")
    tab.locator("[data-ids] label", has_text="mail").click()
    tab.get_by_role("button", name="Save audience").first.click()
    tab.wait_for_url(re.compile(r"/audiences/(aud_\w+/)?$"))
    run_jobs()
    audience = Audience.objects.get()
    assert (audience.count, audience.save_ids) == (2, ["one_id", "email"])

    go(tab, "Audiences")
    tab.get_by_role("link", name=audience.name).click()
    members = tab.locator("#members")
    expect(members.locator("tbody tr")).to_have_count(2)
    expect(members).to_contain_text("m1@example.com")
    tab.get_by_role("button", name="More actions").click()
    with tab.expect_download() as started:
        tab.get_by_role("link", name="Download CSV").click()
    assert content(started) == [("m1", "m1@example.com"), ("m3", "m3@example.com")]

    tab.get_by_role("button", name="More actions").click()
    tab.get_by_role("link", name="Analyse").click()
    expect(tab.get_by_text("2 of 2 members are in this dataset.")).to_be_visible()
    gender = tab.locator(".chart-panel", has=tab.get_by_role("heading", name="Gender"))
    gender.get_by_role("button", name="Table").click()
    expect(gender.get_by_role("row", name="f 2 100.0 %")).to_be_visible()


def test_who_may_not_see_ids_in_full_gets_them_masked_on_page_and_in_file(
    shop: Shop, tab: Any, sign_in: Callable[[Any], str]
) -> None:
    from playwright.sync_api import expect

    shop.save_audience()
    rights = ["workspace.view", "insight.audience.list", "insight.audience.download"]
    Role.objects.filter(workspace=shop.access.workspace, code="analyst").update(permissions=rights)
    sign_in(make_access(shop.access.workspace, "analyst"))
    go(tab, "Audiences")
    tab.get_by_role("link", name="Public audiences").click()
    tab.get_by_role("link", name="Women of Oslo").click()
    expect(tab.locator("#members tbody tr")).to_have_count(3)
    expect(tab.locator("#members")).to_contain_text("IDs are masked")
    expect(tab.locator("#members")).not_to_contain_text("m1@")
    tab.get_by_role("button", name="More actions").click()
    with tab.expect_download() as started:
        tab.get_by_role("link", name="Download CSV").click()
    assert content(started) == [("m***", "m***@example.com")] * 3


def content(download: Any) -> list[tuple[str, str]]:
    """Person and mail address of each member in a downloaded file."""
    rows = csv.DictReader(io.StringIO(Path(download.value.path()).read_text("utf-8-sig")))
    return sorted((row["user_unique_id"], row["email"]) for row in rows)


def test_a_question_or_a_model_starts_a_rule(
    shop: Shop, tab: Any, sign_in: Callable[[Any], str], run_jobs: Callable[..., Any]
) -> None:
    from playwright.sync_api import expect

    model = {
        "name": "Values",
        "kind": "rfm",
        "table": "orders",
        "user_id": {"column": "member_no", "id_type": "one_id"},
        "input": "transactions",
        "time": "ordered_at",
        "amount": "amount",
    }
    datasets.refresh(shop.access, datasets.create(shop.access, model))
    run_jobs()
    home = sign_in(shop.access)
    tab.goto(f"{home}audiences/new/")
    tab.locator("[data-starter=vip]").click()
    wait_for_total(tab, 1)
    expect(tab.locator("[data-rb=starters]")).to_be_hidden()
    tab.keyboard.press("Control+z")
    expect(tab.locator("[data-rb=starters]")).to_be_visible()
    tab.get_by_role("tab", name="Models").click()
    expect(tab.locator(".rb-entry")).to_have_count(8)
