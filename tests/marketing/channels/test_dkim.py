"""Signing mails: what a receiving server checks with the public key of the DNS."""

from __future__ import annotations

from typing import Any

import dkim
import pytest

from admin_center.audit.models import AuditEntry
from cdp.core.errors import ValidationFailed
from marketing.channels import dkim_keys, dns_records, senders
from marketing.channels import services as channels
from marketing.channels.base import Message
from marketing.channels.models import Provider
from marketing.channels.smtp import compose
from tests.factories import make_access

pytestmark = pytest.mark.django_db


def server(access: Any, **config: Any) -> Provider:
    settings = {"host": "127.0.0.1", "port": "25", "security": "none", **config}
    values = {"channel": "email", "type": "smtp", "name": "Mail", "config": settings}
    return channels.create_provider(access, values)


@pytest.fixture(scope="module")
def pem() -> str:
    return dkim_keys.new_key()


def mail_of(subject: str = "Grüße") -> bytes:
    headers = {
        "From": "Tide <shop@tide.example>",
        "Date": "Mon, 01 Jun 2026 10:00:00 +0000",
        "Message-ID": "<1@tide.example>",
        "List-Unsubscribe": "<https://cdp.example/t/u/x>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }
    return compose(Message(1, "ann@x.example", subject, "<p>Hi</p>", "Hi", headers)).as_bytes()


def settings_of(pem: str) -> dict[str, str]:
    return {"dkim_domain": "tide.example", "dkim_selector": "s1", "dkim_key": pem}


def is_valid(raw: bytes, config: dict[str, str]) -> bool:
    name, value = dkim_keys.record(config) or ("", "")

    def look_up(asked: bytes, timeout: int = 5) -> bytes | None:
        return value.encode() if asked.decode().rstrip(".") == name else None

    return bool(dkim.verify(raw, dnsfunc=look_up))


def test_a_signed_mail_is_valid_by_the_record_that_is_shown(pem: str) -> None:
    config = settings_of(pem)
    assert is_valid(dkim_keys.sign(mail_of(), config), config)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"Message-ID: <1@", b"Message-ID: <2@"),
        (b"/t/u/x", b"/t/u/y"),
        (b"List-Unsubscribe=One-Click", b"List-Unsubscribe=Two-Click"),
        (b"To: ann@", b"To: bob@"),
        (b"<p>Hi</p>", b"<p>Ho</p>"),
        (b"Mime-Version: 1.0", b"Mime-Version: 1.1"),
    ],
)
def test_what_is_changed_on_the_way_makes_it_invalid(pem: str, old: bytes, new: bytes) -> None:
    config = settings_of(pem)
    raw = dkim_keys.sign(mail_of(), config)
    changed = raw.replace(b"MIME-Version", b"Mime-Version").replace(old, new)
    assert changed != raw.replace(b"MIME-Version", b"Mime-Version")
    assert not is_valid(changed, config)


def test_without_a_key_mails_leave_as_they_are() -> None:
    raw = mail_of()
    assert dkim_keys.sign(raw, {}) == raw


def test_a_key_in_another_form_signs_too(pem: str) -> None:
    from cryptography.hazmat.primitives import serialization

    key = serialization.load_pem_private_key(pem.encode(), None)
    newer = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()
    config = settings_of(newer)
    assert is_valid(dkim_keys.sign(mail_of(), config), config)


def test_a_made_key_is_kept_encrypted_and_shown_to_nobody() -> None:
    from django.db import connection

    access = make_access()
    provider = dkim_keys.make(access, server(access), "tide.example", "s1")
    assert channels.shown_config(provider)["dkim_key"] == channels.KEPT
    with connection.cursor() as cursor:
        cursor.execute("SELECT config::text FROM channels_provider WHERE id = %s", [provider.pk])
        assert "PRIVATE KEY" not in cursor.fetchone()[0]
    entry = AuditEntry.objects.filter(action="provider.changed").get()
    assert "PRIVATE KEY" not in str(entry.after)


def test_the_dots_keep_the_key() -> None:
    access = make_access()
    provider = dkim_keys.make(access, server(access), "tide.example", "s1")
    before = provider.config["dkim_key"]
    channels.update_provider(access, provider, {"config": channels.shown_config(provider)})
    assert Provider.objects.get(pk=provider.pk).config["dkim_key"] == before


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"dkim_domain": "tide.example"}, "dkim_key"),
        ({"dkim_domain": "tide.example", "dkim_selector": "s1", "dkim_key": "no key"}, "dkim_key"),
        ({"dkim_domain": "not a domain"}, "dkim_domain"),
        ({"dkim_selector": "s_1"}, "dkim_selector"),
        ({"imap_host": "mail.example.com"}, "imap_user"),
        ({"bounce_domain": "@"}, "bounce_domain"),
        ({"username": "a\r\nb"}, "username"),
    ],
)
def test_settings_that_cannot_work_are_refused(given: dict[str, str], field: str) -> None:
    with pytest.raises(ValidationFailed) as caught:
        server(make_access(), **given)
    assert f"config/{field}" in caught.value.errors


def test_the_records_name_key_servers_and_bounce_domain() -> None:
    access = make_access()
    provider = server(access, bounce_domain="bounces.tide.example", host="mail.tide.example")
    senders.add(access, provider, "shop@tide.example")
    provider = dkim_keys.make(access, provider, "tide.example", "s1")
    found = {(row["type"], row["name"]) for row in dns_records.of(provider)}
    assert found == {
        ("TXT", "s1._domainkey.tide.example"),
        ("TXT", "bounces.tide.example"),
        ("TXT", "tide.example"),
        ("TXT", "_dmarc.tide.example"),
        ("MX", "bounces.tide.example"),
    }
