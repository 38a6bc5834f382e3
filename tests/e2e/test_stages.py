"""AIPL models and orders of behaviour in a real browser: made by clicking, counted, saved."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest

from insight.audiences.models import Audience
from insight.datasets import services as datasets
from insight.datasets.models import Dataset
from insight.datasources import services as tables
from tests.e2e.shop import Shop
from tests.e2e.test_from_rule_to_members import add, wait_for_total


@pytest.fixture
def shop(run_jobs: Callable[..., Any]) -> Shop:
    return Shop(run_jobs)


def stage(tab: Any, key: str) -> Any:
    return tab.locator(f"[data-stage={key}]")


def buyers_of(tab: Any, key: str, times: int) -> None:
    """A condition on purchases at any time, at least so often."""
    card = stage(tab, key)
    card.get_by_role("button", name="Add a condition").click()
    card.locator(".ts-control").first.click()
    tab.locator(".ts-dropdown:visible .option[data-value='purchase']").click()
    tab.keyboard.press("Escape")
    card.get_by_label("Time", exact=True).select_option("any")
    card.get_by_role("button", name="Add a limit").click()
    card.get_by_label("Number").fill(str(times))


def test_a_model_is_made_and_its_stages_become_audiences(
    tab: Any, sign_in: Any, shop: Shop, run_jobs: Callable[..., Any]
) -> None:
    home = sign_in(shop.access)
    orders = Dataset.objects.get(name="Orders")
    tab.goto(f"{home}aipl/new/?dataset={orders.pk}")
    tab.locator("[data-stage=A] button", has_text="Add a condition").wait_for()
    tab.fill("input[name=name]", "Shop stages")
    tab.get_by_role("button", name="Create and compute").click()
    tab.get_by_text("Some stages need another condition.").wait_for()
    for key, times in (("A", 1), ("I", 1), ("P", 1), ("L", 2)):
        buyers_of(tab, key, times)
    tab.get_by_role("button", name="Create and compute").click()
    tab.get_by_text("for the first time").wait_for()
    run_jobs()
    model = Dataset.objects.get(kind="aipl")
    stages = model.stats["aipl"]["stages"]
    assert stages["A"] == stages["I"] == 0 and stages["P"] and stages["L"]
    tab.goto(f"{home}aipl/users/")
    tab.locator(".card", has_text="Loyal").get_by_role("link", name="Make an audience").click()
    wait_for_total(tab, stages["L"])
    tab.locator("article.rb-card").click()
    tab.get_by_label("P Purchased").check()
    wait_for_total(tab, stages["L"] + stages["P"])
    tab.locator("[data-rb=close-editor]").click()
    tab.fill("#audience-name", "Buyers")
    tab.locator("button[form=audience-form]").first.click()
    tab.get_by_role("link", name="Buyers", exact=True).wait_for()
    assert Audience.objects.get(name="Buyers").rule == {
        "kind": "aipl",
        "dataset": model.pk,
        "stages": ["P", "L"],
    }
    tab.goto(f"{home}aipl/{model.pk}/edit/")
    stage(tab, "L").get_by_text("times ≥ 2").wait_for()


VISITS = """member_no,at,what
m1,2026-01-01 10:00,visit
m1,2026-01-02 10:00,purchase
m2,2026-01-01 10:00,visit
m2,2026-03-01 10:00,purchase
m3,2026-01-05 10:00,purchase
m3,2026-01-06 10:00,visit
"""


@pytest.fixture
def visits(shop: Shop) -> Dataset:
    """Two people visited first and bought then, one of them within a day; a third did it the other way round."""
    upload = tables.create_upload(shop.access, io.BytesIO(VISITS.encode()), "visits.csv")
    tables.start_import(shop.access, upload, "visits")
    shop.run_jobs()
    data = {
        "name": "Visits",
        "kind": "behaviour",
        "table": "visits",
        "time": "at",
        "type": {"column": "what"},
    }
    user = {"column": "member_no", "id_type": "one_id"}
    made = datasets.create(shop.access, {**data, "user_id": user})
    datasets.make_default(shop.access, made)
    datasets.refresh(shop.access, made)
    shop.run_jobs()
    return made


def pick_type(tab: Any, step: Any, value: str) -> None:
    step.locator(".ts-control").first.click()
    tab.locator(f".ts-dropdown:visible .option[data-value='{value}']").click()
    tab.keyboard.press("Escape")


def test_an_order_of_behaviour_is_asked_for_by_clicking(
    tab: Any, sign_in: Any, shop: Shop, visits: Dataset
) -> None:
    from playwright.sync_api import expect

    home = sign_in(shop.access)
    tab.goto(f"{home}audiences/new/")
    add(tab, "One after another", "Behaviour")
    tab.get_by_label("Time", exact=True).select_option("any")
    steps = tab.locator(".rb-step")
    pick_type(tab, steps.nth(0), "visit")
    steps.nth(1).locator("summary").click()
    pick_type(tab, steps.nth(1), "purchase")
    wait_for_total(tab, 2)
    steps.nth(1).get_by_label("Longest time since the step before").fill("1")
    wait_for_total(tab, 1)
    steps.nth(1).get_by_role("button", name="Earlier").click()
    expect(steps.nth(0).locator("summary")).to_have_text("Step 1: purchase")
    wait_for_total(tab, 1)
    tab.locator("[data-rb=close-editor]").click()
    expect(tab.locator("article.rb-card")).to_contain_text("purchase → visit")
    tab.fill("#audience-name", "Came back")
    tab.locator("button[form=audience-form]").first.click()
    tab.get_by_role("link", name="Came back", exact=True).wait_for()
    steps_saved = Audience.objects.get(name="Came back").rule["steps"]
    assert [step["type"] for step in steps_saved] == [["purchase"], ["visit"]]
