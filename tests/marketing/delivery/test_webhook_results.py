"""Results that an own system reports: signed, in time, once, of people it was called for."""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from marketing.delivery import custom_figures, expiry, queries, result_audience
from marketing.delivery.models import Recipient, SendOut
from marketing.webhooks import protocol
from marketing.webhooks.models import WebhookReceipt
from tests.marketing.delivery.shop import numbers
from tests.marketing.delivery.webhook_shop import KEY, WebhookShop
from tests.processes import eventually

WHO = "13800131000"


@pytest.fixture
def shop(webhook_shop: WebhookShop) -> WebhookShop:
    return webhook_shop


@pytest.fixture
def sent(shop: WebhookShop) -> SendOut:
    return shop.submit(shop.call(shop.audience(numbers(3))))


def codes(answer: Any) -> list[str]:
    return [row["code"] for row in answer.json()["rejected"]]


def test_a_result_sets_the_persons_state_by_its_code(shop: WebhookShop, sent: SendOut) -> None:
    answer = shop.report(shop.result(sent, WHO), shop.result(sent, "13800131001", "500"))
    assert answer.status_code == 200
    found = answer.json()
    assert (found["code"], found["accepted"], found["rejected"]) == ("OK", 2, [])
    assert len(found["requestId"]) == 32
    rows = sent.recipients.order_by("pk").values_list("state", "code", "detail", "reason")
    assert list(rows) == [
        ("delivered", "200", "Read", "receipt"),
        ("failed", "500", "Not reached", "receipt"),
        ("handed", "", "", ""),
    ]


def test_the_counts_per_result_are_those_of_the_ledger(shop: WebhookShop, sent: SendOut) -> None:
    shop.report(shop.result(sent, WHO), shop.result(sent, "13800131001", "500"))
    found = queries.effect(sent)["custom"]
    assert {row["code"]: row["count"] for row in found["statuses"]} == {"200": 1, "500": 1}
    assert (found["accepted"], found["refused"], found["no_receipt"]) == (3, 0, 1)


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"signature": ""}, "BAD_SIGNATURE"),
        ({"signature": "0" * 64}, "BAD_SIGNATURE"),
        ({"key": "another-key"}, "BAD_SIGNATURE"),
        ({"later": -301}, "EXPIRED_TIMESTAMP"),
        ({"later": 400}, "EXPIRED_TIMESTAMP"),
        ({"stamp": "soon"}, "EXPIRED_TIMESTAMP"),
    ],
)
def test_a_call_that_is_not_the_own_systems_is_refused(
    shop: WebhookShop, sent: SendOut, changed: dict[str, Any], code: str
) -> None:
    if "later" in changed:
        changed = {"stamp": int(time.time()) + changed["later"]}
    answer = shop.report(shop.result(sent, WHO), **changed)
    assert (answer.status_code, answer.json()["code"]) == (401, code)
    assert not WebhookReceipt.objects.exists()


def test_a_nonce_is_taken_once(shop: WebhookShop, sent: SendOut) -> None:
    assert shop.report(shop.result(sent, WHO), nonce="a" * 32).status_code == 200
    answer = shop.report(shop.result(sent, "13800131001"), nonce="a" * 32)
    assert (answer.status_code, answer.json()["code"]) == (401, "REPLAYED_NONCE")


@pytest.mark.parametrize("nonce", ["a" * 32 + " ", "a" * 32 + "%20", "a" * 16 + " " + "a" * 16])
def test_a_nonce_with_white_space_is_not_another_one(shop: WebhookShop, sent: SendOut, nonce: str) -> None:
    assert shop.report(shop.result(sent, WHO), nonce="a" * 32).status_code == 200
    answer = shop.report(shop.result(sent, "13800131001"), nonce=nonce)
    assert answer.status_code in (400, 401)
    assert WebhookReceipt.objects.count() == 1


def test_a_border_between_time_and_nonce_that_is_shifted_makes_no_new_call(
    shop: WebhookShop, sent: SendOut
) -> None:
    stamp, nonce = str(int(time.time())), "999" + "a" * 29
    assert shop.report(shop.result(sent, WHO), stamp=stamp, nonce=nonce).status_code == 200
    signature = protocol.signature(KEY, stamp, nonce)
    assert signature == protocol.signature(KEY, stamp + "999", "a" * 29)
    again = {"stamp": stamp + "999", "nonce": "a" * 29, "signature": signature}
    answer = shop.report(shop.result(sent, "13800131001"), **again)
    assert (answer.status_code, answer.json()["code"]) == (401, "REPLAYED_NONCE")
    assert WebhookReceipt.objects.count() == 1


def test_a_body_that_was_changed_is_refused_where_the_webhook_demands_its_signature(
    shop: WebhookShop,
) -> None:
    sent = shop.submit(shop.call(shop.audience(numbers(1)), webhook={"verify_body": True}))
    assert shop.report(shop.result(sent, WHO)).status_code == 401
    answer = shop.report(shop.result(sent, WHO), headers={"X-Body-Signature": "0" * 64})
    assert answer.json()["code"] == "BAD_SIGNATURE"


@pytest.mark.parametrize(("ip", "status"), [("203.0.113.7", 200), ("203.0.114.7", 401)])
def test_without_a_key_results_are_taken_from_listed_addresses_alone(
    shop: WebhookShop, ip: str, status: int
) -> None:
    shop.sandbox.options.webhook_key = ""
    settings = {"auth": "none", "key": "", "source_ips": ["203.0.113.0/24"]}
    sent = shop.submit(shop.call(shop.audience(numbers(1)), webhook=settings))
    assert shop.report(shop.result(sent, WHO), signature="", ip=ip).status_code == status


@pytest.mark.parametrize(
    ("changed", "code"),
    [
        ({"status": "201"}, "UNKNOWN_STATUS"),
        ({"target": "13900000000"}, "UNKNOWN_USER"),
        ({"target": "nobody"}, "UNKNOWN_USER"),
        ({"msg_id": ""}, "INVALID"),
        ({"send_time": "yesterday"}, "INVALID"),
        ({"msg_id": "a\x00b"}, "INVALID"),
        ({"msg_id": "\ud800"}, "INVALID"),
    ],
)
def test_a_result_that_does_not_fit_is_refused_and_others_are_taken(
    shop: WebhookShop, sent: SendOut, changed: dict[str, str], code: str
) -> None:
    values = {"target": WHO, "status": "200", **changed}
    wrong = shop.result(sent, values.pop("target"), values.pop("status"), **values)
    alone = shop.report(wrong)
    assert (alone.status_code, codes(alone)) == (400, [code])
    both = shop.report(wrong, shop.result(sent, "13800131001"))
    assert (both.status_code, both.json()["accepted"], codes(both)) == (200, 1, [code])


def test_a_result_for_another_task_or_webhook_is_refused(shop: WebhookShop, sent: SendOut) -> None:
    item = shop.result(sent, WHO)
    other = {**item, "callback_params": {**item["callback_params"], "task_id": "snd_nothing"}}
    assert codes(shop.report(other)) == ["UNKNOWN_TASK"]
    nowhere = {**item, "callback_params": {**item["callback_params"], "webhook_id": "whk_nothing"}}
    assert shop.report(nowhere).json()["code"] == "UNKNOWN_WEBHOOK"


@pytest.mark.parametrize("body", ['{"a": 1}', "[]", "no json", "[1]", '[{"callback_params": 3}]'])
def test_what_is_no_list_of_results_is_refused(shop: WebhookShop, sent: SendOut, body: str) -> None:
    from django.test import Client

    from marketing.delivery.custom_receipts import PATH

    answer = Client().post(f"/{PATH}?timestamp=1&nonce=2", body, content_type="application/json")
    assert answer.status_code == 400


def test_the_same_result_again_is_a_duplicate_and_changes_nothing(shop: WebhookShop, sent: SendOut) -> None:
    item = shop.result(sent, WHO)
    shop.report(item)
    answer = shop.report({**item, "status": "500"})
    assert (answer.status_code, codes(answer)) == (200, ["DUPLICATE"])
    assert sent.recipients.get(code="200").state == "delivered"


def test_of_several_results_the_one_sent_last_holds_and_all_are_kept(
    shop: WebhookShop, sent: SendOut
) -> None:
    now = int(time.time() * 1000)
    shop.report(shop.result(sent, WHO, "500", send_time=str(now)))
    shop.report(shop.result(sent, WHO, "200", send_time=str(now - 5000)))
    assert shop.recipient(sent, 0).code == "500"
    shop.report(shop.result(sent, WHO, "200", send_time=str(now + 5000)))
    assert shop.recipient(sent, 0).code == "200"
    assert WebhookReceipt.objects.count() == 3


def test_after_its_hours_a_result_is_refused_with_410(shop: WebhookShop, sent: SendOut) -> None:
    hours = sent.provider.webhook.window_hours
    SendOut.objects.update(finished_at=timezone.now() - timedelta(hours=hours, seconds=-5))
    assert shop.report(shop.result(sent, WHO)).status_code == 200
    SendOut.objects.update(finished_at=timezone.now() - timedelta(hours=hours, seconds=5))
    answer = shop.report(shop.result(sent, "13800131001"))
    assert (answer.status_code, codes(answer)) == (410, ["WINDOW_CLOSED"])


def test_somebody_left_out_has_no_results(shop: WebhookShop) -> None:
    sent = shop.submit(shop.call(shop.audience(numbers(2)), limit=1))
    left_out = sent.recipients.get(state="filtered")
    assert codes(shop.report(shop.result(sent, left_out.target))) == ["UNKNOWN_USER"]


def test_a_result_settles_what_nobody_knew(shop: WebhookShop) -> None:
    shop.sandbox.faults.add({"kind": "lost_answer", "on": "own-system"})
    sent = shop.submit(shop.call(shop.audience(numbers(1))))
    assert shop.states(sent) == {"unknown": 1}
    shop.report(shop.result(sent, WHO))
    assert shop.states(sent) == {"delivered": 1}


def test_people_are_kept_as_long_as_results_are_taken(shop: WebhookShop) -> None:
    sent = shop.submit(shop.call(shop.audience(numbers(1)), webhook={"window_hours": 200}))
    shop.report(shop.result(sent, WHO))
    SendOut.objects.update(finished_at=timezone.now() - timedelta(hours=199))
    assert expiry.delete_old_recipients() == 0
    SendOut.objects.update(finished_at=timezone.now() - timedelta(hours=201))
    assert expiry.delete_old_recipients() == 1
    assert not Recipient.objects.exists() and not WebhookReceipt.objects.exists()
    sent.refresh_from_db()
    assert queries.effect(sent)["custom"]["statuses"][0]["count"] == 1


def test_an_audience_is_made_of_people_with_a_result(shop: WebhookShop, sent: SendOut) -> None:
    shop.report(shop.result(sent, WHO), shop.result(sent, "13800131001", "500"))
    assert list(result_audience.offered(sent)) == ["status:200", "status:500", "no_report", "failed"]
    made, _job = result_audience.make(shop.access, sent, ["status:200", "no_report"], {"name": "Readers"})
    shop.run_jobs()
    made.refresh_from_db()
    assert made.count == 2


def test_the_hours_count_from_the_end(shop: WebhookShop, sent: SendOut) -> None:
    assert sent.finished_at is not None
    assert custom_figures.closes_at(sent) == sent.finished_at + timedelta(hours=72)


def test_the_own_system_reports_what_became_of_people(reported_webhook_shop: WebhookShop) -> None:
    shop = reported_webhook_shop
    people = [*numbers(2), ("13800130003", None, "Bath", None), ("13800130002", None, "Bath", None)]
    sent = shop.submit(shop.call(shop.audience(people)))
    eventually(lambda: shop.states(sent) == {"delivered": 2, "failed": 1, "handed": 1})
