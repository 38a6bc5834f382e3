"""Mails that come back and complaints: what they change, and what they cannot."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from email.message import EmailMessage
from email.utils import formataddr
from pathlib import Path
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from marketing.channels import callbacks
from marketing.channels import services as channels
from marketing.delivery import result_audience
from marketing.delivery.bounces import applying, parsing, reading, return_path
from marketing.delivery.models import Bounce, Recipient, SendOut, Suppression
from tests.factories import make_access
from tests.marketing.delivery.imap_server import PASSWORD, USER, ImapServer, certificate
from tests.marketing.delivery.shop import Shop, mails

DOMAIN = "bounces.tide.example"


def sent(shop: Shop, name: str = "Letter", people: Any = None, **more: Any) -> SendOut:
    host = {"host": "127.0.0.1", "port": str(shop.sandbox.smtp_port), "security": "none"}
    provider = {"config": {**host, "bounce_domain": DOMAIN}}
    audience = shop.audience(people or mails(1), name)
    return shop.submit(shop.mail(audience, name, provider=provider, **more))


def report(
    row: Recipient,
    *,
    status: str = "5.1.1",
    action: str = "failed",
    words: str = "550 5.1.1 No such mailbox",
    to: str = "",
    original: str = "",
) -> bytes:
    """A delivery report as servers write it (RFC 3464)."""
    to = to or return_path.address(row.pk, DOMAIN)
    return (
        f"From: MAILER-DAEMON@mx.example\r\nTo: {to}\r\nSubject: Undelivered Mail Returned to Sender\r\n"
        "MIME-Version: 1.0\r\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b1"\r\n\r\n'
        "--b1\r\nContent-Type: text/plain\r\n\r\nI'm sorry.\r\n"
        "--b1\r\nContent-Type: message/delivery-status\r\n\r\n"
        "Reporting-MTA: dns; mx.example\r\n\r\n"
        f"Final-Recipient: rfc822; somebody@else.example\r\nAction: {action}\r\nStatus: {status}\r\n"
        f"Diagnostic-Code: smtp;\r\n {words}\r\n\r\n"
        f"--b1\r\nContent-Type: text/rfc822-headers\r\n\r\n{original}Subject: Hello\r\n\r\n"
        "--b1--\r\n"
    ).encode()


def complaint(original: bytes, kind: str = "abuse") -> bytes:
    """A complaint as mailbox providers write it (RFC 5965)."""
    return (
        b"From: fbl@mailbox.example\r\nTo: fbl@tide.example\r\nSubject: FW: Hello\r\nMIME-Version: 1.0\r\n"
        b'Content-Type: multipart/report; report-type=feedback-report; boundary="b2"\r\n\r\n'
        b"--b2\r\nContent-Type: text/plain\r\n\r\nThis is an abuse report.\r\n"
        b"--b2\r\nContent-Type: message/feedback-report\r\n\r\n"
        + f"Feedback-Type: {kind}\r\nUser-Agent: SomeGenerator/1.0\r\nVersion: 1\r\n\r\n".encode()
        + b"--b2\r\nContent-Type: message/rfc822\r\n\r\n"
        + original
        + b"\r\n--b2--\r\n"
    )


def source(shop: Shop, address: str) -> bytes:
    from marketing.sandbox.store import Wanted

    raw = shop.sandbox.store.raw(shop.sandbox.store.messages(Wanted(to=address))[0]["id"])
    assert raw is not None
    return raw


def take_in(send_out: SendOut, raw: bytes) -> bool:
    return reading.take_in(send_out.provider, raw)


def state(send_out: SendOut) -> tuple[str, str]:
    row = send_out.recipients.get()
    return row.state, row.reason


# The return path


def envelope_senders(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Where servers would return the mails from now on."""
    from marketing.channels.smtp import _Client

    seen: list[str] = []
    given = _Client.sendmail

    def noting(self: Any, from_addr: str, *args: Any, **options: Any) -> Any:
        seen.append(from_addr)
        return given(self, from_addr, *args, **options)

    monkeypatch.setattr(_Client, "sendmail", noting)
    return seen


def test_each_mail_has_a_return_address_of_its_own(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = envelope_senders(shop, monkeypatch)
    send_out = sent(shop, people=mails(2))
    rows = [return_path.recipients_in(address) for address in seen]
    assert sorted(rows) == [[row.pk] for row in send_out.recipients.order_by("pk")]
    assert all(len(address.partition("@")[0]) <= 64 for address in seen)
    assert shop.source("c0@x.example")["From"] == "Shop <shop@tide.example>"


def test_the_sender_address_can_be_the_return_path(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    seen = envelope_senders(shop, monkeypatch)
    sent(shop, return_path="sender")
    assert seen == ["shop@tide.example"]


def test_without_a_bounce_domain_mail_returns_to_the_sender(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = envelope_senders(shop, monkeypatch)
    shop.submit(shop.mail(shop.audience(mails(1))))
    assert seen == ["shop@tide.example"]


@pytest.mark.parametrize("change", [lambda a: a.replace("b+1.", "b+2."), str.upper, lambda a: f"<{a}>"])
def test_a_forged_return_address_names_nobody(change: Any) -> None:
    address = return_path.address(1, DOMAIN)
    changed = change(address)
    assert return_path.recipients_in(changed) == ([] if "b+2." in changed else [1])


# Bounces


def test_a_hard_bounce_makes_the_address_invalid_and_stops_later_mail(shop: Shop) -> None:
    send_out = sent(shop)
    assert state(send_out) == ("delivered", "")
    assert take_in(send_out, report(send_out.recipients.get()))
    row = send_out.recipients.get()
    assert (row.state, row.reason, row.code, row.detail) == (
        "failed",
        "gone",
        "5.1.1",
        "550 5.1.1 No such mailbox",
    )
    assert Suppression.objects.get().reason == "hard_bounce"
    assert shop.reasons(sent(shop, "Second")) == {"bounced": 1}
    assert [row.target for row in result_audience.people(send_out, ["invalid"])] == ["c0@x.example"]


def test_the_same_bounce_twice_changes_nothing_more(shop: Shop) -> None:
    send_out = sent(shop)
    raw = report(send_out.recipients.get())
    assert [take_in(send_out, raw), take_in(send_out, raw)] == [True, False]
    assert Bounce.objects.count() == 1 and Suppression.objects.count() == 1


def test_a_soft_bounce_fails_the_message_and_suppresses_nobody(shop: Shop) -> None:
    send_out = sent(shop)
    take_in(send_out, report(send_out.recipients.get(), status="4.2.2", words="452 4.2.2 Mailbox full"))
    assert state(send_out) == ("failed", "returned") and not Suppression.objects.exists()


def test_a_refusal_of_the_content_is_no_hard_bounce(shop: Shop) -> None:
    send_out = sent(shop)
    take_in(send_out, report(send_out.recipients.get(), status="5.7.1", words="550 5.7.1 Spam"))
    assert state(send_out) == ("failed", "returned") and not Suppression.objects.exists()


def soft_bounces(shop: Shop, send_out: SendOut, count: int, days: int) -> None:
    """Earlier soft bounces of the person, so many days ago."""
    row = send_out.recipients.get()
    for number in range(count):
        made = Bounce.objects.create(
            workspace=shop.workspace, send_out=f"snd_{number}", target_hash=row.person_hash, kind="soft"
        )
        Bounce.objects.filter(pk=made.pk).update(at=timezone.now() - timedelta(days=days))


@pytest.mark.parametrize(("earlier", "days", "suppressed"), [(3, 1, False), (4, 29, True), (4, 31, False)])
def test_five_soft_bounces_in_thirty_days_suppress(
    shop: Shop, earlier: int, days: int, suppressed: bool
) -> None:
    send_out = sent(shop)
    soft_bounces(shop, send_out, earlier, days)
    take_in(send_out, report(send_out.recipients.get(), status="4.2.2", words=""))
    assert Suppression.objects.filter(reason="soft_bounce").exists() == suppressed


def test_a_refusal_in_the_session_counts_as_a_bounce(shop: Shop) -> None:
    people = [(None, f"{word}@x.example", "Bath", None) for word in ("bounce-hard", "bounce-soft", "ann")]
    send_out = sent(shop, people=people)
    rows = {row.target.partition("@")[0]: row.reason for row in send_out.recipients.all()}
    assert rows == {"bounce-hard": "gone", "bounce-soft": "returned", "ann": ""}
    assert sorted(Bounce.objects.values_list("kind", flat=True)) == ["hard", "soft"]
    assert Suppression.objects.get().reason == "hard_bounce"


def test_who_has_opened_the_mail_has_got_it_whatever_comes_back(shop: Shop) -> None:
    send_out = sent(shop)
    send_out.recipients.update(opened_at=timezone.now())
    take_in(send_out, report(send_out.recipients.get(), status="4.2.2", words=""))
    assert state(send_out) == ("delivered", "")


@pytest.mark.parametrize("action", ["delayed", "delivered", "relayed", "expanded"])
def test_what_is_late_or_has_arrived_is_no_bounce(shop: Shop, action: str) -> None:
    send_out = sent(shop)
    assert not take_in(send_out, report(send_out.recipients.get(), action=action))
    assert state(send_out) == ("delivered", "")


def test_a_forged_address_changes_nothing(shop: Shop) -> None:
    send_out = sent(shop)
    row = send_out.recipients.get()
    forged = f"b+{row.pk:x}.{'0' * 24}@{DOMAIN}"
    assert not take_in(send_out, report(row, to=forged)) and not Suppression.objects.exists()


def test_the_address_that_a_report_names_is_not_believed(shop: Shop) -> None:
    send_out = sent(shop)
    raw = report(send_out.recipients.get(), to="b@tide.example").replace(b"somebody@else", b"c0@x")
    assert not take_in(send_out, raw)


def test_a_bounce_to_the_sender_address_is_traced_by_the_returned_head(shop: Shop) -> None:
    send_out = sent(shop, return_path="sender")
    head = shop.source("c0@x.example")["List-Unsubscribe"]
    raw = report(send_out.recipients.get(), to="shop@tide.example", original=f"List-Unsubscribe: {head}\r\n")
    assert take_in(send_out, raw) and state(send_out) == ("failed", "gone")


def test_a_holiday_note_is_no_bounce(shop: Shop) -> None:
    send_out = sent(shop)
    note = EmailMessage()
    note["To"] = formataddr(("", return_path.address(send_out.recipients.get().pk, DOMAIN)))
    note["Auto-Submitted"] = "auto-replied"
    note.set_content("I am away. 550 5.1.1")
    assert not take_in(send_out, note.as_bytes())


def test_another_workspace_s_provider_cannot_bounce_it(shop: Shop) -> None:
    send_out = sent(shop)
    config = {"host": "127.0.0.1", "port": "9", "security": "none"}
    other = channels.create_provider(
        make_access(), {"channel": "email", "type": "smtp", "name": "Theirs", "config": config}
    )
    assert not reading.take_in(other, report(send_out.recipients.get()))


# Complaints


def test_a_complaint_marks_the_mail_as_spam_and_stops_later_mail(shop: Shop) -> None:
    send_out = sent(shop)
    assert take_in(send_out, complaint(source(shop, "c0@x.example")))
    assert state(send_out) == ("delivered", "spam")
    assert Suppression.objects.get().reason == "complaint"
    assert [row.target for row in result_audience.people(send_out, ["spam"])] == ["c0@x.example"]


def test_a_complaint_counts_when_the_ledger_is_gone(shop: Shop) -> None:
    send_out = sent(shop)
    raw = source(shop, "c0@x.example")
    send_out.recipients.all().delete()
    assert take_in(send_out, complaint(raw)) and Suppression.objects.get().reason == "complaint"


@pytest.mark.parametrize("kind", ["not-spam", "auth-failure"])
def test_other_feedback_is_no_complaint(shop: Shop, kind: str) -> None:
    send_out = sent(shop)
    assert not take_in(send_out, complaint(source(shop, "c0@x.example"), kind))


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"\x00\xff\xfe",
        b"Content-Type: multipart/report; boundary=x\r\n\r\n--x\r\nContent-Type: message/delivery-status\r\n\r\n",
        b"Content-Type: message/feedback-report\r\n\r\n",
        b"Content-Type: multipart/report\r\n\r\nno boundary",
    ],
)
def test_broken_mails_are_passed_over(raw: bytes) -> None:
    returned = parsing.read(raw)
    assert returned is None or not (returned.rows or returned.tokens)


def test_old_bounces_are_forgotten(shop: Shop) -> None:
    send_out = sent(shop)
    soft_bounces(shop, send_out, 1, 91)
    soft_bounces(shop, send_out, 0, 0)
    assert applying.forget_old() == 1 and not Bounce.objects.exists()


# Where they come from


def test_a_returned_mail_may_be_posted(shop: Shop, client: Client) -> None:
    send_out = sent(shop)
    url = "/t/" + callbacks.bounces_url(send_out.provider).partition("/t/")[2]
    raw = report(send_out.recipients.get())
    assert client.post(url, raw, content_type="message/rfc822").status_code == 204
    assert state(send_out) == ("failed", "gone")
    assert client.post(url, raw, content_type="message/rfc822").status_code == 204
    assert client.post("/t/b/forged", raw, content_type="message/rfc822").status_code == 404
    assert client.get(url).status_code == 405


@pytest.fixture
def mailbox(tmp_path: Path, settings: Any) -> Iterator[ImapServer]:
    pem = certificate(tmp_path)
    settings.MAIL_CA_FILE = str(pem)
    server = ImapServer(pem)
    yield server
    server.close()


def with_mailbox(send_out: SendOut, server: ImapServer, **more: str) -> None:
    send_out.provider.config |= {
        "imap_host": "127.0.0.1",
        "imap_port": str(server.port),
        "imap_user": USER,
        "imap_password": PASSWORD,
        **more,
    }
    send_out.provider.save()


def test_unread_mails_of_the_mailbox_are_taken_in_once(shop: Shop, mailbox: ImapServer) -> None:
    send_out = sent(shop, people=mails(2))
    first, second = send_out.recipients.order_by("pk")
    with_mailbox(send_out, mailbox)
    mailbox.add(report(first))
    mailbox.add(b"Subject: A question\r\n\r\nHello?\r\n")
    mailbox.add(report(second, status="4.2.2", words=""))
    assert reading.read_all() == 2 and mailbox.seen == {1, 2, 3}
    assert sorted(send_out.recipients.values_list("reason", flat=True)) == ["gone", "returned"]
    assert reading.read_all() == 0
    send_out.provider.refresh_from_db()
    assert send_out.provider.mailbox_checked_at and not send_out.provider.mailbox_error


def test_a_mailbox_that_refuses_is_shown_on_the_provider(shop: Shop, mailbox: ImapServer) -> None:
    send_out = sent(shop)
    with_mailbox(send_out, mailbox, imap_password="wrong")
    assert reading.read_all() == 0
    send_out.provider.refresh_from_db()
    assert "AUTHENTICATIONFAILED" in send_out.provider.mailbox_error


def test_a_mailbox_with_an_unknown_certificate_is_not_read(
    shop: Shop, mailbox: ImapServer, settings: Any
) -> None:
    settings.MAIL_CA_FILE = ""
    send_out = sent(shop)
    with_mailbox(send_out, mailbox)
    mailbox.add(report(send_out.recipients.get()))
    reading.read_all()
    send_out.provider.refresh_from_db()
    assert "certificate" in send_out.provider.mailbox_error.lower() and state(send_out) == ("delivered", "")


def test_the_connection_test_looks_into_the_mailbox(shop: Shop, mailbox: ImapServer) -> None:
    send_out = sent(shop)
    with_mailbox(send_out, mailbox)
    mailbox.add(b"Subject: One\r\n\r\n")
    found = channels.test_provider(shop.access, send_out.provider)
    assert found["ok"] and any("1 unread" in line for line in found["lines"])
