"""Failures on demand, options at run time, receipts and replies that are pushed."""

from __future__ import annotations

import smtplib
import time
from typing import Any

import pytest
import requests

from marketing.sandbox.provider import SandboxProvider
from tests.marketing.sandbox.conftest import Client, World, eventually


def _fail(client: Client, **fault: Any) -> None:
    assert client.own("POST", "/control/faults", fault).status_code == 201


def _count(client: Client) -> int:
    return int(client.own("GET", "/inbox/api/messages").json()["count"])


def test_an_error_hits_so_many_calls_and_sends_nothing(client: Client, world: World) -> None:
    url, code = world.file("13800138000"), client.sms_template()
    _fail(client, kind="error", on="sms/sendBatch", times=2, status=503)
    answers = [client.send_sms(url, templateCode=code).status_code for _ in range(3)]
    assert answers == [503, 503, 201]
    assert _count(client) == 1


def test_a_lost_answer_breaks_the_connection_after_sending(client: Client, world: World) -> None:
    url, code = world.file("13800138000"), client.sms_template()
    _fail(client, kind="lost_answer", on="sms/sendBatch")
    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        client.send_sms(url, templateCode=code)
    assert _count(client) == 1
    assert client.send_sms(url, templateCode=code).json()["code"] == "OK"
    assert _count(client) == 1


def test_a_time_out_after_accepting_has_sent(client: Client, provider: SandboxProvider, world: World) -> None:
    code = client.sms_template()
    _fail(client, kind="timeout_after_accepting", on="sms/sendBatch", seconds=2)
    body = {
        "outId": "out-1",
        "phoneOssUrl": world.file("13800138000"),
        "signName": "Tide",
        "templateCode": code,
    }
    with pytest.raises(requests.ReadTimeout):
        requests.post(provider.url + "/contract/sms/sendBatch", json=body, timeout=1)
    assert _count(client) == 1


def test_a_slow_answer_is_still_right(client: Client) -> None:
    _fail(client, kind="slow", seconds=0.3)
    began = time.monotonic()
    assert client.call("GET", "/sms/smsSign/Tide").json()["code"] == "OK"
    assert time.monotonic() - began >= 0.3


def test_faults_are_listed_and_cleared(client: Client) -> None:
    _fail(client, kind="error")
    assert client.own("GET", "/control/faults").json()[0]["kind"] == "error"
    client.own("DELETE", "/control/faults")
    assert client.call("GET", "/sms/smsSign/Tide").status_code == 200


@pytest.mark.parametrize("fault", [{"kind": "odd"}, {"kind": "error", "times": 0}, {"colour": "red"}, []])
def test_a_fault_that_makes_no_sense_is_refused(client: Client, fault: Any) -> None:
    assert client.own("POST", "/control/faults", fault).status_code == 400


def test_mail_can_fail_before_and_after_it_is_taken(client: Client, provider: SandboxProvider) -> None:
    _fail(client, kind="error", on="smtp")
    _fail(client, kind="lost_answer", on="smtp")
    with smtplib.SMTP("127.0.0.1", provider.smtp_port, timeout=10) as smtp:
        with pytest.raises(smtplib.SMTPDataError) as refused:
            smtp.sendmail("shop@tide.example", ["ann@x.example"], "Subject: x\r\n\r\nx")
        assert refused.value.smtp_code == 451
        assert _count(client) == 0
    smtp = smtplib.SMTP("127.0.0.1", provider.smtp_port, timeout=10)
    with pytest.raises(smtplib.SMTPServerDisconnected):
        smtp.sendmail("shop@tide.example", ["ann@x.example"], "Subject: x\r\n\r\nx")
    assert _count(client) == 1


def test_options_change_while_it_runs_and_secrets_are_not_shown(client: Client) -> None:
    changed = client.own("PATCH", "/control/options", {"receipt_seconds": 5, "token": "t"})
    assert changed.json()["receipt_seconds"] == 5.0
    assert "token" not in changed.json()
    for wrong in ({"odd": 1}, {"late_seconds": "soon"}, {"kept_bodies": True}):
        assert client.own("PATCH", "/control/options", wrong).status_code == 400


def test_receipts_are_pushed_once_in_the_words_of_the_contract(
    client: Client, provider: SandboxProvider, world: World
) -> None:
    provider.options.callback_url, provider.options.token = world.url + "/callback/", "t"
    client.headers = {"Authorization": "Bearer t"}
    client.send_sms(world.file("13800138000", "13800130001", "13800130002"))
    path, body, authorization = eventually(lambda: world.posted)[0]
    assert (path, authorization, body["channel"]) == ("/callback/receipts", "Bearer t", "sms")
    assert body["platformName"] == "Sandbox" and body["requestId"]
    assert body["sendDetailDTOs"] == client.details("sms").json()["sendDetailDTOs"]
    assert eventually(lambda: not provider.store.reports_to_push(10))
    assert len(world.posted) == 1


def test_receipts_come_twice_and_in_disorder_where_that_is_wanted(
    client: Client, provider: SandboxProvider, world: World
) -> None:
    client.own("PATCH", "/control/options", {"callback_url": world.url, "mixed_reports": True})
    client.send_sms(world.file("13800138000", "13800130001"))
    assert eventually(lambda: len(world.posted) == 2)
    first, second = (body["sendDetailDTOs"] for _path, body, _authorization in world.posted)
    assert len(first) == 2 and second == first[::-1]


def test_a_refused_callback_is_tried_again(client: Client, provider: SandboxProvider, world: World) -> None:
    provider.options.callback_url = world.url
    world.refusals = 1
    client.send_sms(world.file("13800138000"))
    assert eventually(lambda: world.posted)[0][1]["sendDetailDTOs"][0]["phoneNum"] == "13800138000"


def test_numbers_that_end_in_0009_unsubscribe_by_reply(
    client: Client, provider: SandboxProvider, world: World
) -> None:
    provider.options.callback_url = world.url
    client.send_sms(world.file("13800130009"))
    posted = eventually(lambda: [body for path, body, _ in world.posted if path == "/inbound"])
    assert [(body["phoneNum"], body["content"], body["signName"], body["outId"]) for body in posted] == [
        ("13800130009", "T", "Tide", "out-1")
    ]
    assert posted[0]["messageId"]


def test_a_reply_typed_into_the_inbox_is_pushed_and_shown(
    client: Client, provider: SandboxProvider, world: World
) -> None:
    client.send_sms(world.file("13800138000"))
    number = client.arrived()[0]["id"]
    provider.options.callback_url = world.url
    url = f"{provider.url}/inbox/messages/{number}/reply"
    assert "Yes please" in requests.post(url, data={"text": "Yes please"}, timeout=10).text
    # A report of the delivery may come before it.
    [posted] = eventually(lambda: [body for path, body, _ in world.posted if path == "/inbound"])
    assert posted["content"] == "Yes please"


def test_a_reply_from_outside_belongs_to_the_latest_sms(client: Client, world: World) -> None:
    client.send_sms(world.file("13800138000"))
    answer = client.own("POST", "/control/replies", {"from": "13800138000", "text": "T"})
    assert answer.status_code == 201
    shown = client.own("GET", f"/inbox/api/messages/{client.arrived()[0]['id']}").json()
    assert [reply["text"] for reply in shown["replies"]] == ["T"]
    assert client.own("POST", "/control/replies", {"from": "1"}).status_code == 400
