"""The inbox's pages and its JSON."""

from __future__ import annotations

import re
import smtplib
import threading
from email.message import EmailMessage
from html import unescape

import pytest
import requests

from marketing.sandbox.inbox import PAGE
from marketing.sandbox.provider import SandboxProvider
from tests.marketing.sandbox.conftest import Client, World

EVIL = "<script>alert(1)</script>"


def _send(provider: SandboxProvider, to: str, subject: str, *, html: str = "") -> None:
    mail = EmailMessage()
    mail["Subject"] = subject
    mail["From"] = "shop@tide.example"
    mail.set_content("Hello")
    if html:
        mail.add_alternative(html, subtype="html")
    with smtplib.SMTP("127.0.0.1", provider.smtp_port, timeout=10) as smtp:
        smtp.send_message(mail, "shop@tide.example", [to])


def test_an_empty_inbox_says_what_to_do(client: Client) -> None:
    assert "Send a test message" in client.own("GET", "/").text


def test_the_list_shows_both_channels_and_finds_by_any_text(
    client: Client, provider: SandboxProvider, world: World
) -> None:
    client.send_sms(world.file("13800138000"))
    _send(provider, "ann@x.example", "100% off_now")
    page = client.own("GET", "/inbox/").text
    assert "13800138000" in page and "100% off_now" in page and "2 messages" in page
    for query, found in (("8001380", "13800138000"), ("hello", "【Tide】Hello"), ("100%", "100% off_now")):
        assert found in client.own("GET", "/inbox/", q=query).text
    assert "No message fits" in client.own("GET", "/inbox/", q="1_0%").text
    assert "ann@x.example" not in client.own("GET", "/inbox/", channel="sms").text


def test_older_messages_are_a_page_away(client: Client, world: World) -> None:
    client.send_sms(world.file(*(f"1380013{number:04}" for number in range(1000, 1001 + PAGE))))
    first = client.own("GET", "/inbox/").text
    assert "13800131050" in first and "13800131000" not in first
    older = re.search(r'href="(/inbox/\?[^"]*before=\d+)"', first)
    assert older
    second = client.own("GET", unescape(older[1])).text
    assert "13800131000" in second and "13800131001" not in second


def test_what_was_sent_is_never_run_on_the_inbox_page(client: Client, provider: SandboxProvider) -> None:
    _send(provider, "ann@x.example", EVIL, html=EVIL)
    (message,) = client.arrived()
    for path in ("/inbox/", f"/inbox/messages/{message['id']}"):
        answer = client.own("GET", path)
        assert EVIL not in answer.text
        assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    page = client.own("GET", f"/inbox/messages/{message['id']}").text
    assert 'sandbox="allow-popups allow-popups-to-escape-sandbox"' in page
    mail = client.own("GET", f"/inbox/messages/{message['id']}/html")
    assert EVIL in mail.text
    assert mail.headers["Content-Security-Policy"].startswith("sandbox allow-popups")
    assert "allow-scripts" not in mail.headers["Content-Security-Policy"]


def test_a_message_has_its_headers_source_and_links(client: Client, provider: SandboxProvider) -> None:
    _send(provider, "ann@x.example", "Hello", html='<a href="https://tide.example/x">x</a>')
    number = client.arrived()[0]["id"]
    page = client.own("GET", f"/inbox/messages/{number}").text
    assert "MIME-Version" in page
    assert '<a href="https://tide.example/x"' in page
    assert "Subject: Hello" in client.own("GET", f"/inbox/messages/{number}/source").text


@pytest.mark.parametrize(
    "path", ["/inbox/messages/999", "/inbox/messages/999/html", "/inbox/api/messages/999", "/x"]
)
def test_what_does_not_exist_is_not_found(client: Client, path: str) -> None:
    assert client.own("GET", path).status_code == 404


def test_a_listing_waits_until_enough_has_arrived(client: Client, provider: SandboxProvider) -> None:
    later = threading.Timer(0.2, _send, (provider, "ann@x.example", "Later"))
    later.start()
    assert client.own("GET", "/inbox/api/messages", to="ANN@x.example", wait=10).json()["count"] == 1
    later.join()


def test_a_listing_gives_up_when_its_time_is_over(client: Client) -> None:
    assert client.own("GET", "/inbox/api/messages", to="ann@x.example", wait=0.1).json() == {
        "count": 0,
        "messages": [],
    }


def test_counts_tell_messages_from_recipients(client: Client, world: World) -> None:
    client.send_sms(world.file("13800138000", "13800138000", "13900139000"))
    assert client.own("GET", "/inbox/api/counts").json() == {"messages": {"sms": 3}, "recipients": {"sms": 2}}


def test_deleting_empties_the_inbox_and_keeps_templates(client: Client, world: World) -> None:
    code = client.sms_template()
    client.send_sms(world.file("13800138000"), templateCode=code)
    assert client.own("DELETE", "/inbox/api/messages").status_code == 204
    assert client.own("GET", "/inbox/api/messages").json()["count"] == 0
    assert client.send_sms(world.file("13800138000"), templateCode=code).json()["code"] == "OK"


def test_another_sites_page_cannot_delete(client: Client, provider: SandboxProvider) -> None:
    headers = {"Sec-Fetch-Site": "cross-site"}
    assert requests.post(provider.url + "/inbox/clear", headers=headers, timeout=10).status_code == 403
    assert (
        requests.delete(provider.url + "/inbox/api/messages", headers=headers, timeout=10).status_code == 403
    )
