"""What every chart of an analysis has around it: table, file, picture, large view; by keyboard and in the dark."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from insight.datasets.models import Dataset
from tests.e2e.shop import Shop

FUNNEL = "from=2026-01-01&to=2026-03-31&type_1=purchase&type_2=purchase&days=90"


@pytest.fixture
def shop(run_jobs: Callable[..., Any]) -> Shop:
    return Shop(run_jobs)


def frame(tab: Any, name: str) -> Any:
    return tab.locator(".chart-panel", has=tab.get_by_role("heading", name=name))


def colours(drawing: Any) -> set[str]:
    return {text.get_attribute("fill") for text in drawing.locator("svg text").all()}


def test_a_funnel_is_drawn_read_filed_pictured_and_enlarged(shop: Shop, tab: Any, sign_in: Any) -> None:
    from playwright.sync_api import expect

    home = sign_in(shop.access)
    orders = Dataset.objects.get(name="Orders")
    tab.goto(f"{home}behaviour/funnel/?dataset={orders.pk}&{FUNNEL}")
    funnel = frame(tab, "From step to step")
    drawing, table = funnel.locator("[data-part=canvas]"), funnel.locator("[data-part=table]")
    drawing.locator("svg").wait_for()
    expect(table).to_be_hidden()
    light = colours(drawing)
    tab.evaluate("document.documentElement.dataset.bsTheme = 'dark'")
    tab.wait_for_function(
        "(was) => [...document.querySelectorAll('[data-part=canvas] svg text')]"
        ".every((text) => !was.includes(text.getAttribute('fill')))",
        arg=list(light),
    )
    with tab.expect_download() as picture:
        funnel.get_by_role("button", name="Export as picture").press("Enter")
    assert Path(picture.value.path()).read_bytes().startswith(b"\x89PNG")
    assert picture.value.suggested_filename == "From step to step.png"
    funnel.get_by_role("button", name="Table").press("Enter")
    expect(drawing).to_be_hidden()
    expect(table.locator("[data-reached='1']")).to_have_text("5")
    with tab.expect_download() as picture:
        funnel.get_by_role("button", name="Export as picture").click()
    assert Path(picture.value.path()).read_bytes().startswith(b"\x89PNG")
    with tab.expect_download() as filed:
        funnel.get_by_role("link", name="Export as CSV").click()
    assert ",1,purchase,5," in Path(filed.value.path()).read_text("utf-8-sig")
    funnel.get_by_role("button", name="Enlarge").press("Enter")
    assert funnel.bounding_box()["width"] > 1150
    tab.keyboard.press("Escape")
    expect(funnel.get_by_role("button", name="Enlarge")).to_be_visible()
    funnel.get_by_role("button", name="Table").click()
    box = drawing.bounding_box()
    drawing.click(position={"x": box["width"] * 0.3, "y": box["height"] * 0.2})
    tab.wait_for_url("**/audiences/new/?rule=*")


def test_those_of_a_version_become_an_audience_by_keyboard(shop: Shop, tab: Any, sign_in: Any) -> None:
    audience = shop.save_audience()
    home = sign_in(shop.access)
    tab.goto(f"{home}behaviour/history/{audience.pk}/")
    sizes = frame(tab, "People per version")
    sizes.locator("svg").wait_for()
    sizes.get_by_role("button", name="Table").press("Enter")
    sizes.get_by_role("link", name="3").press("Enter")
    tab.get_by_text("The version is kept as a snapshot").wait_for()
    tab.get_by_label("Name").fill("Those of then")
    tab.get_by_role("button", name="Create audience").click()
    tab.get_by_role("heading", name="Those of then").wait_for()
    assert audience.versions.get().is_snapshot


def test_with_a_comparison_few_values_are_two_rings(shop: Shop, tab: Any, sign_in: Any) -> None:
    from playwright.sync_api import expect

    audience = shop.save_audience()
    home = sign_in(shop.access)
    tab.goto(f"{home}analysis/audience/?audience={audience.pk}&compare=population&tag=city")
    city = frame(tab, "City")
    canvas = city.locator("canvas").first
    box = canvas.bounding_box()
    # All three members are of Oslo, six of ten users are. Right of the middle lies the inner ring, then the outer one.
    for aside in (0.11, 0.22):
        at = {"x": box["width"] / 2 + aside * box["height"], "y": box["height"] * 0.47}
        canvas.hover(position=at)
        hover = city.locator("[data-part=canvas] > div").last
        expect(hover).to_contain_text("3 people")
        expect(hover).to_contain_text("60.0 % (6)")
        tab.mouse.move(0, 0)
