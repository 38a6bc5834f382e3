"""A mail from the server it leaves by to the click that is counted, in a real browser and by real SMTP."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.e2e.shop import Shop, go, pick


@pytest.fixture
def shop(run_jobs: Callable[..., Any]) -> Shop:
    return Shop(run_jobs)


def test_from_mail_server_to_a_counted_click(
    shop: Shop,
    tab: Any,
    sign_in: Callable[[Any], str],
    run_jobs: Callable[..., Any],
    sandbox: Any,
    live_server: Any,
) -> None:
    from playwright.sync_api import expect

    shop.save_audience()
    sign_in(shop.access)
    connect_mail(tab, sandbox)
    write_template(tab, f"{live_server.url}/help/")
    prepare_send_out(tab)
    expect(tab.frame_locator("iframe.mail-light").get_by_text("Hello in Oslo.")).to_be_visible()
    expect(tab.locator("main")).not_to_contain_text("${city}")
    tab.get_by_label("Test send").fill("colleague@example.com")
    tab.get_by_role("button", name="Send the test").click()
    expect(tab.get_by_text("Test sent to colleague@example.com.")).to_be_visible()
    tab.get_by_role("button", name="Send now").click()
    with tab.expect_navigation():
        tab.locator("#check-dialog").get_by_role("button", name="Send it").click()
    run_jobs()

    page = tab.url
    tab.goto(f"{sandbox.url}/inbox/")
    for address in ("colleague", "m1", "m3", "m5"):
        expect(tab.get_by_role("row", name=f"{address}@example.com")).to_have_count(1)
    tab.get_by_role("row", name="m1@example.com").get_by_role("link", name="News from Oslo").click()
    with tab.context.expect_page() as opened:
        tab.frame_locator("iframe").get_by_role("link", name="Look").click()
    expect(opened.value).to_have_url(f"{live_server.url}/help/")

    tab.goto(page)
    expect(tab.get_by_text("Finished", exact=True).first).to_be_visible()
    for tile, count in (
        ("Audience", "3"),
        ("Sent", "3"),
        ("Delivered", "3"),
        ("Failed", "0"),
        ("Clicked", "1"),
    ):
        expect(tab.locator(".stat", has_text=tile)).to_contain_text(count)
    expect(tab.get_by_role("row", name=f"{live_server.url}/help/ 1 1")).to_be_visible()


def connect_mail(tab: Any, sandbox: Any) -> None:
    from playwright.sync_api import expect

    go(tab, "Channels")
    tab.get_by_role("link", name="SMTP server").click()
    tab.get_by_label("Name", exact=True).fill("Post office")
    tab.locator("#id_config_host").fill("127.0.0.1")
    tab.locator("#id_config_port").fill(str(sandbox.smtp_port))
    tab.locator("#id_config_security").select_option("none")
    tab.get_by_role("button", name="Save").click()
    tab.get_by_role("button", name="Test the connection").click()
    expect(tab.get_by_text("Connected to")).to_be_visible()
    tab.get_by_role("link", name="New address").click()
    tab.get_by_label("Address").fill("shop@example.com")
    tab.get_by_label("Sender name").fill("Shop")
    tab.get_by_role("button", name="Save").click()
    expect(tab.get_by_text("Shop <shop@example.com>")).to_be_visible()


def write_template(tab: Any, link: str) -> None:
    from playwright.sync_api import expect

    go(tab, "Templates")
    tab.get_by_role("link", name="E-mail").click()
    tab.get_by_label("Name", exact=True).fill("News")
    tab.locator("[name=subject]").fill("News from ${city}")
    tab.get_by_role("button", name="HTML of your own").click()
    tab.locator("[name=html]").fill(f'<p>Hello in ${{city}}. <a href="{link}">Look</a></p>')
    tab.get_by_role("button", name="Save").click()
    expect(tab.get_by_role("heading", level=1)).to_have_text("News")


def prepare_send_out(tab: Any) -> None:
    """Up to the page with the preview."""
    go(tab, "Send-outs")
    tab.get_by_role("link", name="E-mail").click()
    tab.get_by_label("Name", exact=True).fill("Spring news")
    chosen = {"provider": "Post office", "sender": "shop@", "template": "News", "audiences": "Women of Oslo"}
    for name, text in chosen.items():
        pick(tab, name, text)
    tab.get_by_role("button", name="Save and go on").click()
    pick(tab, "city_source", "City")
    tab.fill("[name=city_value]", "your town")
    tab.get_by_role("button", name="Save and look at the message").click()
    tab.get_by_role("button", name="Send now").wait_for()
