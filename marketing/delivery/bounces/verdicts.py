"""What a server's status says of an address."""

from __future__ import annotations

import re

from marketing.delivery.bounces.model import Bounce

# No such mailbox, host or form of address, moved for good, host without mail, mailbox switched off (RFC 3463, 7505).
_GONE = re.compile(r"5\.(1\.(1|2|3|6|10)|2\.1)(?!\d)")
_LATER = re.compile(r"4\d\d\b|4\.\d{1,3}\.\d{1,3}")
_STATUS = re.compile(r"[245]\.\d{1,3}\.\d{1,3}")


def of_status(status: str) -> Bounce.Kind:
    """The kind of a bounce with this status (`5.1.1`). Refusals for other reasons say nothing final of the address."""
    return Bounce.Kind.HARD if _GONE.match(status) else Bounce.Kind.SOFT


def of_answer(code: str, detail: str) -> Bounce.Kind | None:
    """The kind of a refusal in the SMTP session; None where it may be about the mail instead of the address."""
    if _GONE.match(detail):
        return Bounce.Kind.HARD
    return Bounce.Kind.SOFT if _LATER.match(code) or _LATER.match(detail) else None


def status_in(text: str) -> str:
    """The first enhanced status in a text, or nothing."""
    found = _STATUS.search(text)
    return found[0] if found else ""
