"""A custom tag in a real browser: made of ranges and a rule, checked, computed, found in a chart."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from insight.datasets import services as datasets
from insight.datasets.models import TagUse
from insight.datasources.connections import engines
from insight.tags.models import CustomTag
from tests.e2e.shop import Shop, go
from tests.e2e.test_from_rule_to_members import add, choose, wait_for_total
from tests.insight.datasets import places
from tests.insight.datasources import servers


@pytest.fixture
def shop(run_jobs: Callable[..., Any]) -> Shop:
    return Shop(run_jobs)


def test_a_custom_tag_is_made_checked_and_found_in_a_chart(
    tab: Any, sign_in: Any, shop: Shop, run_jobs: Callable[..., Any]
) -> None:
    from playwright.sync_api import expect

    home = sign_in(shop.access)
    go(tab, "Tags")
    tab.get_by_role("link", name="New custom tag").click()
    expect(tab.locator("[data-rb=builder]")).not_to_have_attribute("aria-busy", "true")
    tab.get_by_role("button", name="From ranges").click()
    tab.get_by_label("Bounds").fill("0, 40, 80")
    tab.get_by_label("Number or date").select_option("spend")
    tab.get_by_role("button", name="Make the values").click()
    wait_for_total(tab, 3)
    tab.get_by_role("button", name="New value").click()
    tab.get_by_label("Value", exact=True).fill("Women of Oslo")
    add(tab, "Gender")
    choose(tab, "f")
    tab.keyboard.press("Escape")
    tab.locator("[data-rb=close-editor]").click()
    wait_for_total(tab, 5)
    tab.get_by_role("button", name="Check overlaps").click()
    tab.get_by_text("5 people fit several values; 0 of 10 people fit none.").wait_for()
    tab.fill("#tag-name", "Spend band")
    tab.fill("#tag-field", "Not this")
    tab.locator("button[form=tag-form]").click()
    tab.get_by_text("Use 1 to 48 small letters, digits and underscores.").wait_for()
    tab.fill("#tag-field", "spend_band")
    tab.get_by_role("button", name="Later: Women of Oslo").click()
    expect(tab.locator(".ct-name").nth(1)).to_contain_text("Women of Oslo")
    tab.locator("button[form=tag-form]").click()
    tab.get_by_role("heading", level=1, name="Spend band").wait_for()
    run_jobs()
    tag = CustomTag.objects.get()
    assert [entry["value"] for entry in tag.values] == ["0-40", "Women of Oslo", "40-80", "80+"]
    assert tag.field.column == "user_tag_spend_band"
    tab.reload()
    tab.get_by_role("link", name="Analyse").click()
    tab.get_by_text("10 users.").wait_for()
    tab.locator(".chart-panel", has_text="Spend band").wait_for()
    assert not TagUse.objects.filter(kind="pivot").exists()
    with tab.expect_response("**/tags/uses/"):
        tab.get_by_role("checkbox", name="Spend band").uncheck()
        tab.get_by_role("checkbox", name="Spend band").check()
    assert TagUse.objects.get(kind="pivot").column == "user_tag_spend_band"
    tab.goto(f"{home}tags/custom/{tag.pk}/edit/")
    tab.get_by_role("button", name="Women of Oslo", exact=False).first.wait_for()
    # The first value is open, with its name.
    expect(tab.get_by_label("Value", exact=True)).to_have_value("0-40")
    tab.locator(".ct-name").nth(1).click()
    expect(tab.get_by_label("Value", exact=True)).to_have_value("Women of Oslo")
    tab.get_by_role("button", name="From ranges").click()
    tab.get_by_label("Bounds").fill(",".join(map(str, range(0, 480, 10))))
    tab.get_by_label("Number or date").select_option("spend")
    tab.get_by_role("button", name="Make the values").click()
    tab.get_by_text("A tag has at most 50 values; with these it would have 52.").wait_for()
    expect(tab.locator(".ct-name")).to_have_count(4)


def test_a_custom_tag_of_a_database_says_where_it_is_stored(
    tab: Any, sign_in: Any, shop: Shop, run_jobs: Callable[..., Any]
) -> None:
    from playwright.sync_api import expect

    with servers.postgresql_server() as server:
        server.run(
            "CREATE TABLE people AS SELECT 'p' || n AS who, n * 10 AS spend FROM generate_series(1, 9) n"
        )
        source = places.connect(shop, server)
        spend = [{"column": "spend", "name": "Spend there", "type": "number"}]
        given = {"name": "There", "kind": "user_tags", "source": source.pk, "table": "people", "tags": spend}
        made = datasets.create(shop.access, {**given, "user_id": {"column": "who", "id_type": "one_id"}})
        datasets.refresh(shop.access, made)
        run_jobs()
        home = sign_in(shop.access)
        tab.goto(f"{home}tags/custom/new/?dataset={made.pk}&tag=spend")
        tab.get_by_label("Bounds").fill("0, 50")
        tab.get_by_role("button", name="Make the values").click()
        wait_for_total(tab, 4)
        tab.fill("#tag-name", "Band there")
        tab.get_by_text("Custom tags_OneID_ · Warehouse").wait_for()
        tab.locator("button[form=tag-form]").click()
        tab.get_by_role("heading", level=1, name="Band there").wait_for()
        run_jobs()
        assert CustomTag.objects.get().field.dataset.source == source.pk
        tab.reload()
        expect(tab.locator("tr:has(progress[aria-label='50+']) td").last).to_have_text("5")
        engines.forget(source.pk)


def test_the_builder_sorts_tags_by_their_use(tab: Any, sign_in: Any, shop: Shop) -> None:
    from playwright.sync_api import expect

    home = sign_in(shop.access)
    tab.goto(f"{home}audiences/new/")
    tab.locator(".rb-section").first.wait_for()
    tab.get_by_label("Order of the tags").select_option("name")
    tab.locator(".rb-section").first.wait_for(state="detached")
    expect(tab.locator(".rb-entry-name")).to_have_text(["City", "Gender", "Spend"])
    expect(tab.locator(".rb-entry").first).to_have_attribute("title", re.compile("Not used"))
