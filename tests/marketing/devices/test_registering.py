"""How browsers and apps are registered, and what is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client

from cdp.core.errors import Conflict, ValidationFailed
from marketing.channels import services as channels
from marketing.channels.models import Provider
from marketing.devices import limits, registry, sites
from marketing.devices.models import PushDevice
from tests.marketing.console import Browser
from tests.marketing.delivery.test_api import Caller
from tests.marketing.delivery.web_shop import ORIGIN, WebShop, address

CHROME = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/130.0 Safari/537.36"


class Page:
    """A page of the shop in a browser, which calls Tideline as our script does."""

    def __init__(self, shop: WebShop, site: Provider, origin: str = ORIGIN) -> None:
        self.shop, self.site = shop, site
        self.subscription = shop.subscription(site)
        self.client = Client(headers={"origin": origin, "user-agent": CHROME})
        self.url = f"/push/v1/{site.pk}/subscriptions"
        cache.clear()

    def register(self, number: int = 0, secret: str = "", **more: Any) -> Any:
        value = address(number)
        signature = sites.signature(secret, self.site.pk, "email", value) if secret else ""
        body = {"subscription": self.subscription, "idType": "email", "id": value, "signature": signature}
        return self.client.post(self.url, json.dumps({**body, **more}), content_type="application/json")

    def withdraw(self, **more: Any) -> Any:
        keys = self.subscription["keys"]
        body = {"endpoint": self.subscription["endpoint"], "auth": keys["auth"], **more}
        return self.client.delete(self.url, json.dumps(body), content_type="application/json")


@pytest.fixture
def site(web_shop: WebShop) -> Provider:
    return web_shop.site()


@pytest.fixture
def www(web_shop: WebShop, site: Provider) -> Page:
    return Page(web_shop, site)


@pytest.fixture
def secret(web_shop: WebShop, site: Provider) -> str:
    return sites.new_secret(web_shop.access, site)


def test_a_browser_registers_with_a_signed_id_and_nothing_readable_is_kept(www: Page, secret: str) -> None:
    answer = www.register(secret=secret)
    assert answer.status_code == 201, answer.content
    assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN
    device = PushDevice.objects.get()
    assert (device.kind, device.agent, device.enabled) == ("web", "Chrome · Windows", True)
    assert device.address["endpoint"] == www.subscription["endpoint"]
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT row_to_json(d)::text || row_to_json(i)::text FROM devices_pushdevice d, devices_pushdeviceid i"
        )
        stored = cursor.fetchone()[0]
    assert www.subscription["keys"]["auth"] not in stored and "webpush/to" not in stored
    assert address(0) not in stored and device.masked_ids.endswith("c***@x.example")


@pytest.mark.parametrize("signature", ["", "0" * 64, "é"])
def test_without_the_right_signature_nobody_is_registered(www: Page, secret: str, signature: str) -> None:
    answer = www.register(secret=secret, signature=signature)
    assert (answer.status_code, answer.json()["code"]) == (403, "bad_signature")
    assert not PushDevice.objects.exists()


def test_a_signature_is_good_for_its_id_alone_and_only_until_there_is_a_new_secret(
    web_shop: WebShop, www: Page, secret: str
) -> None:
    other = sites.signature(secret, www.site.pk, "email", address(1))
    assert www.register(signature=other).status_code == 403
    sites.new_secret(web_shop.access, Provider.objects.get(pk=www.site.pk))
    assert www.register(secret=secret).status_code == 403


def test_a_site_may_take_ids_without_a_signature(web_shop: WebShop) -> None:
    www = Page(web_shop, web_shop.site("Trial", unsigned=True))
    assert www.register().status_code == 201


def test_pages_of_other_sites_are_refused(web_shop: WebShop, site: Provider, secret: str) -> None:
    for origin in ("https://evil.example", "null", "http://www.shop.example", ""):
        answer = Page(web_shop, site, origin).register(secret=secret)
        assert answer.status_code == 403
        assert "Access-Control-Allow-Origin" not in answer.headers


def test_a_browser_asks_before_it_calls(www: Page) -> None:
    answer = www.client.options(www.url)
    assert answer.status_code == 204
    assert answer.headers["Access-Control-Allow-Methods"] == "POST, DELETE"
    assert answer.headers["Access-Control-Allow-Headers"] == "Content-Type"
    assert www.client.get(www.url).status_code == 405


def test_too_many_and_too_large_calls_are_refused(www: Page, secret: str) -> None:
    assert www.register(secret=secret, more="x" * 9000).status_code == 400
    for _call in range(limits.CALLS):
        answer = www.register(secret=secret)
    assert answer.status_code == 429
    assert answer.headers["Access-Control-Allow-Origin"] == ORIGIN


@pytest.mark.parametrize(
    "endpoint",
    [
        "http://push.example/x",
        "https://127.0.0.1/x",
        "https://10.0.0.1/x",
        "ftp://x",
        "",
        "https://" + "x" * 1000,
    ],
)
def test_an_endpoint_inside_the_own_network_or_without_tls_is_refused(
    www: Page, secret: str, settings: Any, endpoint: str
) -> None:
    settings.OUTBOUND_ALLOW_PRIVATE = False
    answer = www.register(secret=secret, subscription={**www.subscription, "endpoint": endpoint})
    assert answer.status_code == 400 and "endpoint" in answer.json()["errors"]


@pytest.mark.parametrize("keys", [{}, {"p256dh": "AAAA", "auth": "AAAA"}, {"p256dh": "é", "auth": "x"}, None])
def test_broken_keys_are_refused(www: Page, secret: str, keys: Any) -> None:
    answer = www.register(secret=secret, subscription={**www.subscription, "keys": keys})
    assert answer.status_code == 400 and "keys" in answer.json()["errors"]


def test_somebody_else_who_signs_in_takes_the_browser_over(www: Page, secret: str) -> None:
    www.register(0, secret)
    www.register(1, secret)
    device = PushDevice.objects.get()
    hashes = [row.person_hash for row in device.ids.all()]
    assert list(registry.devices_of(www.site, "email", hashes)) == hashes
    assert len(hashes) == 1


def test_a_person_has_at_most_twenty_browsers(web_shop: WebShop, site: Provider) -> None:
    devices = [web_shop.browser(site, 0) for _number in range(registry.MOST_DEVICES + 1)]
    devices[0].refresh_from_db()
    assert (devices[0].enabled, devices[0].off_reason) == (False, "too_many")
    assert registry.reachable(site).count() == registry.MOST_DEVICES


def test_a_person_withdraws_and_nobody_does_it_for_them(www: Page, secret: str) -> None:
    www.register(secret=secret)
    assert www.withdraw(auth="x").status_code == 204
    assert PushDevice.objects.get().enabled
    assert www.withdraw().status_code == 204
    assert PushDevice.objects.get().off_reason == "withdrawn"
    www.register(secret=secret)
    assert PushDevice.objects.get().enabled


def test_the_scripts_are_served_and_hold_no_secret(www: Page, secret: str) -> None:
    client = www.client.get(f"/push/v1/{www.site.pk}/client.js")
    assert www.site.config["vapid_public"] in client.content.decode()
    worker = www.client.get(f"/push/v1/{www.site.pk}/worker.js")
    assert "showNotification" in worker.content.decode()
    for answer in (client, worker):
        assert answer.headers["Content-Type"].startswith("text/javascript")
        assert secret not in answer.content.decode()
        assert www.site.config["vapid_private"] not in answer.content.decode()
    Provider.objects.update(enabled=False)
    assert www.client.get(f"/push/v1/{www.site.pk}/client.js").status_code == 404
    assert www.register(secret=secret).status_code == 404


def test_keys_are_made_once_and_stay_when_the_channel_is_edited(web_shop: WebShop, site: Provider) -> None:
    before = dict(site.config)
    sites.new_secret(web_shop.access, site)
    channels.update_provider(web_shop.access, site, {"config": {"contact": "https://shop.example/tech"}})
    after = Provider.objects.get(pk=site.pk).config
    assert after["vapid_private"] == before["vapid_private"] and after["signing_secret"]
    assert after["contact"] == "https://shop.example/tech"
    with pytest.raises(ValidationFailed):
        channels.update_provider(web_shop.access, site, {"config": {"id_type": "mobile"}})


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("contact", "tech@shop.example"),
        ("contact", "http://shop.example"),
        ("origins", "http://www.shop.example"),
        ("origins", "https://www.shop.example/path"),
        ("origins", " , "),
    ],
)
def test_wrong_settings_are_refused(web_shop: WebShop, field: str, value: str) -> None:
    with pytest.raises(ValidationFailed) as caught:
        web_shop.site(**{field: value})
    assert list(caught.value.errors) == [f"config/{field}"]


def test_the_api_registers_devices_and_finds_them_by_their_person(web_shop: WebShop, site: Provider) -> None:
    call = Caller(web_shop)
    subscription = web_shop.subscription(site)
    given = {"provider": site.pk, "kind": "web", "subscription": subscription, "agent": "Our app"}
    made = call(
        "post", "push/devices/", {**given, "ids": {"email": address(0), "mobile": "13800138000"}}, 201
    )
    assert made["ids"] == {"email": "c***@x.example", "mobile": "138****8000"}
    assert "endpoint" not in json.dumps(made)
    for text in (address(0), "13800138000", "+86 138 0013 8000"):
        assert [
            row["id"] for row in call("get", f"push/devices/?search={text.replace('+', '%2B')}")["results"]
        ] == [made["id"]]
    assert call("get", "push/devices/?search=c1@x.example")["count"] == 0
    assert call("post", f"push/devices/{made['id']}/switch-off/")["off_reason"] == "by_hand"
    call("delete", f"push/devices/{made['id']}/", None, 204)
    assert not PushDevice.objects.exists()
    call("post", "push/devices/", {**given, "ids": {"email": "x"}}, 400)
    call("post", "push/devices/", {**given, "kind": "android", "ids": {"email": address(0)}}, 400)


def test_an_app_registers_its_phones(web_shop: WebShop) -> None:
    config = {"app_key": "k", "master_secret": "s", "base_url": f"{web_shop.sandbox.url}/upush"}
    values = {"channel": "push", "type": "upush_android", "name": "App", "config": config}
    app = channels.create_provider(web_shop.access, values)
    call = Caller(web_shop)
    given = {
        "provider": app.pk,
        "kind": "android",
        "token": "t-1",
        "ids": {"oaid": "a" * 32, "imei": "866412030123456"},
    }
    first = call("post", "push/devices/", given, 201)
    assert (
        call("post", "push/devices/", {**given, "ids": {"imei": "866412030123457"}}, 201)["id"] == first["id"]
    )
    assert call("get", "push/devices/?search=866412030123457")["count"] == 1
    assert call("get", "push/devices/?search=866412030123456")["count"] == 0


def test_the_api_tells_what_to_build_in_and_gives_the_secret_once(web_shop: WebShop, site: Provider) -> None:
    call = Caller(web_shop)
    found = call("get", f"push/sites/{site.pk}/")
    assert found["public_key"] == site.config["vapid_public"] and found["has_secret"] is False
    assert f"/push/v1/{site.pk}/worker.js" in found["snippets"]["worker"]
    secret = call("post", f"push/sites/{site.pk}/secret/", None, 201)["secret"]
    again = json.dumps([call("get", f"push/sites/{site.pk}/"), call("get", f"providers/{site.pk}/")])
    assert secret not in again and site.config["vapid_private"] not in again


def test_the_pages_show_the_snippets_the_secret_once_and_devices(web_shop: WebShop, site: Provider) -> None:
    web_shop.browser(site, 0)
    browser = Browser(web_shop.access, "")
    shown = browser.get(f"devices/sites/{site.pk}/").content.decode()
    assert f"/push/v1/{site.pk}/client.js" in shown and site.config["vapid_private"] not in shown
    assert f"devices/sites/{site.pk}/" in browser.get(f"channels/{site.pk}/").content.decode()
    made = browser.post(f"devices/sites/{site.pk}/secret/")
    secret = Provider.objects.get(pk=site.pk).config["signing_secret"]
    assert secret in made.content.decode() and made.headers["Cache-Control"] == "no-store"
    assert secret not in browser.get(f"devices/sites/{site.pk}/").content.decode()
    assert "c***@x.example" in browser.get("devices/").content.decode()
    assert "c***@x.example" in browser.get("devices/", person=address(0)).content.decode()
    assert "c***@x.example" not in browser.get("devices/", person=address(1)).content.decode()


def test_a_channel_that_has_been_used_stays(web_shop: WebShop, site: Provider) -> None:
    web_shop.notice(site, web_shop.people(1))
    with pytest.raises(Conflict):
        channels.delete_provider(web_shop.access, site)
