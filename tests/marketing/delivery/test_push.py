"""Push messages from the draft to what phones report."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from cdp.core.errors import Conflict, ValidationFailed
from insight.audiences.models import Audience
from marketing.channels import services as channels
from marketing.channels.base import ProviderError
from marketing.delivery import (
    lifecycle,
    push_figures,
    queries,
    result_audience,
    services,
    suppressions,
    tracking,
    trial,
)
from marketing.delivery.models import Recipient, SendBatch, SendOut
from tests.marketing.delivery.push_shop import PushShop, idfa, imei
from tests.marketing.delivery.test_api import Caller
from tests.marketing.sandbox.conftest import eventually


def report(send_out: SendOut, *states: tuple[str, int], batch: SendBatch | None = None) -> Any:
    """What the platform posts about devices: pairs of the device and the state."""
    batch = batch or send_out.batches.get()
    body = {"receipts": [{"alias": device, "status": state} for device, state in states]}
    path = tracking.reports_url(batch.pk).partition("//")[2].partition("/")[2]
    return Client().post(f"/{path}", json.dumps(body), content_type="application/json")


def test_a_push_message_goes_from_the_api_to_phones_and_back(reported_push_shop: PushShop) -> None:
    shop = reported_push_shop
    audience = shop.phones([imei(1001), imei("0001"), imei("0003"), imei("0004"), None])
    call = Caller(shop)
    config = {"app_key": "k", "master_secret": "sandbox", "base_url": f"{shop.sandbox.url}/upush"}
    app = {"channel": "push", "type": "upush_android", "name": "App", "config": config}
    provider = call("post", "providers/", app, 201)
    assert provider["config"]["master_secret"] == "••••••"
    assert call("post", f"providers/{provider['id']}/test/")["ok"] is True
    written = {
        "channel": "push",
        "name": "Hats",
        "subject": "Hello",
        "text": "New hats",
        "push": {"ttl_hours": 2},
    }
    template = call("post", "templates/", written, 201)
    made = {"channel": "push", "name": "Hats", "provider": provider["id"], "template": template["id"]}
    send_out = call("post", "send-outs/", {**made, "audience": audience.pk}, 201)
    call("post", f"send-outs/{send_out['id']}/submit/", {}, 202)
    row = shop.run_jobs(SendOut.objects.get(pk=send_out["id"]))
    assert row.state == "finished", row.state_reason
    assert shop.inbox() == {imei(1001): 1, imei("0003"): 1, imei("0004"): 1}
    eventually(lambda: row.recipients.filter(state="delivered").count() == 3)
    shop.poll()
    found = call("get", f"send-outs/{send_out['id']}/effect/")["push"]
    assert {name: found[name] for name in push_figures.COUNTS} == {
        "target": 4, "planned": 3, "sent": 3, "received": 3, "opened": 1, "ignored": 1,
    }  # fmt: skip
    assert found["rates"] == pytest.approx(
        {"match": 3 / 4, "receive": 1, "open": 1 / 3, "ignore": 1 / 3, "planned_over_sent": 1}
    )


def test_the_call_carries_the_tap_the_time_to_live_and_the_batch_number(push_shop: PushShop) -> None:
    shown = {
        "action": "url",
        "url": "https://shop.example/${city}",
        "extra": {"product": "4711"},
        "vendor": True,
        "package": "com.example.shop",
        "activity": "MainActivity",
        "ttl_hours": 3,
    }
    variables = {"city": {"value": "Bath"}}
    template = {"subject": "To ${city}", "push": shown}
    send_out = push_shop.submit(
        push_shop.push(push_shop.phones([imei(1001)]), template=template, variables=variables)
    )
    (found,) = push_shop.payloads()
    assert found["payload"] == {
        "display_type": "notification",
        "body": {
            "ticker": "To Bath",
            "title": "To Bath",
            "text": "New hats",
            "after_open": "go_url",
            "url": "https://shop.example/Bath",
        },
        "extra": {"product": "4711"},
    }
    assert found["mi_activity"] == "com.example.shop.MainActivity"
    assert found["policy"]["out_biz_no"] == send_out.batches.get().out_id


def test_an_iphone_gets_its_own_payload_and_only_its_own_ids(push_shop: PushShop) -> None:
    audience = push_shop.phones([imei(1001)], [idfa(1002)])
    push = {"subtitle": "Today", "badge": 2, "extra": {"page": "hats"}}
    send_out = push_shop.submit(push_shop.push(audience, system="ios", template={"push": push}))
    assert push_shop.inbox() == {idfa(1002): 1}
    assert push_shop.reasons(send_out) == {"no_id": 1}
    assert push_shop.payloads()[0]["payload"] == {
        "page": "hats",
        "aps": {
            "alert": {"title": "Hello", "body": "New hats", "subtitle": "Today"},
            "sound": "default",
            "badge": 2,
        },
    }


@pytest.mark.parametrize("action", ["url", "page", "custom"])
def test_an_app_for_ios_can_only_be_opened(push_shop: PushShop, action: str) -> None:
    push = {
        "action": action,
        "url": "https://shop.example",
        "custom": "hats",
        "package": "com.example",
        "activity": "Hats",
    }
    with pytest.raises(ValidationFailed) as refused:
        push_shop.push(push_shop.phones([], [idfa(1)]), system="ios", template={"push": push})
    assert "template" in refused.value.errors


def test_people_with_different_texts_get_their_own(push_shop: PushShop) -> None:
    audience = push_shop.phones([imei(1001), imei(1002)])
    dataset = audience.rule["dataset"]
    variables = {"city": {"dataset": dataset, "tag": "city", "missing": "skip", "value": ""}}
    push_shop.submit(push_shop.push(audience, template={"text": "Off to ${city}"}, variables=variables))
    texts = sorted(found["payload"]["body"]["text"] for found in push_shop.payloads())
    assert texts == ["Off to Bath", "Off to Oslo"]


def test_a_call_without_an_answer_is_repeated_and_nobody_gets_it_twice(push_shop: PushShop) -> None:
    push_shop.sandbox.faults.add({"kind": "lost_answer", "on": "/api/send"})
    send_out = push_shop.submit(push_shop.push(push_shop.phones([imei(1001), imei(1002)])))
    assert send_out.batches.get().state == "unknown"
    assert push_shop.states(send_out) == {"unknown": 2}
    push_shop.poll()
    assert send_out.batches.get().state == "handed"
    assert push_shop.states(send_out) == {"handed": 2}
    assert push_shop.inbox() == {imei(1001): 1, imei(1002): 1}


def test_a_lost_upload_sends_nothing_and_waits(push_shop: PushShop) -> None:
    push_shop.sandbox.faults.add({"kind": "lost_answer", "on": "/upload"})
    send_out = push_shop.submit(push_shop.push(push_shop.phones([imei(1001)])))
    assert (send_out.state, push_shop.states(send_out)) == ("waiting", {"queued": 1})
    send_out = push_shop.when_due(send_out)
    assert (send_out.state, push_shop.inbox()) == ("finished", {imei(1001): 1})


def test_a_wrong_secret_fails_the_send_out_and_is_told_by_the_connection_test(push_shop: PushShop) -> None:
    provider, people = push_shop.app(master_secret="wrong"), push_shop.phones([imei(1001)])
    send_out = push_shop.submit(push_shop.push(people, provider=provider))
    assert send_out.state == "failed" and "1003" in send_out.state_reason
    found = channels.test_provider(push_shop.access, provider)
    assert found["ok"] is False and "1003" in found["lines"][0]
    with pytest.raises(Conflict) as refused:
        push_shop.submit(push_shop.push(people, name="Again", provider=provider))
    assert refused.value.code == "provider_failing" and not push_shop.inbox()


def test_the_platforms_totals_count_where_no_device_is_reported(push_shop: PushShop) -> None:
    audience = push_shop.phones([imei("0001"), imei("0003"), imei("0004"), imei(1001)])
    send_out = push_shop.submit(push_shop.push(audience, config={"receipts": False}))
    push_shop.poll()
    found = push_figures.of(send_out)
    assert [found[name] for name in push_figures.COUNTS] == [4, 3, 3, None, 1, 1]
    assert found["rates"]["open"] is None
    with pytest.raises(Conflict) as refused:
        result_audience.people(send_out, ["opened"])
    assert refused.value.code == "only_totals"


def test_openings_of_iphones_are_shares_of_what_was_sent(push_shop: PushShop) -> None:
    audience = push_shop.phones([], [idfa("0003"), idfa(1001), idfa(1002), idfa(1003)])
    send_out = push_shop.submit(push_shop.push(audience, system="ios"))
    push_shop.poll()
    found = push_figures.of(send_out)
    assert (found["received"], found["ignored"], found["opened"]) == (None, None, 1)
    assert (found["rates"]["open"], found["rates"]["receive"], found["rates"]["ignore"]) == (0.25, None, None)


@pytest.fixture
def sent(push_shop: PushShop) -> SendOut:
    return push_shop.submit(push_shop.push(push_shop.phones([imei(1001), imei(1002), imei(1003)])))


@pytest.mark.parametrize(
    ("states", "received", "opened", "ignored"),
    [
        ([1], 1, 0, 0),
        ([2], 1, 1, 0),
        ([4], 1, 0, 1),
        ([2, 1, 2], 1, 1, 0),
        ([1, 4, 2], 1, 1, 1),
        ([9], 0, 0, 0),
    ],
)
def test_reports_may_come_twice_and_in_any_order(
    sent: SendOut, states: list[int], received: int, opened: int, ignored: int
) -> None:
    for state in states:
        assert report(sent, (imei(1001), state)).status_code == 200
    found = push_figures.of(sent)
    assert (found["received"], found["opened"], found["ignored"]) == (received, opened, ignored)


def test_a_report_that_comes_after_72_hours_counts_nothing(sent: SendOut) -> None:
    SendOut.objects.filter(pk=sent.pk).update(started_at=timezone.now() - timedelta(hours=73))
    assert report(sent, (imei(1001), 2)).json() == {"taken": 0}
    assert push_figures.of(sent)["opened"] == 0


def test_reports_of_others_are_refused(sent: SendOut) -> None:
    assert Client().post("/t/p/forged", "{}", content_type="application/json").status_code == 404
    assert report(sent, ("not a device", 1)).json() == {"taken": 0}
    path = "/" + tracking.reports_url(sent.batches.get().pk).partition("//")[2].partition("/")[2]
    for body in ("no json", "[3]", '{"receipts": {"alias": 3}}'):
        assert Client().post(path, body, content_type="application/json").status_code == 400


def test_after_72_hours_nobody_is_asked_and_silence_is_no_failure(push_shop: PushShop, sent: SendOut) -> None:
    report(sent, (imei(1001), 1))
    SendBatch.objects.update(handed_at=timezone.now() - timedelta(hours=73))
    push_shop.poll()
    assert sent.batches.get().state == "closed"
    assert push_shop.states(sent) == {"delivered": 1, "handed": 2}


def test_while_time_is_left_the_platform_is_asked_though_all_have_reported(
    push_shop: PushShop, sent: SendOut
) -> None:
    report(sent, *[(imei(number), 1) for number in (1001, 1002, 1003)])
    push_shop.poll()
    assert sent.batches.get().state == "handed"


@pytest.mark.parametrize(
    ("result", "people"),
    [("opened", {1001}), ("ignored", {1002}), ("no_report", {1003}), ("delivered", {1001, 1002})],
)
def test_audiences_are_made_of_what_phones_reported(
    push_shop: PushShop, sent: SendOut, result: str, people: set[int]
) -> None:
    report(sent, (imei(1001), 2), (imei(1002), 4))
    rows = result_audience.people(sent, [result])
    assert {row.target for row in rows} == {imei(number) for number in people}
    audience, _job = result_audience.make(push_shop.access, sent, [result], {"name": f"Of {result}"})
    push_shop.run_jobs()
    found = Audience.objects.get(pk=audience.pk)
    assert (found.count, found.user_id_type) == (len(people), "imei")


def test_a_suppressed_device_and_one_that_has_had_enough_are_left_out(push_shop: PushShop) -> None:
    push_shop.settings(caps={"push": {"per_day": 1}})
    audience = push_shop.phones([imei(1001), imei(1002)])
    suppressions.add(push_shop.access, "push", imei(1002))
    assert push_shop.reasons(push_shop.submit(push_shop.push(audience))) == {"suppressed": 1}
    again = push_shop.submit(push_shop.push(audience, "Again"))
    assert push_shop.reasons(again) == {"capped": 1, "suppressed": 1}


def test_the_test_send_goes_to_the_given_devices_alone(push_shop: PushShop) -> None:
    send_out = push_shop.push(push_shop.phones([imei(1001)]))
    trial.send_test(push_shop.access, send_out, [imei(2001)])
    assert push_shop.inbox() == {imei(2001): 1}
    assert not Recipient.objects.exists()


@pytest.mark.parametrize(("minutes", "editable"), [(0.9, False), (1.1, True)])
def test_a_waiting_one_is_fixed_a_minute_before(push_shop: PushShop, minutes: float, editable: bool) -> None:
    send_out = push_shop.push(push_shop.phones([imei(1001)]))
    send_out.state, send_out.scheduled_at = "waiting", timezone.now() + timedelta(minutes=minutes)
    assert lifecycle.is_editable(send_out) is editable
    assert lifecycle.is_deletable(send_out) is editable


def test_numbers_stay_when_recipients_are_deleted(sent: SendOut) -> None:
    report(sent, (imei(1001), 2))
    before = queries.effect(sent)
    sent.counters = json.loads(json.dumps(queries.summary(sent), default=str))
    sent.rows_deleted_at = timezone.now()
    sent.save()
    sent.recipients.all().delete()
    assert queries.effect(sent)["push"] == before["push"]


def test_a_paused_app_of_another_channel_is_refused(push_shop: PushShop) -> None:
    audience = push_shop.phones([imei(1001)])
    send_out = push_shop.push(audience)
    values = {"channel": "email", "type": "smtp", "name": "Mail", "config": {"host": "127.0.0.1"}}
    mail = channels.create_provider(push_shop.access, values)
    with pytest.raises(ValidationFailed) as refused:
        services.update(push_shop.access, send_out, {"provider": mail})
    assert "provider" in refused.value.errors


def test_a_platform_that_fails_is_asked_again_later(push_shop: PushShop) -> None:
    push_shop.sandbox.faults.add({"kind": "error", "on": "/upush/"})
    send_out = push_shop.submit(push_shop.push(push_shop.phones([imei(1001)])))
    assert send_out.state == "waiting"
    push_shop.sandbox.faults.add({"kind": "error", "on": "/upush/upload", "status": 503})
    with pytest.raises(ProviderError):
        trial.send_test(push_shop.access, send_out, [imei(2001)])
