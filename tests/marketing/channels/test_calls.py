"""The log of calls to platforms by contract: what it keeps, what it hides, who may see it; and how calls are signed."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from cdp.core.errors import ValidationFailed
from marketing.channels import calls
from marketing.channels import services as channels
from marketing.channels.models import Provider, ProviderCall
from tests.factories import make_access, make_token
from tests.marketing.console import Browser
from tests.marketing.delivery.conftest import _sandbox, sandbox, shop, sms_shop  # noqa: F401
from tests.marketing.delivery.shop import Shop, numbers

KEY = "a-key-of-16-sign"


def platform(shop: Shop, **config: Any) -> Provider:  # noqa: F811
    given = {"base_url": f"{shop.sandbox.url}/contract", **config}
    values = {"channel": "sms", "type": "contract", "name": "Sandbox", "config": given}
    return channels.create_provider(shop.access, values)


def test_a_test_of_the_connection_is_in_the_log(shop: Shop) -> None:  # noqa: F811
    provider = platform(shop)
    assert channels.test_provider(shop.access, provider)["ok"]
    made = provider.calls.get()
    assert (made.method, made.path) == ("GET", "/sms/smsSign/tideline-connection-test")
    assert (made.status, made.code, made.ok, made.detail) == (200, "OK", True, "")
    assert json.loads(made.answer)["signStatus"] == 1 and made.request == ""


def test_a_call_without_an_answer_is_in_the_log_with_the_reason(shop: Shop) -> None:  # noqa: F811
    provider = platform(shop, base_url="http://127.0.0.1:9/contract")
    assert not channels.test_provider(shop.access, provider)["ok"]
    made = provider.calls.get()
    assert (made.ok, made.status, made.code) == (False, None, "provider_unreachable")
    assert "cannot be reached" in made.detail


def test_sending_leaves_no_number_text_or_secret_address_in_the_log(sms_shop: Shop) -> None:  # noqa: F811
    city = {"dataset": "", "tag": "", "missing": "replace", "value": "Bristol"}
    draft = sms_shop.sms(
        sms_shop.audience(numbers(7, first=1010)),
        template={"text": "Come to ${city}"},
        variables={"city": city},
    )
    sms_shop.submit(draft)
    sms_shop.poll()
    rows = ProviderCall.objects.filter(provider=draft.provider)
    assert {row.path for row in rows} >= {"/sms/smsTemplate", "/sms/sendBatch", "/sms/sendDetails"}
    whole = "".join(f"{row.path}{row.request}{row.answer}{row.detail}" for row in rows)
    assert "1380013" not in whole and "Bristol" not in whole and "/delivery/" not in whole
    sent = json.loads(rows.get(path="/sms/sendBatch").request)
    assert sent["templateParam"] == '{"city": "•••"}' and sent["phoneOssUrl"].startswith("•••")
    found = json.loads(rows.filter(path="/sms/sendDetails").latest("at").answer)
    assert found["totalCount"] == 7
    assert len(found["sendDetailDTOs"]) == 6 and found["sendDetailDTOs"][-1] == "… 2 more"
    assert found["sendDetailDTOs"][0]["phoneNum"].startswith("•••10")


def test_what_tells_of_a_person_is_masked_wherever_it_stands() -> None:
    given = {
        "message": "+8613800138000 or me@x.example is unknown",
        "n": 13800138000,
        "rows": [{"content": "Hi"}],
    }
    assert calls.masked(given) == {
        "message": "•••8000 or •••@x.example is unknown",
        "n": "•••8000",
        "rows": [{"content": "••• (2)"}],
    }
    assert calls.masked({"templateCode": "SMS_12345678", "receiveDate": "2026-11-30 12:00:00"}) == {
        "templateCode": "SMS_12345678",
        "receiveDate": "2026-11-30 12:00:00",
    }


def test_calls_are_kept_for_seven_days(shop: Shop) -> None:  # noqa: F811
    provider = platform(shop)
    for days in (6, 8):
        calls.note(provider, method="GET", path="/x", at=timezone.now() - timedelta(days=days))
    assert calls.forget() == 1 and provider.calls.count() == 1


def test_administrators_alone_see_the_log(shop: Shop) -> None:  # noqa: F811
    provider = platform(shop)
    channels.test_provider(shop.access, provider)
    call, base = provider.calls.get(), f"channels/{provider.pk}/"
    browser = Browser(shop.access, "channels/")
    assert f"{base}calls/" in browser.get(f"{provider.pk}/").content.decode()
    page = browser.get(f"{provider.pk}/calls/").content.decode()
    assert "tideline-connection-test" in page and "Accepted" in page
    assert "signStatus" in browser.get(f"calls/{call.pk}/").content.decode()
    assert "tideline-connection-test" not in browser.get(f"{provider.pk}/calls/", ok="0").content.decode()
    analyst = Browser(make_access(shop.workspace, "analyst"), "channels/")
    assert f"{base}calls/" not in analyst.get(f"{provider.pk}/").content.decode()
    assert analyst.get(f"{provider.pk}/calls/").status_code == 403
    stranger = Browser(make_access(), "channels/")
    assert stranger.get(f"calls/{call.pk}/").status_code == 404
    assert stranger.get(f"{provider.pk}/calls/").status_code == 404
    assert stranger.post(f"{provider.pk}/calls/").status_code == 404


def test_the_api_lists_calls(shop: Shop) -> None:  # noqa: F811
    provider = platform(shop)
    channels.test_provider(shop.access, provider)
    client = Client(headers={"Authorization": f"Bearer {make_token(shop.access)}"})
    url = f"/api/v1/workspaces/{shop.workspace.slug}/providers/{provider.pk}/calls/"
    [row] = client.get(url).json()["results"]
    assert (row["status"], row["code"], row["ok"]) == (200, "OK", True)
    assert client.get(url, {"ok": "false"}).json()["results"] == []


@pytest.mark.parametrize(
    ("options", "config"),
    [
        ({"token": "t0ken"}, {"token": "t0ken"}),
        (
            {"token": "t0ken", "auth_header": "X-Own-Key"},
            {"auth": "header", "auth_header": "X-Own-Key", "token": "t0ken"},
        ),
        ({"signing_key": KEY}, {"auth": "hmac", "token": KEY}),
    ],
    ids=["bearer", "header", "hmac"],
)
def test_calls_say_who_makes_them_as_the_platform_asks(
    shop: Shop,  # noqa: F811
    options: dict[str, Any],
    config: dict[str, Any],
) -> None:
    shop.sandbox.options.change(options)
    assert channels.test_provider(shop.access, platform(shop, **config))["ok"]
    wrong = channels.create_provider(
        shop.access,
        {
            "channel": "sms",
            "type": "contract",
            "name": "Wrong",
            "config": {"base_url": f"{shop.sandbox.url}/contract", **config, "token": "another-key"},
        },
    )
    assert not channels.test_provider(shop.access, wrong)["ok"]
    assert wrong.calls.get().status == 401


@pytest.mark.parametrize(
    ("config", "field"),
    [
        ({"auth": "hmac", "token": "short"}, "token"),
        ({"auth": "header"}, "token"),
        ({"auth": "header", "token": "x", "auth_header": "Content-Type"}, "auth_header"),
        ({"auth": "header", "token": "x", "auth_header": "two words"}, "auth_header"),
        ({"auth": "magic"}, "auth"),
        ({"timeout_seconds": "121"}, "timeout_seconds"),
    ],
)
def test_settings_that_cannot_work_are_refused(shop: Shop, config: dict[str, Any], field: str) -> None:  # noqa: F811
    with pytest.raises(ValidationFailed) as refused:
        platform(shop, **config)
    assert f"config/{field}" in refused.value.errors


def test_the_platform_is_waited_for_as_long_as_is_set(shop: Shop) -> None:  # noqa: F811
    provider = platform(shop, timeout_seconds="1")
    shop.sandbox.faults.add({"kind": "slow", "on": "sms/smsSign", "seconds": 3.0})
    assert not channels.test_provider(shop.access, provider)["ok"]
    assert 900 < provider.calls.get().milliseconds < 2900
