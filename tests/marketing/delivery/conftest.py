"""A shop whose messages go to a running sandbox."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import pytest
from django.conf import settings

from marketing.sandbox.options import Options
from marketing.sandbox.provider import SandboxProvider
from tests.marketing.delivery.app_shop import AppShop
from tests.marketing.delivery.push_shop import PushShop
from tests.marketing.delivery.shop import Shop
from tests.marketing.delivery.web_shop import WebShop
from tests.marketing.delivery.webhook_shop import WebhookShop


@pytest.fixture(scope="session")
def _sandbox() -> Iterator[SandboxProvider]:
    running = SandboxProvider()
    running.start()
    yield running
    running.stop()


@pytest.fixture
def sandbox(_sandbox: SandboxProvider) -> SandboxProvider:
    """Empty, and quick in all it does."""
    _sandbox.options.change(asdict(Options(receipt_seconds=0.0, review_seconds=0.0)))
    _sandbox.faults.clear()
    _sandbox.store.clear()
    return _sandbox


@pytest.fixture
def shop(db: None, sandbox: SandboxProvider) -> Shop:
    """For e-mail: what it sends comes back to nobody."""
    return Shop(sandbox)


@pytest.fixture
def sms_shop(
    transactional_db: None, live_server: Any, sandbox: SandboxProvider, monkeypatch: pytest.MonkeyPatch
) -> Shop:
    """For SMS: the platform fetches recipients files from a running server."""
    monkeypatch.setattr(settings, "BASE_URL", live_server.url)
    return Shop(sandbox)


@pytest.fixture
def push_shop(db: None, sandbox: SandboxProvider) -> PushShop:
    """For push messages: nobody hears of phones unless a test says so."""
    return PushShop(sandbox)


@pytest.fixture
def reported_push_shop(
    transactional_db: None, live_server: Any, sandbox: SandboxProvider, monkeypatch: pytest.MonkeyPatch
) -> PushShop:
    """For push messages: the platform reports phones to a running server."""
    monkeypatch.setattr(settings, "BASE_URL", live_server.url)
    return PushShop(sandbox)


@pytest.fixture
def webhook_shop(db: None, sandbox: SandboxProvider) -> WebhookShop:
    """With an own system that is called; it reports results where a test says so."""
    return WebhookShop(sandbox)


@pytest.fixture
def reported_webhook_shop(
    transactional_db: None, live_server: Any, sandbox: SandboxProvider, monkeypatch: pytest.MonkeyPatch
) -> WebhookShop:
    """With an own system that reports results to a running server."""
    sandbox.options.results_url = f"{live_server.url}/restapi/thirdservice/webhook/receiveWebHookCallBack"
    return WebhookShop(sandbox)


@pytest.fixture
def web_shop(db: None, sandbox: SandboxProvider) -> WebShop:
    """For browsers: nobody hears of them unless a test says so."""
    return WebShop(sandbox)


@pytest.fixture
def reported_web_shop(
    transactional_db: None, live_server: Any, sandbox: SandboxProvider, monkeypatch: pytest.MonkeyPatch
) -> WebShop:
    """For browsers that report to a running server."""
    monkeypatch.setattr(settings, "BASE_URL", live_server.url)
    return WebShop(sandbox)


@pytest.fixture
def app_shop(db: None, sandbox: SandboxProvider) -> AppShop:
    """For apps by FCM and APNs: nobody hears of phones unless a test says so."""
    return AppShop(sandbox)


@pytest.fixture
def reported_app_shop(
    transactional_db: None, live_server: Any, sandbox: SandboxProvider, monkeypatch: pytest.MonkeyPatch
) -> AppShop:
    """For apps that report to a running server."""
    monkeypatch.setattr(settings, "BASE_URL", live_server.url)
    return AppShop(sandbox)
