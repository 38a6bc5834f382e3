"""Short links in a real browser."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import pytest
from django.conf import settings
from playwright.sync_api import expect

from marketing.links import codes
from marketing.links.models import ShortLink
from tests.factories import make_access


def test_a_link_is_made_copied_followed_looked_at_and_stopped(
    tab: Any, context: Any, sign_in: Any, live_server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(settings, "SHORT_LINK_HOST", live_server.url)
    context.grant_permissions(["clipboard-read", "clipboard-write"], origin=live_server.url)
    access = make_access()
    home = sign_in(access)
    tab.goto(f"{home}short-links/new/")
    tab.get_by_role("link", name="Add a domain").click()
    tab.get_by_label("Domain").fill(str(urlsplit(live_server.url).hostname))
    tab.get_by_role("button", name="Add", exact=True).click()
    tab.goto(f"{home}short-links/new/")
    tab.get_by_label("Name").fill("Sale")
    tab.get_by_label("Leads to").fill("javascript:alert(1)")
    tab.get_by_role("button", name="Create").click()
    tab.get_by_text("Write an address that begins with").wait_for()
    expect(tab.get_by_label("Name")).to_have_value("Sale")
    tab.get_by_label("Leads to").fill(f"{live_server.url}/help/")
    tab.get_by_role("button", name="Create").click()
    tab.get_by_text("Nobody has clicked yet").wait_for()

    link = ShortLink.objects.get()
    tab.goto(f"{home}short-links/")
    tab.get_by_role("button", name=f"Copy {link.url}").click()
    tab.get_by_text("Copied.").wait_for()
    assert tab.evaluate("navigator.clipboard.readText()") == link.url
    visitor = context.browser.new_context(user_agent="Mozilla/5.0 (iPhone; CPU iPhone OS 17_5) Mobile/15E148")
    page = visitor.new_page()
    page.goto(f"{link.url}?ph={codes.person_code(link.key, '13800138000')}")
    assert page.url == f"{live_server.url}/help/" or "login" in page.url

    tab.get_by_role("link", name="Sale").first.click()
    tab.get_by_text("138****8000").wait_for()
    tab.locator("[data-clicks=day] svg").wait_for()
    tab.get_by_role("button", name="Stop").click()
    tab.get_by_role("button", name="Go on").click()
    tab.get_by_text("Stopped: the link leads nowhere now.").wait_for()
    assert page.goto(link.url).status == 410
    page.get_by_text("This link has ended").wait_for()
    visitor.close()
    tab.goto(f"{home}short-links/")
    tab.get_by_label("Tick all").check()
    tab.get_by_role("button", name="Remove").click()
    tab.get_by_role("button", name="Go on").click()
    tab.get_by_text("No short links yet").wait_for()
