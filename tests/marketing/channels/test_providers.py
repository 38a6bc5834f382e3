"""Providers of a workspace by the API and on their pages: made, changed, removed, and kept while they are in use."""

from __future__ import annotations

from typing import Any

import pytest
from rest_framework.test import APIClient

from admin_center.audit.models import AuditEntry
from marketing.channels.models import Provider
from tests.factories import make_access, make_token
from tests.marketing.console import Browser
from tests.marketing.delivery.push_shop import PushShop, imei


class Api:
    def __init__(self, access: Any) -> None:
        self.client = APIClient(HTTP_AUTHORIZATION=f"Bearer {make_token(access)}")
        self.base = f"/api/v1/workspaces/{access.workspace.slug}/providers/"

    def make(self, channel: str, **config: Any) -> Any:
        whole = {"base_url": "https://sms.example.com/api", "token": "t0ken-of-ours", **config}
        values = {"channel": channel, "type": "contract", "name": "Platform", "config": whole}
        return self.client.post(self.base, values, format="json")


@pytest.fixture
def access(db: None) -> Any:
    return make_access()


@pytest.mark.parametrize("channel", ["sms", "email"])
def test_a_platform_by_contract_is_made_changed_and_removed(access: Any, channel: str) -> None:
    api = Api(access)
    made = api.make(channel)
    assert made.status_code == 201, made.content
    url = f"{api.base}{made.json()['id']}/"
    assert "t0ken-of-ours" not in made.content.decode()
    changed = api.client.patch(
        url, {"name": "Other", "config": {"base_url": "http://b.example.com"}}, format="json"
    )
    assert changed.status_code == 200 and changed.json()["name"] == "Other"
    provider = Provider.objects.get()
    assert (provider.config["base_url"], provider.config["token"]) == (
        "http://b.example.com",
        "t0ken-of-ours",
    )
    assert api.client.delete(url).status_code == 204 and not Provider.objects.exists()
    actions = AuditEntry.objects.filter(object_id=provider.pk).values_list("action", flat=True)
    assert {"provider.created", "provider.changed", "provider.deleted"} <= set(actions)


@pytest.mark.parametrize("channel", ["sms", "email"])
@pytest.mark.parametrize("address", ["ftp://sms.example.com", "sms.example.com", "javascript:alert(1)", ""])
def test_its_address_must_begin_with_http_or_https(access: Any, channel: str, address: str) -> None:
    answer = Api(access).make(channel, base_url=address)
    assert answer.status_code == 400 and list(answer.json()["errors"]) == ["config/base_url"]


def test_one_that_a_send_out_uses_is_not_removed(push_shop: PushShop) -> None:
    provider = push_shop.push(push_shop.phones([imei(1)])).provider
    api = Api(push_shop.access)
    answer = api.client.delete(f"{api.base}{provider.pk}/")
    assert (answer.status_code, answer.json()["code"]) == (409, "in_use")
    page = Browser(push_shop.access, "channels/").post(f"{provider.pk}/delete/")
    assert page.status_code == 409 and "Switch it off instead" in page.content.decode()
    assert Provider.objects.filter(pk=provider.pk).exists()


@pytest.mark.parametrize("channel", ["wechat", "weibo", "douyin"])
def test_a_channel_that_is_not_there_has_no_form_and_no_entry(access: Any, channel: str) -> None:
    assert Browser(access, "send-outs/").get(f"new/{channel}/").status_code == 404
    assert channel not in Browser(access, "").get().content.decode().lower()
