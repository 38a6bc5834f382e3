"""Calls of the custom channel for several people: lists, whom they are refused for, tries, and results."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from typing import Any

import pytest

from marketing.channels import exchange
from marketing.channels.models import Provider
from marketing.delivery import custom_message, custom_sending, personal, trial
from marketing.webhooks import calling, protocol
from marketing.webhooks import services as webhooks
from marketing.webhooks.models import WebhookCall
from tests.marketing.delivery.shop import numbers
from tests.marketing.delivery.test_webhook_sending import ending
from tests.marketing.delivery.webhook_shop import KEY, WebhookShop
from tests.processes import eventually


@pytest.fixture(autouse=True)
def _quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(custom_sending, "PAUSES", (0.0, 0.0, 0.0))


@pytest.fixture
def shop(webhook_shop: WebhookShop) -> WebhookShop:
    return webhook_shop


@pytest.fixture
def posted(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """What leaves, as it leaves."""
    found: list[dict[str, Any]] = []

    def watched(method: str, url: str, **given: Any) -> Any:
        found.append({"url": url, **given})
        return exchange.exchange(method, url, **given)

    monkeypatch.setattr(calling, "exchange", watched)
    return found


def batched(shop: WebhookShop, audience: Any, size: int = 20, **settings: Any) -> Any:
    return shop.call(audience, webhook={"batch_size": size, **settings})


def test_a_call_has_a_list_of_people_each_with_their_own_body_and_key(
    shop: WebhookShop, posted: list[dict[str, Any]]
) -> None:
    send_out = shop.submit(batched(shop, shop.audience(numbers(45)), concurrency=1))
    assert shop.states(send_out) == {"handed": 45}
    lists = [json.loads(call["data"]) for call in posted]
    assert sorted(len(items) for items in lists) == [5, 20, 20]
    items = [item for items in lists for item in items]
    rows = {row.target: row.pk for row in send_out.recipients.all()}
    assert {item["user_profile"]["target_id"]: item["key"] for item in items} == {
        target: f"{send_out.pk}:{key}" for target, key in rows.items()
    }
    assert all(item["params"] == {"title": "Hello", "points": "5"} for item in items)
    assert {item["callback_params"]["task_id"] for item in items} == {send_out.pk}
    assert shop.inbox() == Counter(dict.fromkeys(rows, 1))


def test_a_list_is_signed_with_its_body_and_has_a_key_of_its_own(
    shop: WebhookShop, posted: list[dict[str, Any]]
) -> None:
    shop.submit(batched(shop, shop.audience(numbers(3))))
    (call,) = posted
    keys = [item["key"] for item in json.loads(call["data"])]
    wanted = hashlib.sha256("\n".join(keys).encode()).hexdigest()[:32]
    assert call["headers"]["Idempotency-Key"] == wanted
    stamp, nonce = (call["url"].partition(f"{name}=")[2].partition("&")[0] for name in ("timestamp", "nonce"))
    signed = protocol.body_signature(KEY, stamp, nonce, call["data"])
    assert call["headers"]["X-Body-Signature"] == signed


def test_whom_a_list_is_refused_for_has_failed_and_the_others_are_accepted(shop: WebhookShop) -> None:
    people = [ending("0001"), *numbers(4)]
    send_out = shop.submit(batched(shop, shop.audience(people)))
    assert shop.states(send_out) == {"failed": 1, "handed": 4}
    refused = send_out.recipients.get(state="failed")
    assert refused.target == "13800130001"
    assert (refused.code, refused.detail) == ("BLACKLISTED", "This person is on the black list.")
    call = WebhookCall.objects.get(task=send_out.pk)
    assert call.ok and call.detail == "Of 5 people it refused 1."
    assert sorted(call.recipients) == sorted(send_out.recipients.values_list("pk", flat=True))


def test_a_list_that_the_system_does_not_take_is_sent_again_for_all_of_its_people(shop: WebhookShop) -> None:
    shop.sandbox.faults.add({"kind": "error", "on": "own-system", "times": 2, "status": 503})
    send_out = shop.submit(batched(shop, shop.audience(numbers(6))))
    assert shop.states(send_out) == {"handed": 6}
    assert set(shop.inbox().values()) == {1}
    assert sorted(WebhookCall.objects.values_list("attempt", "ok")) == [(1, False), (2, False), (3, True)]


@pytest.mark.parametrize(("idempotent", "state"), [(False, "unknown"), (True, "handed")])
def test_a_list_without_an_answer_is_repeated_only_where_keys_are_known(
    shop: WebhookShop, idempotent: bool, state: str
) -> None:
    shop.sandbox.faults.add({"kind": "lost_answer", "on": "own-system"})
    send_out = shop.submit(batched(shop, shop.audience(numbers(6)), idempotent=idempotent))
    assert shop.states(send_out) == {state: 6}
    assert shop.inbox() == Counter({row[0]: 1 for row in numbers(6)})


def test_fifty_failures_in_a_row_are_fifty_calls_and_not_fifty_people(shop: WebhookShop) -> None:
    shop.sandbox.faults.add({"kind": "error", "on": "own-system", "times": 10_000})
    send_out = shop.submit(batched(shop, shop.audience(numbers(60)), size=30, concurrency=1))
    assert shop.states(send_out) == {"failed": 60}
    assert Provider.objects.get(pk=send_out.provider_id).paused_until is None


def test_the_limit_per_second_counts_calls(shop: WebhookShop) -> None:
    send_out = batched(shop, shop.audience(numbers(1)), size=100, rate_per_second=5)
    assert personal.chunk_size(send_out, 2000, per_call=100) == 500
    send_out.per_minute = 60
    assert personal.chunk_size(send_out, 2000, per_call=100) == 1


def test_results_of_a_list_come_in_one_call_and_count_for_each(shop: WebhookShop) -> None:
    send_out = shop.submit(batched(shop, shop.audience(numbers(3))))
    first, second, _third = (row[0] for row in numbers(3))
    answer = shop.report(shop.result(send_out, first), shop.result(send_out, second, "500"))
    assert answer.json()["accepted"] == 2
    assert shop.states(send_out) == {"delivered": 1, "failed": 1, "handed": 1}


def test_the_own_system_reports_people_of_a_list(reported_webhook_shop: WebhookShop) -> None:
    shop = reported_webhook_shop
    send_out = shop.submit(batched(shop, shop.audience([*numbers(2), ending("0003")])))
    eventually(lambda: shop.states(send_out) == {"delivered": 2, "failed": 1})
    assert send_out.recipients.get(state="failed").code == "500"


def test_the_log_masks_everybody_and_names_the_first_twenty(shop: WebhookShop) -> None:
    send_out = shop.submit(batched(shop, shop.audience(numbers(25)), size=25))
    call = WebhookCall.objects.get(task=send_out.pk)
    assert call.body.count("target_id") == 20 and "5 more" in call.body
    assert not any(row[0] in call.body for row in numbers(25))


def test_a_test_is_a_list_of_one_and_a_refusal_in_it_is_a_failure(shop: WebhookShop) -> None:
    webhook = shop.webhook(batch_size=10)
    data = {"id_type": "mobile", "target": "13800130001", "params": {"title": "Hi", "points": "1"}}
    call = webhooks.test(shop.access, webhook, data)
    assert not call.ok and call.detail == "This person is on the black list."
    assert isinstance(json.loads(call.body), list)
    assert webhooks.test(shop.access, webhook, {**data, "target": "13800131000"}).ok
    send_out = shop.call(shop.audience(numbers(1)), webhook=webhook)
    result = trial.send_test(shop.access, send_out, ["13800130001", "13800131000"])
    assert result["sent"] == ["13800131000"] and list(result["failed"]) == ["13800130001"]


def test_the_previews_are_the_list_that_is_sent(shop: WebhookShop, posted: list[dict[str, Any]]) -> None:
    send_out = batched(shop, shop.audience(numbers(1)))
    webhook = send_out.provider.webhook
    shown = [webhooks.preview(webhook), custom_message.preview(send_out, {}, 0)["body"]]
    shop.submit(send_out)
    sent = json.loads(posted[0]["data"])
    for preview in shown:
        assert isinstance(preview, list) and len(preview) == 1
        assert preview[0].keys() == sent[0].keys()
        assert preview[0]["callback_params"].keys() == sent[0]["callback_params"].keys()
