"""Connecting an app on the way to a push message, in a browser."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from marketing.channels import services as channels
from tests.factories import make_access


def test_an_app_connected_in_another_tab_can_be_chosen_and_nothing_typed_is_lost(
    tab: Any, sign_in: Callable[[Any], str], transactional_db: None
) -> None:
    from playwright.sync_api import expect

    access = make_access()
    tab.goto(sign_in(access) + "send-outs/new/push/")
    links = tab.locator("[data-new-apps] a")
    expect(links).to_have_text(["Connect an app", "Accounts"])
    assert links.nth(1).get_attribute("href").endswith("/accounts/")
    assert {link.get_attribute("target") for link in links.all()} == {"_blank"}
    tab.fill('input[name="name"]', "Hats")
    config = {"app_key": "k", "master_secret": "s", "base_url": "http://127.0.0.1:9/upush"}
    values = {"channel": "push", "type": "upush_android", "name": "Shop app", "config": config}
    made = channels.create_provider(access, values)
    tab.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
    offered = """key => { const select = document.querySelector('select[name="provider"]');
        return Boolean(select.tomselect?.options[key] ?? [...select.options].find((one) => one.value === key)); }"""
    tab.wait_for_function(offered, arg=made.pk)
    expect(tab.locator('input[name="name"]')).to_have_value("Hats")
