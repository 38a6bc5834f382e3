"""Mail by SMTP."""

from __future__ import annotations

import smtplib
from collections.abc import Iterator
from email.message import EmailMessage

import pytest

from marketing.sandbox.provider import SandboxProvider
from marketing.sandbox.store import Store
from tests.marketing.sandbox.conftest import Client

FROM = "shop@tide.example"


@pytest.fixture
def smtp(provider: SandboxProvider) -> Iterator[smtplib.SMTP]:
    with smtplib.SMTP("127.0.0.1", provider.smtp_port, timeout=10) as connection:
        yield connection


def _mail(subject: str = "Grüße 中文", to: str = "ann@x.example") -> EmailMessage:
    mail = EmailMessage()
    mail["From"] = "Käse & Co <shop@tide.example>"
    mail["To"] = to
    mail["Subject"] = subject
    mail["List-Unsubscribe"] = "<https://tide.example/u/1>"
    mail.set_content("Hello\nsee https://tide.example/a?b=1&c=2.")
    mail.add_alternative(
        '<p>Hello <a href="https://tide.example/c?x=1&amp;y=2">there</a></p>', subtype="html"
    )
    return mail


def test_a_mail_arrives_with_all_its_parts(client: Client, smtp: smtplib.SMTP) -> None:
    mail = _mail()
    mail.add_attachment(b"12345", maintype="application", subtype="pdf", filename="a.pdf")
    smtp.send_message(mail)
    (listed,) = client.arrived(to="ann@x.example", channel="email")
    assert listed["subject"] == "Grüße 中文"
    assert listed["text"] == "Hello see https://tide.example/a?b=1&c=2."
    assert listed["state"] == "delivered"
    found = client.own("GET", f"/inbox/api/messages/{listed['id']}").json()
    assert found["text"].startswith("Hello\nsee ")
    assert "<p>Hello" in found["html"]
    assert ["List-Unsubscribe", "<https://tide.example/u/1>"] in found["headers"]
    assert ["Subject", "Grüße 中文"] in found["headers"]
    assert found["links"] == ["https://tide.example/c?x=1&y=2", "https://tide.example/a?b=1&c=2"]
    assert found["attachments"] == [{"name": "a.pdf", "type": "application/pdf", "bytes": 5}]
    assert found["from"] == "Käse & Co <shop@tide.example>"


def test_each_recipient_has_a_message(client: Client, smtp: smtplib.SMTP) -> None:
    smtp.send_message(_mail(), FROM, ["ann@x.example", "bob@x.example"])
    assert [message["to"] for message in client.arrived(2)] == ["ann@x.example", "bob@x.example"]


def test_recipients_are_refused_by_their_name_and_the_others_get_the_mail(
    client: Client, smtp: smtplib.SMTP
) -> None:
    refused = smtp.send_message(
        _mail(), FROM, ["bounce-hard@x.example", "bounce-soft+7@x.example", "ann@x.example"]
    )
    assert {address: code for address, (code, _) in refused.items()} == {
        "bounce-hard@x.example": 550,
        "bounce-soft+7@x.example": 451,
    }
    assert [message["to"] for message in client.arrived()] == ["ann@x.example"]


def test_any_password_will_do_unless_one_is_set(provider: SandboxProvider, smtp: smtplib.SMTP) -> None:
    assert smtp.login("anybody", "anything")[0] == 235
    provider.options.smtp_user, provider.options.smtp_password = "tide", "s3cret"
    with smtplib.SMTP("127.0.0.1", provider.smtp_port, timeout=10) as other:
        with pytest.raises(smtplib.SMTPSenderRefused):
            other.sendmail(FROM, ["ann@x.example"], "Subject: x\r\n\r\nx")
        with pytest.raises(smtplib.SMTPAuthenticationError):
            other.login("tide", "wrong")
    with smtplib.SMTP("127.0.0.1", provider.smtp_port, timeout=10) as other:
        other.login("tide", "s3cret")
        assert other.sendmail(FROM, ["ann@x.example"], "Subject: x\r\n\r\nx") == {}


def test_a_broken_mail_is_taken_and_shown(client: Client, smtp: smtplib.SMTP) -> None:
    raw = b"Subject: =?bogus?q?x?=\r\nTo: <<>\r\nContent-Type: text/plain; charset=none\r\n\r\n\xff\xfe caf\xc3\xa9"
    smtp.sendmail(FROM, ["ann@x.example"], raw)
    (listed,) = client.arrived()
    assert "café" in listed["text"]
    assert client.own("GET", f"/inbox/messages/{listed['id']}").status_code == 200


def test_a_mail_of_html_alone_has_a_readable_preview(client: Client, smtp: smtplib.SMTP) -> None:
    mail = EmailMessage()
    mail["Subject"] = "x"
    mail.set_content("<style>p{}</style><p>Fish &amp; chips</p>", subtype="html")
    smtp.send_message(mail, FROM, ["ann@x.example"])
    assert client.arrived()[0]["text"] == "Fish & chips"


def test_only_the_latest_contents_are_kept_but_every_message_is_counted() -> None:
    store = Store(None, kept_bodies=10)
    numbers = [
        store.add_mails([f"u{number}@x.example"], sender=FROM, subject="s", preview="p", raw=b"raw")[0]
        for number in range(1000)
    ]
    assert store.counts() == {"email": 1000}
    assert [store.raw(number) for number in (numbers[0], numbers[989], numbers[990], numbers[999])] == [
        None,
        None,
        b"raw",
        b"raw",
    ]


def test_a_mail_whose_content_is_gone_says_so(client: Client, provider: SandboxProvider) -> None:
    (number,) = provider.store.add_mails(["ann@x.example"], sender=FROM, subject="s", preview="p", raw=b"raw")
    provider.store._connection.execute("DELETE FROM bodies")
    assert client.own("GET", f"/inbox/api/messages/{number}").json()["kept"] is False
    assert "not kept any more" in client.own("GET", f"/inbox/messages/{number}").text
