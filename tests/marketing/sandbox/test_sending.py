"""Batches and their reports by the contract."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any

import pytest

from marketing.sandbox.options import Options
from marketing.sandbox.outcomes import of_address
from marketing.sandbox.provider import SandboxProvider
from tests.marketing.sandbox.conftest import DAY, Client, World, eventually, minute

MAIL = {"accountName": "shop@tide.example", "addressType": "1", "outId": "out-1"}
OWN = {"fromAlias": "Tide", "subject": "Hello", "htmlBody": "<p>Hi</p>"}


def test_an_sms_reaches_each_number_of_the_file(client: Client, world: World) -> None:
    code = client.sms_template(templateContent="Hello ${name}, see https://tide.example/x")
    sent = client.send_sms(
        world.file("13800138000", "", "85261234567"), templateCode=code, templateParam='{"name": "Ann"}'
    )
    assert sent.status_code == 201
    assert sent.json()["bizId"]
    first, second = client.arrived(2, channel="sms")
    assert (first["to"], second["to"]) == ("13800138000", "85261234567")
    assert first["text"] == "【Tide】Hello Ann, see https://tide.example/x"
    assert first["out_id"] == "out-1"


def test_a_file_may_give_each_number_its_own_values(client: Client, world: World) -> None:
    code = client.sms_template(templateContent="Hello ${name}")
    client.send_sms(
        world.file('13800138000,{"name":"Ann, Lee"}', '13900139000,{"name":"王"}'), templateCode=code
    )
    assert [message["text"] for message in client.arrived(2)] == [
        "【Tide】Hello Ann, Lee",
        "【Tide】Hello 王",
    ]


def test_nobody_gets_an_sms_with_an_empty_place(client: Client, world: World) -> None:
    code = client.sms_template(templateContent="Hello ${name}")
    answer = client.send_sms(world.file('13800138000,{"name":"Ann"}', "13900139000"), templateCode=code)
    assert answer.json()["code"] == "MissingTemplateParam"
    assert client.own("GET", "/inbox/api/messages").json()["count"] == 0


def test_the_limit_caps_the_recipients(client: Client, world: World) -> None:
    client.send_sms(world.file(*(f"1380013{number:04}" for number in range(1000, 1005))), limit=2)
    assert client.own("GET", "/inbox/api/messages").json()["count"] == 2


def test_a_known_out_id_sends_nothing_again(client: Client, world: World) -> None:
    url = world.file("13800138000")
    first, second = client.send_sms(url), client.send_sms(url)
    assert second.json()["code"] == "OK"
    assert first.json()["bizId"] == second.json()["bizId"]
    assert client.own("GET", "/inbox/api/messages").json()["count"] == 1


def test_two_calls_with_the_same_out_id_at_once_send_once(client: Client, world: World) -> None:
    url, code = world.file("13800138000"), client.sms_template()
    world.opened.clear()
    answers: list[dict[str, Any]] = []
    calls = [
        threading.Thread(target=lambda: answers.append(client.send_sms(url, templateCode=code).json()))
        for _ in range(2)
    ]
    for call in calls:
        call.start()
    eventually(lambda: world.fetched)
    world.opened.set()
    for call in calls:
        call.join()
    assert len(answers) == 2
    assert answers[0]["bizId"] == answers[1]["bizId"]
    assert client.own("GET", "/inbox/api/messages").json()["count"] == 1


def test_an_out_id_is_free_again_after_its_file_could_not_be_read(client: Client, world: World) -> None:
    assert client.send_sms(world.url + "/missing").json()["code"] == "FileNotReadable"
    assert client.send_sms("http://127.0.0.1:1/").json()["code"] == "FileNotReadable"
    assert client.send_sms(world.file()).json()["code"] == "EmptyRecipients"
    assert client.send_sms(world.file("13800138000,oops")).json()["code"] == "InvalidRecipientFile"
    assert client.send_sms(world.file("13800138000")).json()["code"] == "OK"


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"outId": None}, "InvalidParameter"),
        ({"signName": None}, "InvalidParameter"),
        ({"phoneOssUrl": "ftp://tide.example/x"}, "InvalidParameter"),
        ({"templateParam": "[]"}, "InvalidParameter"),
        ({"limit": 0}, "InvalidParameter"),
        ({"signName": "reject"}, "SignatureNotApproved"),
        ({"templateCode": "none"}, "TemplateNotFound"),
    ],
)
def test_a_batch_with_wrong_fields_is_refused(
    client: Client, world: World, wrong: dict[str, Any], code: str
) -> None:
    body = {"outId": "out-1", "phoneOssUrl": world.file("13800138000"), "signName": "Tide"}
    answer = client.call("POST", "/sms/sendBatch", body | {"templateCode": client.sms_template()} | wrong)
    assert answer.json()["code"] == code
    assert client.own("GET", "/inbox/api/messages").json()["count"] == 0


def test_an_unapproved_template_sends_nothing(
    client: Client, provider: SandboxProvider, world: World
) -> None:
    code = client.sms_template()
    provider.options.review_seconds = 600
    assert (
        client.send_sms(world.file("13800138000"), templateCode=code).json()["code"] == "TemplateNotApproved"
    )


def test_reports_follow_the_last_digits(client: Client, world: World) -> None:
    client.send_sms(world.file("13800138000", "13800130001", "13800130002", "13800130003", "12ab"))
    answer = client.details("sms").json()
    assert answer["totalCount"] == 3
    reports = {row["phoneNum"]: row for row in answer["sendDetailDTOs"]}
    good, bad = reports["13800138000"], reports["13800130001"]
    assert (good["sendStatus"], good["errCode"], good["outId"]) == (2, "DELIVERED", "out-1")
    assert good["content"] == "【Tide】Hello"
    assert good["templateCode"].startswith("SMS_")
    assert time.strptime(good["receiveDate"], "%Y-%m-%d %H:%M:%S") >= time.strptime(
        good["sendDate"], "%Y-%m-%d %H:%M:%S"
    )
    assert (bad["sendStatus"], bad["errCode"]) == (1, "UNDELIV")
    assert reports["12ab"]["errCode"] == "MOBILE_NUMBER_ILLEGAL"


def test_late_numbers_report_later(client: Client, provider: SandboxProvider, world: World) -> None:
    provider.options.late_seconds = 0.3
    client.send_sms(world.file("13800130003"))
    assert client.details("sms").json()["totalCount"] == 0
    assert client.own("GET", "/inbox/api/messages").json()["messages"][0]["state"] == "waiting"
    assert eventually(lambda: client.details("sms").json()["sendDetailDTOs"])[0]["sendStatus"] == 2


def test_reports_come_in_pages(client: Client, world: World) -> None:
    client.send_sms(world.file(*(f"1380013{number:04}" for number in range(1000, 1025))))
    pages = [client.details("sms", currentPage=page, pageSize=10).json() for page in (1, 2, 3, 4)]
    assert [len(page["sendDetailDTOs"]) for page in pages] == [10, 10, 5, 0]
    assert {page["totalCount"] for page in pages} == {25}
    assert len({row["phoneNum"] for page in pages for row in page["sendDetailDTOs"]}) == 25


@pytest.mark.parametrize(
    "wrong",
    [
        {"pageSize": 1001},
        {"currentPage": 0},
        {"startDate": "2026-01-01"},
        {"startDate": "2026-02-30 10:00"},
        {"endDate": None},
        {"startDate": minute(time.time() - 31 * DAY)},
        {"startDate": minute(time.time() + DAY)},
    ],
)
def test_a_wrong_question_for_reports_is_refused(client: Client, wrong: dict[str, Any]) -> None:
    assert client.details("sms", **wrong).json()["code"] == "InvalidParameter"


def test_only_batches_within_the_period_are_reported(client: Client, world: World) -> None:
    client.send_sms(world.file("13800138000"))
    now = time.time()
    old = client.details("sms", startDate=minute(now - 2 * DAY), endDate=minute(now - DAY)).json()
    assert (old["code"], old["totalCount"], old["sendDetailDTOs"]) == ("OK", 0, [])
    assert client.details("sms", outId="another").json()["totalCount"] == 0


def test_a_mail_batch_reports_by_address(client: Client, world: World) -> None:
    url = world.file(
        "ann@x.example", "bounce@x.example", "spam+1@x.example", "bounce-soft@x.example", "silent@x.example"
    )
    sent = client.call("POST", "/email/sendBatch", {**MAIL, **OWN, "receiversUrl": url})
    assert sent.status_code == 201
    answer = client.details("email").json()
    assert {row["toAddress"]: row["status"] for row in answer["sendDetailDTOs"]} == {
        "ann@x.example": 0,
        "bounce@x.example": 2,
        "spam+1@x.example": 3,
        "bounce-soft@x.example": 4,
    }
    row = answer["sendDetailDTOs"][0]
    assert len(row["receiveTime"]) == 10 and abs(int(row["receiveTime"]) - time.time()) < 60
    assert row["accountName"] == '"Tide" <shop@tide.example>'
    shown = client.own("GET", f"/inbox/api/messages/{client.arrived(to='ann@x.example')[0]['id']}").json()
    assert (shown["subject"], shown["html"]) == ("Hello", "<p>Hi</p>")


def test_a_mails_own_content_wins_over_its_template(client: Client, world: World) -> None:
    template = {
        "remark": "r",
        "senderName": "Other",
        "templateContent": "T",
        "templateName": "n",
        "templateSubject": "T",
    }
    code = client.call("POST", "/email/emailTemplate", template).json()["templateCode"]
    url = world.file("ann@x.example")
    client.call("POST", "/email/sendBatch", {**MAIL, **OWN, "receiversUrl": url, "templateCode": code})
    client.call(
        "POST", "/email/sendBatch", {**MAIL, "outId": "out-2", "receiversUrl": url, "templateCode": code}
    )
    own, by_template = client.arrived(2)
    assert (own["subject"], by_template["subject"]) == ("Hello", "T")
    assert by_template["from"] == '"Other" <shop@tide.example>'


@pytest.mark.parametrize(
    ("wrong", "code", "status"),
    [
        ({"accountName": "frozen@tide.example"}, "SenderFrozen", 403),
        ({"addressType": "2"}, "InvalidParameter", 200),
        ({"fromAlias": "a" * 16}, "InvalidParameter", 200),
        ({"htmlBody": "x" * (28 * 1024 + 1)}, "InvalidParameter", 200),
        ({"subject": None}, "InvalidParameter", 200),
    ],
)
def test_a_mail_batch_with_wrong_fields_is_refused(
    client: Client, world: World, wrong: dict[str, Any], code: str, status: int
) -> None:
    body = {**MAIL, **OWN, "receiversUrl": world.file("ann@x.example")}
    answer = client.call("POST", "/email/sendBatch", body | wrong)
    assert (answer.json()["code"], answer.status_code) == (code, status)


def test_a_random_sender_carries_the_given_address(client: Client, world: World) -> None:
    url = world.file("ann@x.example")
    client.call("POST", "/email/sendBatch", {**MAIL, **OWN, "addressType": "0", "receiversUrl": url})
    sender = client.arrived()[0]["from"]
    assert sender.endswith("-shop@tide.example>") and "<shop" not in sender


def test_mails_without_an_out_id_are_each_a_new_batch(client: Client, world: World) -> None:
    body = {**MAIL, **OWN, "outId": None, "receiversUrl": world.file("ann@x.example")}
    numbers = {client.call("POST", "/email/sendBatch", body).json()["bizId"] for _ in range(2)}
    assert len(numbers) == 2
    assert client.own("GET", "/inbox/api/messages").json()["count"] == 2


def test_the_words_for_outcomes_hit_no_ordinary_name() -> None:
    assert [
        of_address(f"{name}@x.example").state for name in ("spammer", "bouncer", "latecomer", "SPAM")
    ] == [
        "delivered",
        "delivered",
        "delivered",
        "spam",
    ]


def test_messages_and_out_ids_survive_a_restart(tmp_path: Path, world: World) -> None:
    url = world.file("13800138000")
    numbers = []
    for _ in range(2):
        provider = SandboxProvider(Options(receipt_seconds=0, review_seconds=0), data=tmp_path)
        provider.start()
        client = Client(provider)
        numbers.append(client.send_sms(url).json()["bizId"])
        assert client.own("GET", "/inbox/api/messages").json()["count"] == 1
        provider.stop()
    assert numbers[0] == numbers[1]
