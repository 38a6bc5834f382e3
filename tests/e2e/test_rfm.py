"""RFM analysis in a real browser: charts, samples, an audience of two groups."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from cdp.core import timezones
from insight.audiences.models import Audience
from insight.datasets import services as datasets
from insight.datasources import services as tables
from insight.rfm import figures
from tests.e2e.shop import Shop
from tests.e2e.test_from_rule_to_members import wait_for_total
from tests.insight.datasets.test_rfm import BANDS

ORDERS = ((5, 12, 200.0), (200, 6, 250.0), (20, 1, 1000.0), (120, 1, 800.0), (30, 1, 99.99), (300, 1, 100.0))


def test_groups_are_looked_at_and_become_an_audience(
    tab: Any, sign_in: Any, run_jobs: Callable[..., Any]
) -> None:
    from playwright.sync_api import expect

    shop = Shop(run_jobs)
    today = timezones.today(shop.access.workspace)
    lines = "".join(
        f"m{number},{today - timedelta(days=days)},{amount}\n"
        for number, (days, times, amount) in enumerate(ORDERS, start=1)
        for _time in range(times)
    )
    upload = tables.create_upload(shop.access, io.BytesIO(f"who,day,money\n{lines}".encode()), "sales.csv")
    tables.start_import(shop.access, upload, "sales")
    run_jobs()
    given = {"kind": "rfm", "table": "sales", "input": "transactions", "bands": BANDS, "name": "Value"}
    user = {"column": "who", "id_type": "one_id"}
    model = datasets.create(shop.access, {**given, "user_id": user, "time": "day", "amount": "money"})
    datasets.refresh(shop.access, model)
    run_jobs()
    home = sign_in(shop.access)
    tab.goto(f"{home}datasets/{model.pk}/")
    tab.get_by_role("link", name="RFM analysis").click()
    tab.locator("[data-rfm-chart=composition] svg").wait_for()
    expect(tab.locator("[data-indicator=users]")).to_have_text("6")
    expect(tab.locator("[data-rfm-trend] svg")).to_have_count(4)
    expect(tab.locator("[data-rfm-chart] svg")).to_have_count(5)
    course = tab.locator(".chart-panel", has=tab.locator("[data-rfm-chart=course]"))
    course.get_by_role("button", name="Table").press("Enter")
    with tab.expect_download() as started:
        course.get_by_role("button", name="Export as CSV").click()
    by_month = list(csv.reader(io.StringIO(Path(started.value.path()).read_text("utf-8-sig"))))
    found = figures.trend(figures.open_model(shop.access, model.pk))["buckets"]
    assert [(row[0], float(row[2]), int(row[3])) for row in by_month[1:]] == [
        (bucket["start"], bucket["amount"], bucket["count"]) for bucket in found
    ]
    assert len(found) > 1
    expect(course.locator("tbody tr")).to_have_count(len(found))
    power = tab.locator(".chart-panel", has=tab.locator("[data-rfm-chart=power]"))
    power.get_by_role("button", name="Table").click()
    with tab.expect_download() as started:
        power.get_by_role("button", name="Export as CSV").click()
    filed = list(csv.reader(io.StringIO(Path(started.value.path()).read_text("utf-8-sig"))))
    assert [row[0] for row in filed[1:]] == power.locator("tbody td:first-child").all_inner_texts()
    assert sum(int(row[1]) for row in filed[1:]) == 6 and len(filed[0]) == 5
    share = tab.locator("[data-share=key_develop]")
    before = share.inner_text()
    tab.get_by_role("group", name="Show shares of").get_by_role("button", name="Amount").click()
    expect(share).not_to_have_text(before)
    tab.locator("[data-group=key_develop]").click()
    tab.get_by_text("Some customers of “Key: develop”").wait_for()
    choose = tab.get_by_role("button", name="Make an audience of the ticked groups")
    expect(choose).to_be_disabled()
    tab.get_by_label("Key: develop").check()
    tab.get_by_label("High value").check()
    choose.click()
    wait_for_total(tab, 2)
    tab.fill("#audience-name", "Best")
    tab.locator("button[form=audience-form]").first.click()
    tab.get_by_role("link", name="Best", exact=True).wait_for()
    assert Audience.objects.get(name="Best").rule["types"] == ["high_value", "key_develop"]
