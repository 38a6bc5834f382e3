"""A real browser, signed in, and a sandbox that plays the outside world."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.conf import settings
from django.db import connections

from tests.factories import PASSWORD

# Playwright's synchronous interface keeps an event loop in this thread; Django then refuses database work in it.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "1")
NO_CLICKS_BEFORE_SCRIPTS = """{
  const hold = () => {
    const page = document.documentElement;
    if (!page) return false;
    page.style.pointerEvents = "none";
    addEventListener("load", () => { page.style.pointerEvents = ""; });
    return true;
  };
  if (!hold()) new MutationObserver((_, observer) => { if (hold()) observer.disconnect(); })
    .observe(document, { childList: true });
}"""
"""Tests click sooner than people can: on what shows before the page's scripts have run, and does nothing yet."""
CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if "/tests/e2e/" in str(item.path):
            item.add_marker(pytest.mark.django_db(transaction=True))
            if os.environ.get("NO_BROWSER") == "1":
                item.add_marker(pytest.mark.skip(reason="no browser can be had on this machine"))


@pytest.fixture
def context() -> Iterator[Any]:
    """A fresh browser context, 1280 wide."""
    from playwright.sync_api import expect, sync_playwright

    with sync_playwright() as driver:
        options = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        browser = driver.chromium.launch(executable_path=CHROMIUM, args=options)
        context = browser.new_context(
            viewport={"width": 1280, "height": 800}, accept_downloads=True, reduced_motion="reduce"
        )
        context.set_default_timeout(60_000)
        context.add_init_script(NO_CLICKS_BEFORE_SCRIPTS)
        expect.set_options(timeout=20_000)
        yield context
        browser.close()
        # What the test opened beside the driver's event loop is out of sight once that has ended.
        connections.close_all()


@pytest.fixture
def tab(context: Any) -> Any:
    """A new page. Those of work under way load anew once it is done, which ends a `goto` or `reload` just then."""
    from playwright.sync_api import Error

    def persistent(load: Callable[..., Any]) -> Callable[..., Any]:
        def again(*arguments: Any, **options: Any) -> Any:
            try:
                return load(*arguments, **options)
            except Error as error:
                if "ERR_ABORTED" not in str(error):
                    raise
                return load(*arguments, **options)

        return again

    page = context.new_page()
    page.goto, page.reload = persistent(page.goto), persistent(page.reload)
    return page


@pytest.fixture
def sign_in(tab: Any, live_server: Any) -> Callable[[Any], str]:
    """Signs a member in by the form; the address of the workspace's home page."""

    def enter(access: Any) -> str:
        home = f"{live_server.url}/w/{access.workspace.slug}/"
        tab.goto(home)
        tab.fill("input[name=username]", access.user.username)
        tab.fill("input[name=password]", PASSWORD)
        tab.click("main button.btn-primary")
        tab.wait_for_url(home)
        return home

    return enter


@pytest.fixture
def sandbox(tmp_path: Any, live_server: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A running sandbox provider: mail server, SMS platform, inbox. Links in messages lead to the live server."""
    from marketing.sandbox.options import Options
    from marketing.sandbox.provider import SandboxProvider

    provider = SandboxProvider(Options(receipt_seconds=0.2), data=tmp_path)
    provider.start()
    monkeypatch.setattr(settings, "SANDBOX_URL", provider.url)
    monkeypatch.setattr(settings, "SANDBOX_SMTP", f"127.0.0.1:{provider.smtp_port}")
    monkeypatch.setattr(settings, "BASE_URL", live_server.url)
    yield provider
    provider.stop()
