"""The drawing of how audiences overlap: what is pressed in it becomes an audience."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from insight.audiences import overlap, services
from insight.audiences.models import Audience
from tests.e2e.shop import Shop


def test_a_column_and_a_dot_lead_to_their_people(
    tab: Any, sign_in: Any, run_jobs: Callable[..., Any]
) -> None:
    shop = Shop(run_jobs)
    leaf = {"kind": "tag", "dataset": shop.members.pk, "operator": "in"}
    made = [
        services.create(shop.access, {"name": name, "rule": {**leaf, "tag": tag, "value": [value]}})
        for name, tag, value in (("Women", "gender", "f"), ("Of Oslo", "city", "Oslo"))
    ]
    run_jobs()
    found = overlap.measure(shop.access, [row.pk for row in made])
    assert [part.people for part in found.parts] == [3, 3, 2]
    home = sign_in(shop.access)
    page = f"{home}audiences/overlap/?row={made[0].pk}&row={made[1].pk}"
    tab.goto(page)
    panel = tab.locator(".chart-panel", has=tab.get_by_role("heading", name="Who is in which"))
    canvas = panel.locator("[data-part=canvas]")
    canvas.locator("svg").wait_for()
    with tab.expect_download() as picture:
        panel.get_by_role("button", name="Export as picture").press("Enter")
    assert Path(picture.value.path()).read_bytes().startswith(b"\x89PNG")
    with tab.expect_download() as filed:
        panel.get_by_role("link", name="Export as CSV").click()
    rows = list(csv.reader(io.StringIO(Path(filed.value.path()).read_text("utf-8-sig"))))
    assert [int(row[2]) for row in rows[1:]] == [3, 3, 2]
    # The parts stand side by side to the right of the names and sizes; the lowest column stands at the right.
    box = canvas.bounding_box()
    left, right = 304, box["width"] - 16
    middle = left + (right - left) * 5 / 6
    for height in (190 - 8, 190 + 16 + 15):
        tab.goto(page)
        canvas.locator("svg").wait_for()
        canvas.click(position={"x": middle, "y": height})
        tab.wait_for_url("**/audiences/new/?rule=*")
        rule = json.loads(parse_qs(urlsplit(tab.url).query)["rule"][0])
        count = Audience.objects.count()
        kept = services.create(shop.access, {"name": f"Part {count}", "rule": rule})
        run_jobs()
        kept.refresh_from_db()
        assert kept.count == 2, "the smallest part comes last"


def test_every_two_lead_to_those_in_both_and_to_their_tags(
    tab: Any, sign_in: Any, run_jobs: Callable[..., Any]
) -> None:
    from playwright.sync_api import expect

    shop = Shop(run_jobs)
    leaf = {"kind": "tag", "dataset": shop.members.pk, "tag": "city", "operator": "in"}
    oslo = services.create(shop.access, {"name": "Of Oslo", "rule": {**leaf, "value": ["Oslo"]}})
    women = shop.save_audience()
    run_jobs()
    home = sign_in(shop.access)
    tab.goto(f"{home}audiences/overlap/?row={oslo.pk}&row={women.pk}")
    row = tab.locator(".card", has=tab.get_by_role("heading", name="Two by two")).locator("tbody tr")
    for place, text in enumerate(("3", "50.0 %", "100.0 %", "50.0 %"), start=2):
        expect(row.locator("td").nth(place)).to_have_text(text)
    row.get_by_role("link", name="Compare their tags").press("Enter")
    # The page soon adds the tags that it shows.
    tab.wait_for_url(f"**/analysis/audience/?audience={oslo.pk}&compare={women.pk}*")
    tab.get_by_text("3 people are in both audiences.").wait_for()
