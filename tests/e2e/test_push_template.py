"""Writing a push message in a browser: the phone shows what is typed, and only the needed fields are there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from tests.marketing.delivery.push_shop import PushShop, imei


@pytest.fixture
def shop(transactional_db: None, sandbox: Any) -> PushShop:
    made = PushShop(sandbox)
    made.app()
    made.phones([imei(1001), imei(1002)])
    return made


def test_the_phone_shows_what_is_typed(tab: Any, sign_in: Callable[[Any], str], shop: PushShop) -> None:
    from playwright.sync_api import expect

    home = sign_in(shop.access)
    tab.goto(f"{home}content/new/push/")
    expect(tab.locator("[name=push_url]")).to_be_hidden()
    tab.fill("[name=subject]", "Hats for spring")
    tab.fill("[name=text]", "Come and see")
    expect(tab.locator(".phone-title")).to_have_text("Hats for spring")
    tab.select_option("[name=push_action]", "url")
    expect(tab.locator("[name=push_url]")).to_be_visible()
    expect(tab.locator("[name=push_package]")).to_be_hidden()
    tab.check("[name=push_vendor]")
    expect(tab.locator("[name=push_package]")).to_be_visible()
