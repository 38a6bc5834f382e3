"""A webhook in a browser: set up, tested, sent through, and the results that the own system reports."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from marketing.delivery.models import SendOut
from tests.e2e.test_send_out_wizard import choose
from tests.marketing.delivery.shop import numbers
from tests.marketing.delivery.webhook_shop import WebhookShop
from tests.processes import eventually


@pytest.fixture
def shop(transactional_db: None, sandbox: Any, live_server: Any) -> WebhookShop:
    sandbox.options.results_url = f"{live_server.url}/restapi/thirdservice/webhook/receiveWebHookCallBack"
    made = WebhookShop(sandbox)
    made.audience([*numbers(2), ("13800130003", None, "Oslo", None)])
    return made


def test_from_a_new_webhook_to_reported_results(
    tab: Any, sign_in: Callable[[Any], str], shop: WebhookShop
) -> None:
    from playwright.sync_api import expect

    home = sign_in(shop.access)
    tab.goto(f"{home}webhooks/new/")
    tab.fill("[name=name]", "CRM")
    tab.fill("[name=url]", f"{shop.sandbox.url}/own-system")
    tab.fill("[name=key]", "sandbox-key")
    tab.get_by_label("Mobile number").check()
    tab.fill("[name=parameters]", "title | Title | text\npoints | Points | integer")
    tab.get_by_label("It reports results").check()
    tab.fill("[name=statuses]", "200 | Read | delivered\n500 | Not reached | failed")
    tab.locator("main .card-footer button.btn-primary").click()
    expect(tab.get_by_text("user_profile")).to_be_visible()

    tab.get_by_role("link", name="Test", exact=True).click()
    tab.fill("[name=target]", "13800139999")
    tab.get_by_role("button", name="Call it now").click()
    expect(tab.get_by_text("The webhook accepted the call.")).to_be_visible()
    with tab.expect_download() as log:
        tab.get_by_role("link", name="Download the log").click()
    assert "138****9999" in Path(log.value.path()).read_text()

    tab.goto(f"{home}send-outs/new/custom/")
    tab.fill("[name=name]", "Points")
    choose(tab, "audiences", "Everybody")
    expect(tab.locator("[name=provider] option", has_text="CRM")).to_have_count(1)
    tab.select_option("[name=provider]", label="CRM")
    expect(tab.locator("[name=id_type] option:checked")).to_have_text("Mobile number")
    tab.locator("main .card-footer button.btn-primary").click()
    tab.wait_for_url("**/parameters/")
    tab.fill("[name=a_title]", "Hello from ${city}")
    tab.fill("[name=a_points]", "200")
    tab.locator("main .card-footer button.btn-primary").click()
    tab.wait_for_url("**/variables/")
    choose(tab, "city_source", "City")
    tab.fill("[name=city_value]", "here")
    tab.locator("main .card-footer button.btn-primary").click()
    expect(tab.get_by_text("Hello from Bath").first).to_be_visible()
    tab.get_by_label("Test send").fill("13800138888")
    tab.get_by_role("button", name="Send the test").click()
    expect(tab.get_by_text("Test sent to 13800138888.")).to_be_visible()
    expect(tab.get_by_role("heading", name="Latest calls")).to_be_visible()
    tab.get_by_role("button", name="Send now").click()
    with tab.expect_navigation():
        tab.locator("#check-dialog").get_by_role("button", name="Send it").click()
    page, send_out = tab.url, SendOut.objects.get()
    shop.run_jobs()
    eventually(lambda: shop.states(send_out) == {"delivered": 2, "failed": 1})

    tab.goto(page)
    results = tab.locator(".card", has=tab.get_by_role("heading", name="Results", exact=True))
    expect(results.get_by_role("row", name="Not reached")).to_contain_text("1")
    expect(results.get_by_role("row", name="Read")).to_contain_text("2")
    expect(tab.get_by_text("Results are taken for another")).to_be_visible()
    expect(tab.locator("#recipients")).to_contain_text("Not reached")
    tab.goto(f"{shop.sandbox.url}/inbox/?channel=custom")
    expect(tab.get_by_role("link", name="Hello from Oslo")).to_have_count(1)
