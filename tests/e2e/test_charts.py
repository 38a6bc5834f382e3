"""Charts in a browser: a part becomes an audience of exactly its people, or a condition of another one."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from insight.analysis.perspective import perspective
from insight.audiences.models import Audience
from tests.e2e.shop import Shop, go


@pytest.fixture
def shop(run_jobs: Callable[..., Any]) -> Shop:
    return Shop(run_jobs)


def panel(tab: Any, name: str) -> Any:
    return tab.locator(".chart-panel", has=tab.get_by_role("heading", name=name))


def test_a_part_becomes_an_audience_of_its_people(
    shop: Shop, tab: Any, sign_in: Callable[[Any], str], run_jobs: Callable[..., Any]
) -> None:
    from playwright.sync_api import expect

    sign_in(shop.access)
    go(tab, "Perspective")
    city = panel(tab, "City")
    canvas = city.locator("canvas").first
    box = canvas.bounding_box()
    # The first sector of a ring begins at twelve o'clock and goes clockwise: Oslo, with six of ten.
    canvas.click(position={"x": box["width"] / 2 + 0.23 * box["height"], "y": box["height"] / 2})
    expect(tab.get_by_role("heading", name="City: Oslo")).to_be_visible()
    expect(tab.get_by_role("dialog")).to_contain_text("6 people")
    tab.get_by_role("link", name="New audience of this part").click()
    tab.fill("#audience-name", "People of Oslo")
    tab.locator("[data-ids] label", has_text="mail").click()
    tab.get_by_role("button", name="Save audience").first.click()
    tab.wait_for_url(re.compile(r"/audiences/(aud_\w+/)?$"))
    run_jobs()
    assert Audience.objects.get(name="People of Oslo").count == 6


def test_by_keyboard_a_part_is_added_to_an_audience(
    shop: Shop, tab: Any, sign_in: Callable[[Any], str], run_jobs: Callable[..., Any]
) -> None:
    from playwright.sync_api import expect

    audience = shop.save_audience()
    sign_in(shop.access)
    go(tab, "Perspective")
    city = panel(tab, "City")
    city.get_by_role("button", name="Table").press("Enter")
    city.get_by_role("button", name="Bergen").press("Enter")
    tab.get_by_label("Audience", exact=True).select_option(audience.pk)
    expect(tab.get_by_role("dialog")).to_contain_text("Today 3 people, then 7.")
    tab.get_by_role("button", name="Add the condition").press("Enter")
    tab.wait_for_url(f"**/audiences/{audience.pk}/")
    run_jobs()
    audience.refresh_from_db()
    assert audience.count == 7


def test_table_file_and_api_say_the_same_numbers(shop: Shop, tab: Any, sign_in: Callable[[Any], str]) -> None:
    from playwright.sync_api import expect

    audience = shop.save_audience()
    home = sign_in(shop.access)
    tab.goto(f"{home}analysis/audience/?audience={audience.pk}&compare=population&tag=city")
    city = panel(tab, "City")
    city.get_by_role("button", name="Table").click()
    rows = city.locator("tbody tr")
    expect(rows).to_have_count(2)
    shown = [[cell.strip() for cell in row.locator("td").all_inner_texts()] for row in rows.all()]
    with tab.expect_download() as started:
        city.get_by_role("button", name="Export as CSV").click()
    text = Path(started.value.path()).read_text("utf-8-sig")
    filed = list(csv.reader(io.StringIO(text)))[1:]
    answer = perspective(
        shop.access, shop.members.pk, ["city"], audience_id=audience.pk, compare="population"
    )
    told = [
        (row["value"], row["count"], row["percent"], row["compared"]["count"], row["compared"]["percent"])
        for row in answer["tags"][0]["values"]
    ]
    for numbers in (shown, filed):
        assert [
            (
                row[0],
                int(row[1]),
                float(row[2].removesuffix(" %")),
                int(row[3]),
                float(row[4].removesuffix(" %")),
            )
            for row in numbers
        ][: len(told)] == told


def test_an_order_of_ones_own_is_there_again(shop: Shop, tab: Any, sign_in: Callable[[Any], str]) -> None:
    from playwright.sync_api import expect

    sign_in(shop.access)
    go(tab, "Perspective")
    city = panel(tab, "City")
    city.get_by_role("button", name="Chart type").click()
    city.get_by_role("button", name="Columns").click()
    city.get_by_role("button", name="Order", exact=True).click()
    city.get_by_role("button", name="Custom order …").click()
    tab.get_by_role("button", name="Move Oslo down").click()
    with tab.expect_response(lambda response: "/analysis/orders/" in response.url) as answer:
        tab.get_by_role("button", name="Keep this order").click()
    assert answer.value.ok
    tab.reload()
    city.get_by_role("button", name="Chart type").click()
    city.get_by_role("button", name="Columns").click()
    city.get_by_role("button", name="Table").click()
    expect(city.locator("tbody tr").first).to_contain_text("Bergen")


def test_values_are_sorted_up_and_down_and_the_picture_is_a_picture(
    shop: Shop, tab: Any, sign_in: Callable[[Any], str]
) -> None:
    from playwright.sync_api import expect

    sign_in(shop.access)
    go(tab, "Perspective")
    city = panel(tab, "City")
    city.get_by_role("button", name="Table").click()
    first = city.locator("tbody tr").first
    for order, value in (("Ascending", "Bergen"), ("Descending", "Oslo"), ("Default order", "Oslo")):
        city.get_by_role("button", name="Order", exact=True).click()
        expect(city.get_by_role("button", name="Custom order …")).to_be_disabled()
        city.get_by_role("button", name=order).click()
        expect(first).to_contain_text(value)
    with tab.expect_download() as picture:
        city.get_by_role("button", name="Export as picture").click()
    assert Path(picture.value.path()).read_bytes().startswith(b"\x89PNG")
    city.get_by_role("button", name="Enlarge").click()
    assert city.bounding_box()["width"] > 1150
    city.get_by_role("button", name="Close").click()
    assert city.bounding_box()["width"] < 900


# Where a part lies: shares of the canvas's width and height, and aside by a share of the height. Oslo has six of ten.
PLACES = {
    "Pie": {"Oslo": (0.5, 0.5, 0.23), "Bergen": (0.5, 0.5, -0.23)},
    "Columns": {"Oslo": (0.28, 0.8, 0), "Bergen": (0.75, 0.8, 0)},
    "Treemap": {"Oslo": (0.2, 0.2, 0), "Bergen": (0.8, 0.85, 0)},
}


@pytest.mark.parametrize("look", PLACES)
def test_hover_and_click_are_about_the_part_that_is_pointed_at(
    shop: Shop, tab: Any, sign_in: Callable[[Any], str], look: str
) -> None:
    from playwright.sync_api import expect

    sign_in(shop.access)
    go(tab, "Perspective")
    city = panel(tab, "City")
    city.get_by_role("button", name="Chart type").click()
    city.get_by_role("button", name=look).click()
    canvas = city.locator("canvas").first
    box = canvas.bounding_box()
    for value, (across, down, aside) in PLACES[look].items():
        at = {"x": box["width"] * across + box["height"] * aside, "y": box["height"] * down}
        canvas.hover(position=at)
        hover = city.locator("[data-part=canvas] > div").last
        expect(hover).to_contain_text(value)
        expect(hover).to_contain_text(f"{6 if value == 'Oslo' else 4} people")
        canvas.click(position=at)
        expect(tab.get_by_role("heading", name=f"City: {value}")).to_be_visible()
        tab.get_by_role("button", name="Cancel").click()
