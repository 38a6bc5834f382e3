"""Choosing among very many channels and objects: page by page, all that a search finds, pasted lists."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

import pyarrow as pa
import pytest

from insight.audiences.models import Audience
from insight.datasets.models import Dataset, DatasetField
from tests.e2e.test_from_rule_to_members import add, wait_for_total
from tests.factories import make_access
from tests.insight.audiences.world import make_dataset

CHANNELS, ITEMS = 500, 100_000


@pytest.fixture
def access() -> Any:
    return make_access()


@pytest.fixture
def visits(access: Any) -> Dataset:
    """A visit by each of 100,000 people to an item of their own, by one of 500 channels."""
    rows = range(ITEMS)
    table = pa.table(
        {
            "user_unique_id": [f"u{row}" for row in rows],
            "at": [datetime(2026, 1, 5, 10)] * ITEMS,
            "type": ["visit"] * ITEMS,
            "channel": [f"Shop {row % CHANNELS:03}" for row in rows],
            "item": [f"Item {row:05}" for row in rows],
        }
    )
    dataset = make_dataset(access.workspace, "Visits", "behaviour", table)
    roles = {"member_no": "identifier", "at": "time", "type": "type", "channel": "channel", "item": "object"}
    DatasetField.objects.bulk_create(
        DatasetField(
            dataset=dataset,
            column=column,
            role=role,
            name=column.title(),
            id_type="one_id" if role == "identifier" else "",
        )
        for column, role in roles.items()
    )
    return dataset


def test_very_many_values_are_paged_searched_taken_together_and_pasted(
    access: Any, visits: Dataset, tab: Any, sign_in: Callable[[Any], str]
) -> None:
    from playwright.sync_api import expect

    tab.goto(f"{sign_in(access)}audiences/new/")
    add(tab, "visit", "Behaviour")
    editor = tab.locator("[data-rb=editor]")
    editor.get_by_label("Time", exact=True).first.select_option("any")
    wait_for_total(tab, "100,000")

    channel = editor.get_by_role("group", name="Channel")
    channel.locator(".ts-control").click()
    options = tab.locator(".ts-dropdown:visible .option[data-value^='Shop']")
    expect(options.nth(199)).to_be_attached()
    tab.locator(".ts-dropdown:visible .ts-dropdown-content").evaluate(
        "list => list.scrollTo(0, list.scrollHeight)"
    )
    expect(options.nth(201)).to_be_attached()
    channel.locator(".ts-control input").fill("shop 1")
    channel.get_by_role("button", name="Add all 100 found").click()
    expect(channel.get_by_role("status")).to_contain_text("100 values chosen.")
    wait_for_total(tab, "20,000")
    channel.get_by_role("button", name="All channels").click()
    wait_for_total(tab, "100,000")

    editor.get_by_role("button", name="Narrow by object").click()
    objects = editor.get_by_role("group", name="On what")
    objects.locator(".ts-control").click()
    objects.get_by_role("button", name="Add the first 10,000 of 100,000").click()
    said = objects.get_by_role("status")
    expect(said).to_contain_text("10,000 values chosen. The first 100 stand here.")
    expect(said).to_contain_text("Beyond the 10,000 values that a condition can hold: 90,000.")
    wait_for_total(tab, "10,000")
    objects.get_by_role("button", name="Clear").click()

    objects.get_by_role("button", name="Paste a list").click()
    lines = [f"Item {number:05}" for number in range(50_000, 60_001)]
    area = objects.get_by_label("Values, one per line")
    # As pasting does: typed in line by line, so many would take minutes.
    area.evaluate("(area, text) => { area.value = text; }", "\n".join(lines))
    objects.get_by_role("button", name="Add these values").click()
    expect(said).to_contain_text("Added: 10,000.")
    expect(said).to_contain_text("Beyond the 10,000 values that a condition can hold: 1.")
    wait_for_total(tab, "10,000")
    objects.get_by_role("button", name="Edit as a list").click()
    area.evaluate("(area, text) => { area.value = text; }", "\n".join(lines[:500]))
    objects.get_by_role("button", name="Choose exactly these").click()
    wait_for_total(tab, "500")

    tab.locator("[data-rb=close-editor]").click()
    tab.fill("[name=name]", "Some")
    tab.get_by_role("button", name="Save audience").first.click()
    tab.wait_for_url("**/audiences/")
    assert Audience.objects.get(name="Some").rule["objects"] == [{"name": "Item", "value": lines[:500]}]
