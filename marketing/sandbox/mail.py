"""The SMTP server: takes every mail, keeps it, and sends nothing on."""

from __future__ import annotations

import asyncio
import hmac
import re
from collections.abc import Iterator
from email import message_from_bytes
from email.header import decode_header, make_header
from email.message import EmailMessage, Message
from email.policy import default
from html import unescape
from typing import Any

from aiosmtpd.smtp import SMTP, AuthResult, Envelope, LoginPassword, Session

from marketing.sandbox.faults import Faults
from marketing.sandbox.options import Options
from marketing.sandbox.outcomes import smtp_refusal
from marketing.sandbox.store import Store

MOST_BYTES = 32 * 1024**2
_PREVIEW = 200
_TAGS = re.compile(r"<(style|script|head)\b.*?</\1>|<[^>]*>", re.DOTALL | re.IGNORECASE)


class MailHandler:
    def __init__(self, store: Store, faults: Faults) -> None:
        self.store = store
        self.faults = faults

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        refusal = smtp_refusal(address)
        if refusal:
            return refusal
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        fault = self.faults.take("smtp")
        if fault and fault.kind == "slow":
            await asyncio.sleep(fault.seconds)
        if fault and fault.kind == "error":
            return "451 4.3.0 The sandbox was told to fail"
        raw = envelope.content
        assert isinstance(raw, bytes)
        numbers = await asyncio.to_thread(
            keep, self.store, raw, envelope.rcpt_tos, sender=envelope.mail_from or ""
        )
        if fault and fault.kind == "timeout_after_accepting":
            await asyncio.sleep(fault.seconds)
        if fault and fault.kind == "lost_answer" and isinstance(server.transport, asyncio.Transport):
            server.transport.abort()
        return f"250 OK: kept as {numbers[0]}"


def keep(store: Store, raw: bytes, recipients: list[str], *, sender: str) -> list[int]:
    """Store a mail for each of its recipients; returns the messages' numbers."""
    # The modern policy parses every header into objects, which takes five times as long; reading can afford that.
    quick = message_from_bytes(raw)
    return store.add_mails(
        recipients,
        sender=_decoded(quick["From"]) or sender,
        subject=_decoded(quick["Subject"]),
        preview=_preview(quick),
        raw=raw,
    )


def _preview(mail: Message) -> str:
    """The beginning of the text, on one line."""
    texts: dict[str, str] = {}
    for part in mail.walk():
        kind = part.get_content_type()
        payload = part.get_payload(decode=True) if kind in ("text/plain", "text/html") else None
        if isinstance(payload, bytes):
            texts.setdefault(kind, _in_charset(payload, part.get_content_charset("utf-8")))
    text = texts.get("text/plain") or unescape(_TAGS.sub(" ", texts.get("text/html", "")))
    return " ".join(text.split())[:_PREVIEW]


def _decoded(value: object) -> str:
    """A header's value with its encoded words decoded."""
    text = str(value or "")
    try:
        return " ".join(str(make_header(decode_header(text))).split())
    except (LookupError, ValueError):
        return text


def parse(raw: bytes) -> EmailMessage:
    mail = message_from_bytes(raw, policy=default)
    assert isinstance(mail, EmailMessage)
    return mail


def plain_text(mail: EmailMessage) -> str:
    return _part(mail, "plain")


def html_text(mail: EmailMessage) -> str:
    return _part(mail, "html")


def headers(mail: EmailMessage) -> Iterator[tuple[str, str]]:
    """Names and values in their order; a value that cannot be parsed comes as it is."""
    for name, value in mail.raw_items():
        try:
            yield name, str(mail.policy.header_fetch_parse(name, value))
        except (ValueError, IndexError, AttributeError):
            yield name, str(value)


def attachments(mail: EmailMessage) -> list[dict[str, Any]]:
    return [
        {
            "name": part.get_filename() or "",
            "type": part.get_content_type(),
            "bytes": len(part.get_payload(decode=True) or b""),
        }
        for part in mail.iter_attachments()
    ]


def _part(mail: EmailMessage, kind: str) -> str:
    part = mail.get_body((kind,))
    payload = part.get_payload(decode=True) if part else None
    return (
        _in_charset(payload, part.get_content_charset("utf-8")) if part and isinstance(payload, bytes) else ""
    )


def _in_charset(payload: bytes, charset: str) -> str:
    try:
        text = payload.decode(charset, errors="replace")
    except LookupError:
        text = payload.decode(errors="replace")
    return text.replace("\r\n", "\n")


class _Authenticator:
    """Any name and password will do, unless the options name them."""

    def __init__(self, options: Options) -> None:
        self.options = options

    def __call__(
        self, server: SMTP, session: Session, envelope: Envelope, mechanism: str, data: Any
    ) -> AuthResult:
        if not self.options.smtp_user:
            return AuthResult(success=True)
        expected = (self.options.smtp_user.encode(), self.options.smtp_password.encode())
        given = (data.login, data.password) if isinstance(data, LoginPassword) else (b"", b"")
        matches = all(hmac.compare_digest(one, other) for one, other in zip(given, expected, strict=True))
        return AuthResult(success=matches, handled=False)


def protocol(store: Store, faults: Faults, options: Options) -> SMTP:
    """One connection's server side."""
    return SMTP(
        MailHandler(store, faults),
        hostname="sandbox.localhost",
        ident="Tideline sandbox",
        data_size_limit=MOST_BYTES,
        enable_SMTPUTF8=True,
        authenticator=_Authenticator(options),
        auth_require_tls=False,
        auth_required=bool(options.smtp_user),
    )
