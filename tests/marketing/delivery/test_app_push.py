"""Push messages to apps by FCM and APNs, from the draft to what apps report."""

from __future__ import annotations

import json
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from django.core.cache import cache
from django.utils import timezone

from cdp.core.errors import ValidationFailed
from marketing.channels import services as channels
from marketing.channels.models import Provider
from marketing.delivery import push_figures, result_audience, tracking, trial
from marketing.delivery.models import TrackedLink, UnknownReason
from marketing.devices import registry
from tests.marketing.delivery.app_shop import AppShop
from tests.marketing.delivery.web_shop import address
from tests.marketing.sandbox.conftest import eventually

SERVICES = ("fcm", "apns")


@pytest.fixture(autouse=True)
def no_tokens() -> None:
    cache.clear()


def app_of(shop: AppShop, service: str, **config: Any) -> Provider:
    return shop.apns(**config) if service == "apns" else shop.fcm(**config)


def test_a_message_goes_to_phones_and_what_their_apps_report_is_counted(reported_app_shop: AppShop) -> None:
    shop = reported_app_shop
    app = shop.fcm(own_display=True)
    for number, reaction in enumerate(("shown", "clicked", "closed", "silent")):
        shop.phone(app, number, reaction=reaction)
    row = shop.submit(shop.notice(app, shop.people(6)))
    assert row.state == "finished", row.state_reason
    assert shop.reasons(row) == {"no_device": 2}
    eventually(lambda: row.recipients.filter(state="delivered").count() == 3)
    eventually(lambda: row.recipients.filter(dismissed_at__isnull=False).count() == 1)
    eventually(lambda: row.recipients.filter(opened_at__isnull=False).count() == 1)
    found = push_figures.of(row)
    assert {name: found[name] for name in push_figures.COUNTS} == {
        "target": 6, "planned": 4, "sent": 4, "received": 3, "opened": 1, "ignored": 1,
    }  # fmt: skip
    assert [row.person for row in result_audience.people(row, ["opened"])] == ["u000001"]


def test_of_iphones_and_of_notifications_nobody_knows_who_has_received_them(
    reported_app_shop: AppShop,
) -> None:
    shop = reported_app_shop
    for app in (shop.apns(), shop.fcm(), shop.fcm("iOS by FCM", "fcm_ios")):
        shop.phone(app, 0, reaction="clicked")
        shop.phone(app, 1)
        row = shop.submit(shop.notice(app, shop.people(2, app.name), app.name))
        eventually(lambda row=row: row.recipients.filter(opened_at__isnull=False).count() == 1)
        found = push_figures.of(row)
        assert (found["sent"], found["received"], found["opened"]) == (2, None, 1)
        if app.type != "fcm_android":
            assert found["ignored"] is None and found["rates"]["open"] == 1 / 2


def test_fcm_gets_the_notification_the_link_and_where_to_report(app_shop: AppShop) -> None:
    app = app_shop.fcm()
    app_shop.phone(app, 0)
    tap = {"action": "url", "url": "https://shop.example/hats", "ttl_hours": 2, "extra": {"city": "${city}"}}
    written = {"subject": "Hats in ${city}", "text": "Neu: Hüte 帽子", "push": tap}
    draft = app_shop.notice(app, app_shop.people(1), template=written, variables={"city": {"value": "Bath"}})
    row = app_shop.submit(draft)
    assert row.state == "finished", row.state_reason
    [found] = app_shop.pushed()
    recipient = row.recipients.get()
    message = found["payload"]
    assert message["notification"] == {"title": "Hats in Bath", "body": "Neu: Hüte 帽子"}
    assert message["data"]["city"] == "Bath"
    own = json.loads(message["data"]["tideline"])
    link = TrackedLink.objects.get(send_out=row)
    assert own == {
        "tideline": "1",
        "url": tracking.click_url(recipient, link.number),
        "report": tracking.event_url(recipient),
        "tag": own["tag"],
    }
    assert message["android"] == {
        "ttl": "7200s",
        "priority": "HIGH",
        "collapse_key": own["tag"],
        "notification": {"tag": own["tag"]},
    }


def test_apns_gets_the_alert_its_headers_and_where_to_report(app_shop: AppShop) -> None:
    app = app_shop.apns()
    phone = app_shop.phone(app, 0)
    fields = {"subtitle": "For you", "badge": 3, "ttl_hours": 1, "extra": {"city": "Bath"}}
    row = app_shop.submit(app_shop.notice(app, app_shop.people(1), template={"push": fields}))
    assert row.state == "finished", row.state_reason
    [found] = app_shop.pushed()
    recipient, payload, head = row.recipients.get(), found["payload"], found["headers"]
    assert payload["aps"] == {
        "alert": {"title": "Hello", "subtitle": "For you", "body": "New hats"},
        "sound": "default",
        "badge": 3,
    }
    assert payload["city"] == "Bath" and payload["tideline"]["report"] == tracking.event_url(recipient)
    assert (head["apns-topic"], head["apns-push-type"], head["apns-priority"]) == (
        "com.example.shop",
        "alert",
        "10",
    )
    assert 3500 < int(head["apns-expiration"]) - timezone.now().timestamp() <= 3600
    assert head["apns-collapse-id"] == payload["tideline"]["tag"]
    assert recipient.provider_message_id == head["apns-id"]
    assert registry.devices_of(app, "email", [recipient.person_hash])[recipient.person_hash] == [phone]


def test_a_page_of_an_android_app_is_opened_by_its_activity(app_shop: AppShop) -> None:
    app = app_shop.fcm()
    app_shop.phone(app, 0)
    tap = {"action": "page", "package": "com.example.shop", "activity": "HatsActivity"}
    app_shop.submit(app_shop.notice(app, app_shop.people(1), template={"push": tap}))
    [found] = app_shop.pushed()
    shown = found["payload"]["android"]["notification"]
    assert shown["click_action"] == "com.example.shop.HatsActivity"


@pytest.mark.parametrize("action", ["url", "page", "custom"])
def test_what_an_iphone_cannot_do_is_refused(app_shop: AppShop, action: str) -> None:
    tap = {
        "action": action,
        "custom": "x",
        "package": "com.example.shop",
        "activity": "A",
        "url": "https://a.b",
    }
    with pytest.raises(ValidationFailed) as caught:
        app_shop.notice(app_shop.apns(), app_shop.people(1), template={"push": tap})
    assert "template" in caught.value.errors


@pytest.mark.parametrize(("service", "status"), [("fcm", 404), ("apns", 410), ("apns", 400)])
def test_a_token_that_is_gone_is_switched_off_and_its_person_has_no_device(
    app_shop: AppShop, service: str, status: int
) -> None:
    app = app_of(app_shop, service)
    phone = app_shop.phone(app, 0, answer=status)
    app_shop.phone(app, 1)
    row = app_shop.submit(app_shop.notice(app, app_shop.people(2)))
    phone.refresh_from_db()
    assert (phone.enabled, phone.off_reason) == (False, "gone")
    assert (app_shop.recipient(row, 0).state, app_shop.recipient(row, 0).code) == ("failed", "no_device")
    assert app_shop.recipient(row, 1).state == "handed"
    again = app_shop.submit(app_shop.notice(app, row.audience, "More"))
    assert app_shop.reasons(again) == {"no_device": 1}


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_that_asks_for_a_pause_gets_it_and_nobody_gets_the_message_twice(
    app_shop: AppShop, service: str
) -> None:
    app = app_of(app_shop, service)
    phones = [app_shop.phone(app, number) for number in range(3)]
    app_shop.answers(phones[1], 503)
    row = app_shop.submit(app_shop.notice(app, app_shop.people(3)))
    assert (row.state, app_shop.states(row)) == ("waiting", {"handed": 2, "queued": 1})
    app.refresh_from_db()
    assert app.paused_until is not None
    assert 20 < (app.paused_until - timezone.now()).total_seconds() <= 30
    assert row.scheduled_at is None or row.scheduled_at >= timezone.now()
    app_shop.answers(phones[1], 200)
    Provider.objects.filter(pk=app.pk).update(paused_until=None)
    row = app_shop.when_due(row)
    assert (row.state, app_shop.states(row)) == ("finished", {"handed": 3})
    assert set(app_shop.inbox().values()) == {1}
    phones[1].refresh_from_db()
    assert phones[1].failures == 0


def test_a_phone_that_gets_too_many_messages_does_not_hold_up_the_others(app_shop: AppShop) -> None:
    app = app_shop.apns()
    app_shop.phone(app, 0, answer=429)
    app_shop.phone(app, 1)
    row = app_shop.submit(app_shop.notice(app, app_shop.people(2)))
    for _try in range(registry.MOST_FAILURES):
        Provider.objects.filter(pk=app.pk).update(paused_until=None)
        row = app_shop.when_due(row)
    assert row.state == "finished"
    assert (app_shop.recipient(row, 0).state, app_shop.recipient(row, 0).code) == (
        "failed",
        "TooManyRequests",
    )
    assert app_shop.recipient(row, 1).state == "handed"


@pytest.mark.parametrize(("service", "path"), [("fcm", "messages:send"), ("apns", "/3/device/")])
def test_a_message_without_an_answer_is_parked_and_never_sent_again(
    app_shop: AppShop, service: str, path: str
) -> None:
    app = app_of(app_shop, service)
    app_shop.phone(app, 0)
    app_shop.sandbox.faults.add({"kind": "lost_answer", "on": path})
    row = app_shop.submit(app_shop.notice(app, app_shop.people(1)))
    parked = row.recipients.get()
    assert (parked.state, parked.reason) == ("unknown", UnknownReason.NO_ANSWER)
    app_shop.run_jobs()
    assert set(app_shop.inbox().values()) == {1}


@pytest.mark.parametrize("service", SERVICES)
def test_a_service_that_cannot_be_reached_lets_the_send_out_wait(app_shop: AppShop, service: str) -> None:
    app = app_of(app_shop, service)
    app_shop.phone(app, 0)
    config = {**app.config, "base_url": "http://127.0.0.1:9"}
    Provider.objects.filter(pk=app.pk).update(config=config)
    row = app_shop.submit(app_shop.notice(Provider.objects.get(pk=app.pk), app_shop.people(1)))
    assert (row.state, app_shop.states(row)) == ("waiting", {"queued": 1})


def test_wrong_settings_fail_the_send_out_and_nobody_counts_as_failed(app_shop: AppShop) -> None:
    app = app_shop.apns()
    app_shop.phone(app, 0)
    other = ec.generate_private_key(ec.SECP256R1())
    text = other.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    channels.update_provider(app_shop.access, app, {"config": {"key": text}})
    row = app_shop.submit(app_shop.notice(app, app_shop.people(1)))
    assert row.state == "failed" and "InvalidProviderToken" in row.state_reason
    assert app_shop.states(row) == {"queued": 1}


def test_an_access_token_that_has_ended_is_made_anew(app_shop: AppShop) -> None:
    app = app_shop.fcm()
    app_shop.phone(app, 0)
    audience = app_shop.people(1)
    app_shop.submit(app_shop.notice(app, audience))
    app_shop.sandbox.application.fcm.forget_tokens()
    row = app_shop.submit(app_shop.notice(app, audience, "More"))
    assert app_shop.states(row) == {"handed": 1}


@pytest.mark.parametrize("service", SERVICES)
def test_one_person_gets_the_message_on_all_phones(app_shop: AppShop, service: str) -> None:
    app = app_of(app_shop, service)
    for _number in range(3):
        app_shop.phone(app, 0)
    row = app_shop.submit(app_shop.notice(app, app_shop.people(1)))
    assert row.recipients.count() == 1 and len(app_shop.pushed()) == 3


@pytest.mark.parametrize("service", SERVICES)
def test_a_message_that_is_too_long_has_failed(app_shop: AppShop, service: str) -> None:
    app = app_of(app_shop, service)
    app_shop.phone(app, 0)
    extra = {f"name{number}": "x" * 500 for number in range(10)}
    row = app_shop.submit(app_shop.notice(app, app_shop.people(1), template={"push": {"extra": extra}}))
    assert (row.recipients.get().state, row.recipients.get().code) == ("failed", "too_long")


@pytest.mark.parametrize("service", SERVICES)
def test_a_test_goes_to_the_phones_of_those_named(app_shop: AppShop, service: str) -> None:
    app = app_of(app_shop, service)
    app_shop.phone(app, 0)
    answer = trial.send_test(
        app_shop.access, app_shop.notice(app, app_shop.people(2)), [address(0), address(1)]
    )
    assert answer["sent"] == [address(0)] and "no_device" in answer["failed"][address(1)]
    assert len(app_shop.pushed()) == 1


def test_the_connection_test_tells_right_settings_from_wrong_ones(app_shop: AppShop) -> None:
    fcm, apns = app_shop.fcm(), app_shop.apns()
    app_shop.phone(fcm, 0)
    found = channels.test_provider(app_shop.access, fcm)
    assert found["ok"] and "sandbox-shop" in found["lines"][0] and "1" in found["lines"][1]
    assert channels.test_provider(app_shop.access, apns)["ok"]
    assert app_shop.pushed() == []
    account = json.loads(fcm.config["service_account"])
    key = rsa.generate_private_key(65537, 2048)
    account["private_key"] = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode()
    channels.update_provider(app_shop.access, fcm, {"config": {"service_account": json.dumps(account)}})
    assert "signature" in channels.test_provider(app_shop.access, fcm)["lines"][0]
    channels.update_provider(app_shop.access, apns, {"config": {"topic": "com.example.other"}})
    found = channels.test_provider(app_shop.access, apns)
    assert not found["ok"] and "BadTopic" in found["lines"][0]


def test_keys_are_checked_kept_and_never_shown(app_shop: AppShop) -> None:
    with pytest.raises(ValidationFailed) as caught:
        app_shop.fcm(service_account="{}")
    assert "config/service_account" in caught.value.errors
    with pytest.raises(ValidationFailed) as caught:
        app_shop.apns(key="x", key_id="short")
    assert {"config/key", "config/key_id"} <= set(caught.value.errors)
    for app, name in ((app_shop.fcm(), "service_account"), (app_shop.apns(), "key")):
        assert channels.shown_config(app)[name] == channels.KEPT
        before = app.config[name]
        channels.update_provider(app_shop.access, app, {"config": {name: channels.KEPT}})
        app.refresh_from_db()
        assert app.config[name] == before
        with pytest.raises(ValidationFailed):
            channels.update_provider(app_shop.access, app, {"config": {"id_type": "mobile"}})


def test_an_app_takes_devices_of_its_own_system_alone(app_shop: AppShop) -> None:
    with pytest.raises(ValidationFailed) as caught:
        registry.register(app_shop.fcm(), "ios", {"token": "a"}, {"email": address(0)})
    assert "kind" in caught.value.errors
