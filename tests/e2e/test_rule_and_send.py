"""From rule to message in a real browser: live counts, dragging, saving, download, a mail that is clicked."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from insight.audiences.models import Audience
from insight.datasets import services as datasets
from insight.datasources import services as tables
from marketing.channels import services as channels
from marketing.delivery.models import SendOut
from tests.factories import make_access

MEMBERS = "member_no,email,gender,city,spend\n" + "".join(
    f"m{n},m{n}@example.com,{'f' if n % 2 else 'm'},{'Oslo' if n <= 6 else 'Bergen'},{n * 10}\n"
    for n in range(1, 11)
)
ORDERS = "member_no,ordered_at,amount\n" + "".join(
    f"m{n},2026-0{1 + n % 3}-05,{n * 5}\n" for n in (1, 2, 3, 3, 9, 12)
)


class Shop:
    """A workspace with members m1 to m10 (odd: f; up to 6: Oslo) and orders of m1, m2, m3 (twice), m9 and m12."""

    def __init__(self, run_jobs: Callable[..., Any]) -> None:
        self.access = make_access()
        for name, text in (("members", MEMBERS), ("orders", ORDERS)):
            upload = tables.create_upload(self.access, io.BytesIO(text.encode()), f"{name}.csv")
            tables.start_import(self.access, upload, name)
        run_jobs()
        user = {"column": "member_no", "id_type": "one_id"}
        tags = [
            {"column": "gender", "name": "Gender", "type": "enum"},
            {"column": "city", "name": "City", "type": "enum"},
            {"column": "spend", "name": "Spend", "type": "number"},
        ]
        mail = [{"column": "email", "id_type": "email"}]
        made = [
            {"name": "Members", "kind": "user_tags", "table": "members", "ids": mail, "tags": tags},
            {
                "name": "Orders",
                "kind": "behaviour",
                "table": "orders",
                "time": "ordered_at",
                "type": {"constant": "purchase"},
                "amount": "amount",
            },
        ]
        for data in made:
            datasets.refresh(self.access, datasets.create(self.access, {**data, "user_id": user}))
        run_jobs()


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


def build_rule(tab: Any, home: str) -> None:
    """Women of Oslo who bought: m1 and m3, by clicking, dragging and undoing."""
    tab.goto(f"{home}audiences/new/")
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
    for number in range(40):
        if zone.locator(".rb-item").count():
            break
        tab.mouse.move(goal["x"] + goal["width"] / 2 + number % 5, goal["y"] + goal["height"] / 2)
        tab.wait_for_timeout(50)
    tab.mouse.up()


def test_from_rule_to_a_clicked_mail(
    shop: Shop, tab: Any, sign_in: Callable[[Any], str], run_jobs: Callable[..., Any], sandbox: Any
) -> None:
    from playwright.sync_api import expect

    home = sign_in(shop.access)
    build_rule(tab, home)
    expect(tab.locator("[data-rb=summary]")).to_contain_text("Gender")
    tab.get_by_role("button", name="Look at people").click()
    expect(tab.locator("[data-preview-body] tbody tr")).to_have_count(2)
    tab.locator("[data-rb=preview-close]").click()
    tab.locator("[data-rb=close-editor]").click()
    tab.fill("#audience-name", "Women of Oslo who bought")
    tab.locator("[data-ids] label", has_text="mail").click()
    tab.locator("header, .page-header, body").get_by_role("button", name="Save audience").first.click()
    tab.wait_for_url(re.compile(r"/audiences/(aud_\w+/)?$"))
    run_jobs()
    audience = Audience.objects.get()
    assert audience.count == 2 and "email" in audience.save_ids

    tab.goto(f"{home}audiences/{audience.pk}/")
    expect(tab.locator("#members tbody tr")).to_have_count(2)
    tab.get_by_role("button", name="More actions").click()
    with tab.expect_download() as started:
        tab.get_by_role("link", name="Download CSV").click()
    rows = list(csv.DictReader(io.StringIO(Path(started.value.path()).read_text("utf-8-sig"))))
    assert {row["email"] for row in rows} == {"m1@example.com", "m3@example.com"}

    tab.goto(f"{home}analysis/?audience={audience.pk}")
    expect(tab.locator("main canvas, main svg").first).to_be_visible()

    send_mail(shop, tab, home, run_jobs)
    send_out = SendOut.objects.get()
    assert send_out.state == "finished", send_out.state_reason
    tab.goto(sandbox.url + "/inbox/")
    expect(tab.locator("body")).to_contain_text("News from Oslo")
    tab.get_by_role("link", name=re.compile("News from Oslo")).first.click()
    tab.goto(f"{tab.url}/html")
    link = tab.get_by_role("link", name="Look").get_attribute("href")
    tab.request.get(link, max_redirects=0)
    tab.goto(f"{home}send-outs/{send_out.pk}/")
    expect(tab.locator("main")).to_contain_text("From audience to click")
    assert send_out.recipients.exclude(clicked_at=None).count() == 1
    assert send_out.recipients.filter(state="delivered").count() == 2


def send_mail(shop: Shop, tab: Any, home: str, run_jobs: Callable[..., Any]) -> None:
    """A template with a variable, a trial, then the real thing."""
    from django.conf import settings

    host, _colon, port = settings.SANDBOX_SMTP.rpartition(":")
    config = {"host": host, "port": int(port), "security": "none"}
    values = {"channel": "email", "type": "smtp", "name": "Mail", "config": config}
    provider = channels.create_provider(shop.access, values)
    channels.add_sender(shop.access, provider, "shop@example.com", "Shop")

    tab.goto(f"{home}content/new/email/")
    tab.fill("[name=name]", "News")
    tab.fill("[name=subject]", "News from ${city}")
    tab.fill("[name=html]", '<p>Hello in ${city}. <a href="https://www.example.com/new">Look</a></p>')
    tab.locator("main .card-footer button.btn-primary").click()
    tab.wait_for_url(re.compile(r"/content/tpl_\w+/$"))

    tab.goto(f"{home}send-outs/new/email/")
    tab.fill("[name=name]", "Spring news")
    for name, text in (
        ("provider", "Mail"),
        ("sender", "shop@"),
        ("template", "News"),
        ("audience", "Women of Oslo"),
    ):
        pick(tab, name, text)
    tab.locator("main .card-footer button.btn-primary").click()
    tab.wait_for_url(re.compile(r"/variables/$"))
    pick(tab, "city_source", "City")
    tab.locator("main .card-footer button.btn-primary").click()
    tab.wait_for_url(re.compile(r"/send-outs/snd_\w+/$"))
    tab.get_by_role("button", name="Send now").click()
    tab.locator("#confirm button[value=yes]").click()
    tab.wait_for_load_state("networkidle")
    run_jobs()


def pick(tab: Any, name: str, text: str) -> None:
    """An option of a select, also of one that is searched."""
    select = tab.locator(f"select[name={name}]")
    if "tomselected" in (select.get_attribute("class") or ""):
        select.locator("xpath=following-sibling::*[contains(@class, 'ts-wrapper')]").click()
        tab.locator(".ts-dropdown:visible").wait_for()
        tab.locator(".ts-dropdown:visible .option", has_text=text).first.click()
    else:
        value = select.locator("option", has_text=text).first.get_attribute("value")
        select.select_option(value)
