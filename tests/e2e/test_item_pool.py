"""An item pool in a real browser: conditions with a live number, nested by dragging, saved, looked at, changed."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from insight.datasets import services as datasets
from insight.datasources import services as tables
from insight.items.models import ItemPool
from tests.e2e.shop import Shop, go
from tests.e2e.test_from_rule_to_members import choose, drag, wait_for_total

GOODS = "sku,title,colour,price\n" + "".join(
    f"A{n:02d},{'Coat' if n % 3 else 'Hat'} {n},{('red', 'blue')[n % 2]},{n * 10}\n" for n in range(1, 13)
)


@pytest.fixture
def shop(run_jobs: Callable[..., Any]) -> Shop:
    """A shop with two datasets of items: A01 to A12, the even ones red; prices 10 to 120."""
    shop = Shop(run_jobs)
    upload = tables.create_upload(shop.access, io.BytesIO(GOODS.encode()), "goods.csv")
    tables.start_import(shop.access, upload, "goods")
    run_jobs()
    tags = [{"column": "colour", "name": "Colour", "type": "enum"}]
    tags += [{"column": "price", "name": "Price", "type": "number"}]
    for name in ("Goods", "Other goods"):
        data = {"name": name, "kind": "item_tags", "table": "goods", "item_id": "sku", "item_name": "title"}
        datasets.refresh(shop.access, datasets.create(shop.access, {**data, "tags": tags}))
    run_jobs()
    return shop


def add(tab: Any, name: str) -> None:
    tab.locator(".rb-entry", has_text=name).first.click()


def number(tab: Any, operator: str, value: int) -> None:
    editor = tab.locator("[data-rb=editor]")
    editor.get_by_label("Condition").select_option(operator)
    editor.get_by_label("Number", exact=True).fill(str(value))


def test_a_pool_is_made_nested_looked_at_and_changed(
    tab: Any, sign_in: Callable[[Any], str], shop: Shop, run_jobs: Callable[..., Any]
) -> None:
    from playwright.sync_api import expect

    sign_in(shop.access)
    go(tab, "Item pools")
    tab.get_by_role("link", name="New item pool").first.click()
    expect(tab.locator("[data-rb=builder]")).not_to_have_attribute("aria-busy", "true")
    assert tab.get_by_role("tab").count() == 0
    add(tab, "Colour")
    choose(tab, "red")
    wait_for_total(tab, 6)
    # All conditions ask one dataset; there is no difference to choose.
    chooser = tab.get_by_label("Dataset", exact=True)
    expect(chooser).to_be_disabled()
    add(tab, "Price")
    number(tab, ">", 90)
    wait_for_total(tab, 7)
    expect(tab.locator("[data-rb=share]")).to_have_text("58.3 % of 12 items")
    expect(tab.locator(".rb-op-union.active")).to_have_count(1)
    expect(tab.locator(".rb-op-subtract")).to_have_count(0)
    tab.locator(".rb-op-intersect").first.click()
    wait_for_total(tab, 2)
    # (red ∩ dear) ∪ cheap: another operator at the end makes a group of what stands before it.
    add(tab, "Price")
    number(tab, "<", 30)
    wait_for_total(tab, 0)
    tab.locator("[data-rb=close-editor]").click()
    tab.locator(".rb-op-union").last.click()
    wait_for_total(tab, 4)
    expect(tab.locator(".rb-group")).to_have_count(1)
    expect(tab.locator("[data-rb=summary]")).to_contain_text("(Colour is red, AND Price is more than 90), OR")
    # Dragged onto a card, the third condition forms a group with it: red ∩ (dear ∩ cheap).
    loose = tab.locator("[data-rb=canvas] > ul > li > article .rb-handle")
    drag(tab, loose, tab.locator(".rb-group .rb-card").last)
    expect(tab.locator(".rb-group .rb-group")).to_have_count(1)
    wait_for_total(tab, 0)
    tab.keyboard.press("Control+z")
    wait_for_total(tab, 4)
    tab.locator("[data-rb=preview]").click()
    expect(tab.locator("[data-preview-body] tbody tr")).to_have_count(4)
    expect(tab.locator("[data-preview-body]")).to_contain_text("4 items.")
    tab.locator("[data-rb=preview-close]").click()
    tab.locator("button[form=pool-form]").click()
    expect(tab.locator("[data-error=name]")).to_contain_text("Give a name of 1 to 64 characters.")
    tab.fill("#pool-name", "Red and dear, or cheap")
    tab.locator("button[form=pool-form]").click()
    tab.get_by_role("heading", level=1, name="Red and dear, or cheap").wait_for()
    run_jobs()
    pool = ItemPool.objects.get()
    assert (pool.state, pool.count) == ("succeeded", 4)

    tab.reload()
    rows = tab.locator("#items tbody tr")
    expect(rows).to_have_count(4)
    tab.get_by_label("Search items by ID or name").fill("a12")
    expect(rows).to_have_count(1)
    expect(rows.first).to_contain_text("Hat 12")
    tab.get_by_role("button", name="More actions").click()
    with tab.expect_download() as download:
        tab.get_by_role("link", name="Download CSV").click()
    lines = list(csv.reader(Path(download.value.path()).read_text().splitlines()))
    assert [line[0] for line in lines] == ["item_id", "A01", "A02", "A10", "A12"]

    tab.get_by_role("link", name="Edit").first.click()
    wait_for_total(tab, 4)
    tab.locator("[data-rb=canvas] > ul > li > article [aria-label=Delete]").click()
    wait_for_total(tab, 2)
    tab.locator("button[form=pool-form]").click()
    tab.get_by_role("heading", level=1, name="Red and dear, or cheap").wait_for()
    run_jobs()
    go(tab, "Item pools")
    tab.get_by_role("button", name="What Red and dear, or cheap is made of: Goods").hover()
    expect(tab.locator(".row-card")).to_contain_text("Colour is red, AND Price is more than 90")
    assert ItemPool.objects.get().count == 2
