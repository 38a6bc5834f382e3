"""Reading returned mails: delivery reports (RFC 3464) and complaints (RFC 5965).

Nothing else counts: a holiday note that comes to a return address is no bounce. Whom a report is about is taken from
what Tideline itself signed, never from the addresses that the report names.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes
from email.errors import MessageError
from email.message import Message

from cdp.core.texts import storable
from marketing.delivery.bounces import return_path, verdicts
from marketing.delivery.bounces.model import Bounce

_SENT_TO = ("To", "Delivered-To", "X-Original-To", "Envelope-To", "X-Envelope-To", "X-RCPT-To")
_ORIGINAL = ("message/rfc822", "text/rfc822-headers", "message/rfc822-headers", "message/global")
_UNSUBSCRIBE = re.compile(r"/t/u/([^>\s,]+)")
_COMPLAINTS = ("abuse", "fraud", "virus", "other")
"""Feedback types that are complaints; `not-spam` and `auth-failure` are none."""


@dataclass(frozen=True)
class Returned:
    """A report, and whom it names: rows of ledgers by return address, tokens by the original's unsubscribe link."""

    kind: Bounce.Kind
    code: str
    detail: str
    rows: tuple[int, ...]
    tokens: tuple[str, ...]


def read(raw: bytes) -> Returned | None:
    """The report in a mail; None where it is none, or says that a mail has arrived or is only late."""
    try:
        mail = message_from_bytes(raw)
        parts = list(mail.walk())
    except (MessageError, ValueError, RecursionError):
        return None
    kinds = {part.get_content_type() for part in parts}
    if "message/feedback-report" in kinds:
        verdict = _complaint(parts)
    elif "message/delivery-status" in kinds:
        verdict = _failure(parts)
    else:
        return None
    if verdict is None:
        return None
    originals = [_original(part) for part in parts if part.get_content_type() in _ORIGINAL]
    addressed = [_text(value) for name in _SENT_TO for value in mail.get_all(name, [])]
    addressed += [_text(value) for item in originals for value in item.get_all("Return-Path", [])]
    links = [
        re.sub(r"\s+", "", _text(value))
        for item in originals
        for value in item.get_all("List-Unsubscribe", [])
    ]
    return Returned(
        *verdict,
        rows=tuple(dict.fromkeys(row for text in addressed for row in return_path.recipients_in(text))),
        tokens=tuple(dict.fromkeys(token for link in links for token in _UNSUBSCRIBE.findall(link))),
    )


_Verdict = tuple[Bounce.Kind, str, str]


def _complaint(parts: list[Message]) -> _Verdict | None:
    report = next(part for part in parts if part.get_content_type() == "message/feedback-report")
    fields = _fields(report)
    kind = _text(fields.get("Feedback-Type", "abuse")).lower()
    if kind not in _COMPLAINTS:
        return None
    return Bounce.Kind.COMPLAINT, kind, _text(fields.get("User-Agent", ""))[:500]


def _failure(parts: list[Message]) -> _Verdict | None:
    for fields in _recipients(parts):
        if _text(fields.get("Action", "")).lower() != "failed":
            continue
        diagnostic = " ".join(_text(fields.get("Diagnostic-Code", "")).split())
        words = diagnostic.partition(";")[2].strip() or diagnostic
        status = verdicts.status_in(_text(fields.get("Status", "")))
        # Gateways write 5.0.0 where the server itself was more exact.
        if not status or status.endswith(".0.0"):
            status = verdicts.status_in(words) or status
        return verdicts.of_status(status), status, words[:500]
    return None


def _recipients(parts: list[Message]) -> Iterator[Message]:
    """The blocks of a delivery report that are about recipients."""
    for part in parts:
        if part.get_content_type() != "message/delivery-status":
            continue
        blocks = part.get_payload()
        if isinstance(blocks, list):
            yield from (block for block in blocks if isinstance(block, Message) and "Action" in block)


def _fields(part: Message) -> Message:
    """The fields of a report that is written like a mail's head, also where it is encoded."""
    payload = part.get_payload()
    if isinstance(payload, list) and payload and isinstance(payload[0], Message) and payload[0].keys():
        return payload[0]
    return _decoded(part)


def _original(part: Message) -> Message:
    """The returned mail, or its head alone."""
    payload = part.get_payload()
    if isinstance(payload, list) and payload and isinstance(payload[0], Message):
        return payload[0]
    return _decoded(part)


def _decoded(part: Message) -> Message:
    content = part.get_payload(decode=True)
    return message_from_bytes(content if isinstance(content, bytes) else b"")


def _text(value: object) -> str:
    return storable(value).strip()
