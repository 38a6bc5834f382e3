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
    home = sign_in(shop.access)
    tab.goto(f"{home}content/new/push/")
    assert not tab.locator("[name=push_url]").is_visible()
    tab.fill("[name=subject]", "Hats for spring")
    tab.fill("[name=text]", "Come and see")
    assert tab.locator(".phone-title").inner_text() == "Hats for spring"
    tab.select_option("[name=push_action]", "url")
    assert tab.locator("[name=push_url]").is_visible()
    assert not tab.locator("[name=push_package]").is_visible()
    tab.check("[name=push_vendor]")
    assert tab.locator("[name=push_package]").is_visible()
