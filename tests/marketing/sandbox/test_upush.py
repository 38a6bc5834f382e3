"""The sandbox's U-Push: signed calls, one message per number, totals, reports of phones."""

from __future__ import annotations

import hashlib
import json
import time
from typing import Any

import pytest
import requests

from marketing.sandbox.provider import SandboxProvider
from tests.marketing.sandbox.conftest import Client, World, eventually

ANDROID = ["866412030001001", "866412030000001", "866412030000003", "866412030000004", "866412030000002"]


class Phone:
    """Signed calls of an app."""

    def __init__(self, provider: SandboxProvider) -> None:
        self.base = f"{provider.url}/upush"

    def call(self, path: str, *, secret: str = "sandbox", **more: Any) -> requests.Response:
        body = json.dumps({"appkey": "key", "timestamp": str(int(time.time())), **more})
        url = self.base + path
        sign = hashlib.md5(f"POST{url}{body}{secret}".encode(), usedforsecurity=False).hexdigest()
        return requests.post(url, params={"sign": sign}, data=body.encode(), timeout=20)

    def send(self, devices: list[str], **more: Any) -> requests.Response:
        file_id = self.call("/upload", content="\n".join(devices)).json()["data"]["file_id"]
        body = {"title": "Hello", "text": "New hats", "after_open": "go_app"}
        return self.call(
            "/api/send",
            **{
                "type": "customizedcast",
                "alias_type": "imei",
                "file_id": file_id,
                "payload": {"display_type": "notification", "body": body},
                "policy": {"expire_time": "2099-01-01 00:00:00", "out_biz_no": "one"},
                **more,
            },
        )


@pytest.fixture
def phone(provider: SandboxProvider) -> Phone:
    return Phone(provider)


def failure(answer: requests.Response) -> str:
    assert (answer.status_code, answer.json()["ret"]) == (400, "FAIL")
    return str(answer.json()["data"]["error_code"])


def test_a_wrong_sign_is_refused(phone: Phone) -> None:
    assert failure(phone.call("/upload", secret="guess", content="1")) == "1003"


def test_an_old_call_is_refused(phone: Phone) -> None:
    assert failure(phone.call("/upload", timestamp=str(int(time.time()) - 601), content="1")) == "1002"


def test_a_number_sends_once_only(phone: Phone, client: Client) -> None:
    assert phone.send(ANDROID[:1]).status_code == 200
    again = phone.send(ANDROID[:1])
    assert failure(again) == "1006" and "out_biz_no" in again.json()["data"]["error_msg"]
    assert len(client.arrived(1, channel="push")) == 1


@pytest.mark.parametrize(
    "wrong",
    [
        {"type": "broadcast"},
        {"alias_type": "mobile"},
        {"file_id": "PF0"},
        {"payload": {"display_type": "notification", "body": {"title": "T", "after_open": "go_app"}}},
        {
            "payload": {
                "display_type": "notification",
                "body": {"title": "T", "text": "x", "after_open": "go_url"},
            }
        },
        {"policy": {"out_biz_no": "one"}},
        {"policy": {"out_biz_no": "one", "expire_time": "2001-01-01 00:00:00"}},
        {"mipush": "true"},
    ],
)
def test_a_message_that_does_not_fit_is_refused_and_goes_to_nobody(
    phone: Phone, client: Client, wrong: dict[str, Any]
) -> None:
    failure(phone.send(ANDROID[:1], **wrong))
    assert client.own("GET", "/inbox/api/counts").json()["messages"] == {}


def test_totals_follow_the_ends_of_the_devices(phone: Phone) -> None:
    task = phone.send(ANDROID).json()["data"]["task_id"]
    found = phone.call("/api/status", task_id=task).json()["data"]
    assert (found["total_count"], found["sent_count"], found["open_count"], found["dismiss_count"]) == (
        4,
        4,
        1,
        1,
    )
    assert failure(phone.call("/api/status", task_id="another")) == "1007"


def test_phones_report_to_the_address_of_their_push(phone: Phone, world: World) -> None:
    phone.send(ANDROID, receipt_url=f"{world.url}/reports", receipt_type=7)
    (path, body, _authorization) = eventually(lambda: world.posted)[0]
    found = sorted((item["alias"], item["status"]) for item in body["receipts"])
    assert (path, found) == (
        "/reports",
        [(ANDROID[2], 1), (ANDROID[2], 2), (ANDROID[3], 1), (ANDROID[3], 4), (ANDROID[0], 1)],
    )


def test_a_reader_taps_and_swipes_in_the_inbox(phone: Phone, client: Client, world: World) -> None:
    phone.send(ANDROID[4:], receipt_url=f"{world.url}/reports", receipt_type=6)
    number = client.arrived(1, channel="push")[0]["id"]
    page = client.own("GET", f"/inbox/messages/{number}").text
    assert "New hats" in page and 'class="phone"' in page
    assert "Opened" in client.own("POST", f"/inbox/messages/{number}/tap").text
    eventually(
        lambda: [item["status"] for _path, body, _auth in world.posted for item in body["receipts"]] == [2]
    )
    assert "Swiped away" in client.own("POST", f"/inbox/messages/{number}/swipe").text
