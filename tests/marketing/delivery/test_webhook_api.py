"""Send-outs of the custom channel by the API and on their pages."""

from __future__ import annotations

import re
from typing import Any

import pytest

from marketing.delivery import services
from marketing.delivery.models import SendOut
from marketing.webhooks import granting
from tests.marketing.console import Browser
from tests.marketing.delivery.shop import numbers
from tests.marketing.delivery.webhook_shop import WebhookShop
from tests.marketing.webhooks.people import sender
from tests.marketing.webhooks.test_webhooks import Api


@pytest.fixture
def shop(webhook_shop: WebhookShop) -> WebhookShop:
    return webhook_shop


def body(shop: WebhookShop, **more: Any) -> dict[str, Any]:
    webhook = shop.webhook()
    return {
        "channel": "custom",
        "name": "Points",
        "provider": webhook.provider_id,
        "id_type": "mobile",
        "audience": shop.audience(numbers(2)).pk,
        "purpose": "notice",
        "params": {"title": "Hello", "points": "5"},
        **more,
    }


def test_by_the_api_params_take_the_place_of_a_template(shop: WebhookShop) -> None:
    api = Api(shop.access)
    answer = api.call("post", "send-outs/", body(shop))
    assert answer.status_code == 201, answer.json()
    found = answer.json()
    assert (found["params"], found["purpose"], found["id_type"]) == (
        {"title": "Hello", "points": "5"},
        "notice",
        "mobile",
    )
    path = f"send-outs/{found['id']}/"
    assert (
        api.call("patch", path, {"params": {"title": "Bye", "points": "6"}}).json()["params"]["title"]
        == "Bye"
    )
    tested = api.call("post", f"{path}test-send/", {"targets": ["13800138888"]}).json()
    assert tested["sent"] == ["13800138888"] and len(tested["calls"]) == 1
    assert api.call("get", f"{path}preview/").json()["body"]["params"]["title"] == "Bye"
    assert api.call("post", f"{path}submit/", {"now": True}).status_code == 202
    shop.run_jobs()
    effect = api.call("get", f"{path}effect/").json()
    assert effect["custom"]["accepted"] == 2 and effect["custom"]["statuses"][0]["count"] == 0
    assert api.call("get", "send-outs/?channel=custom").json()["count"] == 1


def test_by_the_api_variants_have_params_each(shop: WebhookShop) -> None:
    data = body(shop)
    params = data.pop("params")
    data["variants"] = [{"params": params, "share": 60}, {"params": {**params, "title": "Hi"}, "share": 40}]
    found = Api(shop.access).call("post", "send-outs/", data).json()
    assert [(row["params"]["title"], row["share"]) for row in found["variants"]] == [
        ("Hello", 60),
        ("Hi", 40),
    ]


def test_by_the_api_what_is_wrong_stands_at_its_parameter(shop: WebhookShop) -> None:
    data = body(shop, params={"points": "many"})
    answer = Api(shop.access).call("post", "send-outs/", data)
    assert answer.status_code == 400 and list(answer.json()["errors"]) == ["params/points"]


def test_params_are_for_the_custom_channel_alone(shop: WebhookShop) -> None:
    mail = shop.mail(shop.audience([(None, "a@x.example", None, None)]))
    answer = Api(shop.access).call("patch", f"send-outs/{mail.pk}/", {"params": {"title": "Hello"}})
    assert answer.status_code == 400 and "params" in answer.json()["errors"]


def test_the_reach_of_a_webhook_needs_an_id_type(shop: WebhookShop) -> None:
    api, audience = Api(shop.access), shop.audience(numbers(2))
    data = {"channel": "custom", "audiences": [audience.pk]}
    assert "id_type" in api.call("post", "send-outs/reach/", data).json()["errors"]
    assert api.call("post", "send-outs/reach/", {**data, "id_type": "mobile"}).json()["reachable"] == 2


def test_the_form_offers_the_granted_webhooks_and_says_which_take_no_id_of_the_audiences(
    shop: WebhookShop,
) -> None:
    audience = shop.audience(numbers(1))
    audience.public = True
    audience.save()
    access = sender(shop.workspace)
    for name, id_types in (("Granted", ["mobile"]), ("Devices", ["imei"]), ("Not granted", ["mobile"])):
        webhook = shop.webhook(name, id_types=id_types)
        if name != "Not granted":
            granting.grant(shop.access, webhook, {"user": access.user.username})
    page = Browser(access, "send-outs/").get("webhooks/", audiences=audience.pk).content.decode()
    assert ">Granted<" in page and "Not granted" not in page
    assert re.search(r"<option [^>]*disabled[^>]*>Devices – takes other IDs: IMEI<", page)
    assert "Mobile number" in page


def test_the_api_lists_the_webhooks_that_take_an_id_of_the_audiences(shop: WebhookShop) -> None:
    audience = shop.audience(numbers(1))
    for name, id_types in (("Numbers", ["mobile"]), ("Devices", ["imei"])):
        shop.webhook(name, id_types=id_types)
    found = Api(shop.access).call("get", f"webhooks/?audience={audience.pk}").json()["results"]
    assert [row["name"] for row in found] == ["Numbers"]


def test_the_pages_lead_from_the_audience_to_the_call(shop: WebhookShop) -> None:
    browser, webhook, audience = Browser(shop.access, "send-outs/"), shop.webhook(), shop.audience(numbers(1))
    data = {
        "name": "Points",
        "audiences": [audience.pk],
        "provider": webhook.provider_id,
        "id_type": "mobile",
    }
    answer = browser.post("new/custom/", **data)
    send_out = SendOut.objects.get()
    assert answer.url.endswith(f"{send_out.pk}/parameters/")
    assert "Points" in browser.get(f"{send_out.pk}/parameters/").content.decode()
    assert "These parameters have no value yet" in browser.get(f"{send_out.pk}/").content.decode()
    missing = browser.post(f"{send_out.pk}/parameters/", purpose="notice", a_title="Hello")
    assert missing.status_code == 422
    values = {"a_title": "Hi ${city}", "a_points": "5", "b_title": "Hello", "b_points": "6"}
    answer = browser.post(f"{send_out.pk}/parameters/", purpose="notice", **values)
    assert answer.url.endswith(f"{send_out.pk}/variables/")
    send_out.refresh_from_db()
    assert [(row.template.params["title"], row.share) for row in send_out.variants.all()] == [
        ("Hi ${city}", 50),
        ("Hello", 50),
    ]
    browser.post(f"{send_out.pk}/variables/", city_source="", city_value="there")
    page = browser.get(f"{send_out.pk}/").content.decode()
    assert "Hi there" in page and "target_type" in page
    browser.post(f"{send_out.pk}/submit/", when="now")
    shop.run_jobs()
    page = browser.get(f"{send_out.pk}/").content.decode()
    assert "Accepted, no result" in page and "Results are taken for another" in page
    assert browser.get(f"{send_out.pk}/edit/").status_code == 200


def test_other_channels_have_no_page_of_parameters(shop: WebhookShop) -> None:
    mail = shop.mail(shop.audience([(None, "a@x.example", None, None)]))
    assert Browser(shop.access, "send-outs/").get(f"{mail.pk}/parameters/").status_code == 404


def test_webhooks_and_their_values_are_no_channels_and_templates(shop: WebhookShop) -> None:
    send_out = shop.call(shop.audience(numbers(1)))
    api = Api(shop.access)
    assert api.call("get", "providers/").json()["count"] == api.call("get", "templates/").json()["count"] == 0
    for path in (f"channels/{send_out.provider_id}/", f"content/{send_out.template_id}/edit/"):
        assert Browser(shop.access, "").get(path).status_code == 404


def test_somebody_elses_send_out_is_steered_with_the_right_alone(shop: WebhookShop) -> None:
    from cdp.core.errors import PermissionDenied

    send_out = shop.call(shop.audience(numbers(1)))
    access = sender(shop.workspace)
    granting.grant(shop.access, send_out.provider.webhook, {"user": access.user.username})
    with pytest.raises(PermissionDenied):
        services.submit(access, send_out)
