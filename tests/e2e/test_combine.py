"""The page of set operations: audiences are searched, those of another ID greyed with the reason."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from insight.audiences import services as audiences
from insight.audiences.folders import folders
from insight.audiences.models import Audience
from tests.e2e.shop import Shop
from tests.insight.audiences.test_outside import upload


@pytest.fixture
def shop(run_jobs: Callable[..., Any]) -> Shop:
    return Shop(run_jobs)


def test_audiences_are_searched_and_chosen_from_a_folder_and_others_say_why_not(
    shop: Shop, tab: Any, sign_in: Callable[[Any], str], run_jobs: Callable[..., Any]
) -> None:
    from playwright.sync_api import expect

    folder = folders.create(shop.access, "Towns")
    for name, tag, value in (
        ("Women", "gender", "f"),
        ("Oslo", "city", "Oslo"),
        ("Bergen", "city", "Bergen"),
    ):
        rule = {"kind": "tag", "dataset": shop.members.pk, "tag": tag, "operator": "in", "value": [value]}
        audiences.create(shop.access, {"name": name, "rule": rule})
    upload(shop, name="Phones")
    run_jobs()
    Audience.objects.filter(name__in=["Oslo", "Bergen"]).update(folder=folder)

    tab.goto(f"{sign_in(shop.access)}audiences/combine/")
    options = tab.locator(".ts-dropdown:visible [role=option]")

    def search(name: str, text: str) -> None:
        tab.get_by_role("combobox", name=name).click()
        tab.get_by_role("combobox", name=name).fill(text)

    search("First audience", "wom")
    expect(options).to_have_count(1)
    options.click()
    search("Second audience", "")
    phones = options.filter(has_text="Phones")
    expect(phones).to_contain_text("Knows its people by Mobile number, not by OneID.")
    expect(phones).to_have_attribute("aria-disabled", "true")
    expect(options).to_have_count(4)
    tab.keyboard.press("Escape")
    tab.get_by_label("Folder", exact=True).first.select_option(label="Towns")
    search("Second audience", "")
    expect(options).to_have_text(["Bergen4OneID", "Oslo6OneID"])
    options.filter(has_text="Oslo").click()
    tab.get_by_label("Operation", exact=True).select_option("intersect")
    expect(tab.locator("[data-brackets]")).to_have_text("Women (5) ∩ Oslo (6)")
    tab.fill("[name=name]", "Women of Oslo")
    tab.get_by_role("button", name="Create audience").click()
    tab.wait_for_url("**/audiences/aud_*/")
    run_jobs()
    assert Audience.objects.get(name="Women of Oslo").count == 3
