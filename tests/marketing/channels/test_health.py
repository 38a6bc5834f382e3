"""Whether a provider still lets us in: the check, who is told, and what it keeps from leaving."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from cdp.console.models import Notification
from cdp.core.errors import Conflict
from marketing.channels import health, services
from marketing.channels.models import Provider
from marketing.sandbox.provider import SandboxProvider
from tests.factories import make_access, make_token
from tests.marketing.console import Browser
from tests.marketing.delivery.shop import Shop, mails


def platform(access: Any, sandbox: SandboxProvider, token: str, **config: Any) -> Provider:
    given = {"base_url": f"{sandbox.url}/contract", "token": token, **config}
    return services.create_provider(
        access, {"channel": "email", "type": "contract", "name": "Sandbox", "config": given}
    )


def test_a_refused_key_is_told_once_and_forgotten_when_it_works_again(
    db: None, sandbox: SandboxProvider
) -> None:
    access = make_access()
    sandbox.options.token = "right"
    provider = platform(access, sandbox, "wrong")
    assert (health.check_all(), health.check_all()) == (1, 1)
    provider.refresh_from_db()
    assert provider.failing_since and provider.health == Provider.Health.DENIED and not provider.succeeded_at
    notice = Notification.objects.get()
    assert "Sandbox" in notice.title and notice.url.endswith(f"/channels/{provider.pk}/")
    services.update_provider(access, provider, {"config": {"token": "right"}})
    assert health.check_all() == 0
    provider.refresh_from_db()
    assert provider.succeeded_at and provider.health == Provider.Health.WELL and not provider.last_error


def test_a_platform_that_is_away_is_not_taken_for_one_that_refuses(
    db: None, sandbox: SandboxProvider
) -> None:
    provider = platform(make_access(), sandbox, "", base_url="http://127.0.0.1:9/contract")
    assert health.check_all() == 0
    provider.refresh_from_db()
    assert (provider.failing_since, provider.health) == (None, Provider.Health.ERROR)
    assert not Notification.objects.exists()


def test_nothing_new_leaves_by_a_provider_that_refuses(shop: Shop) -> None:
    shop.sandbox.options.smtp_user, shop.sandbox.options.smtp_password = "u", "right"
    draft = shop.mail(shop.audience(mails(1)), provider={})
    provider = draft.provider
    keys = {"username": "u", "password": "wrong"}
    services.update_provider(shop.access, provider, {"config": keys})
    assert health.check_all() == 1
    draft.refresh_from_db()
    with pytest.raises(Conflict) as refused:
        shop.submit(draft)
    assert refused.value.code == "provider_failing" and "password" in str(refused.value)
    client = APIClient(HTTP_AUTHORIZATION=f"Bearer {make_token(shop.access)}")
    url = f"/api/v1/workspaces/{shop.workspace.slug}/providers/{provider.pk}/"
    assert client.get(url).json()["health"] == "denied"
    assert client.post(f"{url}renew-keys/", {"password": "right"}, format="json").json()["ok"] is True
    assert client.post(f"{url}renew-keys/", {"host": "x"}, format="json").status_code == 400
    draft.refresh_from_db()
    assert shop.submit(draft).state == "finished"


def test_the_page_of_keys_tries_them_at_once(db: None, sandbox: SandboxProvider) -> None:
    access = make_access()
    sandbox.options.token = "right"
    provider = platform(access, sandbox, "wrong")
    browser = Browser(access, "channels/")
    page = browser.get(f"{provider.pk}/keys/").content.decode()
    assert "wrong" not in page and "config_token" in page and "config_base_url" not in page
    browser.post(f"{provider.pk}/keys/", config_token="false")
    listed = browser.get().content.decode()
    assert "Lets nobody in" in listed and "Renew the keys" in listed
    browser.post(f"{provider.pk}/keys/", config_token="right")
    assert "Works" in browser.get().content.decode()
