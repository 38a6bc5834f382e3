"""The sandbox's push services: what they take and what they refuse."""

from __future__ import annotations

import time
from typing import Any

import pytest
import requests

from marketing.devices import encryption
from marketing.sandbox.provider import SandboxProvider
from tests.marketing.sandbox.conftest import Client


class Sender:
    """Somebody with a key pair who writes to a new browser."""

    def __init__(self, provider: SandboxProvider) -> None:
        self.public, self.private = encryption.new_key()
        self.base = provider.url
        made = {"key": self.public}
        self.browser = requests.post(f"{self.base}/webpush/browsers", json=made, timeout=20).json()

    def token(self, **more: Any) -> str:
        given = {"public": self.public, "private": self.private, "contact": "mailto:a@b.example"}
        return encryption.authorization(
            more.pop("endpoint", self.browser["endpoint"]), **{**given, "now": time.time(), **more}
        )

    def push(
        self, message: bytes = b'{"title": "Hello", "body": "Hats"}', **headers: str
    ) -> requests.Response:
        keys = self.browser["keys"]
        body = headers.pop("body", "") or encryption.encrypt(message, keys["p256dh"], keys["auth"])
        usual = {"TTL": "60", "Content-Encoding": "aes128gcm", "Authorization": self.token()}
        return requests.post(
            self.browser["endpoint"],
            data=body,
            headers={**usual, **{name.replace("_", "-"): value for name, value in headers.items()}},
            timeout=20,
        )


@pytest.fixture
def sender(provider: SandboxProvider) -> Sender:
    return Sender(provider)


def test_a_message_is_decrypted_and_shown_in_the_inbox(sender: Sender, client: Client) -> None:
    answer = sender.push(Urgency="high", Topic="abc")
    assert answer.status_code == 201 and answer.headers["Location"]
    [message] = client.arrived(channel="push")
    assert (message["subject"], message["text"], message["from"]) == ("Hello", "Hats", "mailto:a@b.example")
    page = client.own("GET", f"/inbox/messages/{message['id']}").text
    assert "Hats" in page and "urgency" in page


def test_a_sender_who_is_not_the_one_subscribed_to_is_refused(
    sender: Sender, provider: SandboxProvider
) -> None:
    other = Sender(provider)
    assert sender.push(Authorization=other.token(endpoint=sender.browser["endpoint"])).status_code == 403


def test_a_wrong_signature_service_or_time_is_refused(sender: Sender) -> None:
    other = encryption.new_key()[1]
    for wrong in (
        sender.token(private=other),
        sender.token(endpoint="https://push.example/x"),
        sender.token(now=time.time() - 2 * encryption.TOKEN_SECONDS),
        sender.token(now=time.time() + 3 * encryption.TOKEN_SECONDS),
        sender.token(contact="nobody"),
        sender.token()[:-20],
    ):
        assert sender.push(Authorization=wrong).status_code == 403
    assert sender.push(Authorization="Bearer x").status_code == 401


def test_a_body_that_is_not_for_the_browser_is_refused(sender: Sender, provider: SandboxProvider) -> None:
    keys = Sender(provider).browser["keys"]
    foreign: Any = encryption.encrypt(b"{}", keys["p256dh"], keys["auth"])
    assert sender.push(body=foreign).status_code == 400
    assert sender.push(body="x" * 5000).status_code == 413
    assert sender.push(Content_Encoding="aesgcm").status_code == 415
    assert sender.push(TTL="soon").status_code == 400
    assert sender.push(Topic="x" * 33).status_code == 400


@pytest.mark.parametrize("status", [410, 429, 413, 503])
def test_a_browser_can_be_made_to_fail(sender: Sender, status: int) -> None:
    made = {"key": sender.public, "answer": status}
    sender.browser = requests.post(f"{sender.base}/webpush/browsers", json=made, timeout=20).json()
    assert sender.push().status_code == status


def test_an_unknown_browser_is_not_found(sender: Sender) -> None:
    sender.browser["endpoint"] = f"{sender.base}/webpush/to/{'0' * 32}"
    assert sender.push().status_code == 404
    wrong = requests.post(f"{sender.base}/webpush/browsers", json={"reaction": "dances"}, timeout=20)
    assert wrong.status_code == 400
