"""What becomes of a message, decided by the number or address alone, so that a test can choose it.

| number ends in | what happens                                |
|----------------|---------------------------------------------|
| 0001           | fails                                       |
| 0002           | is never reported                           |
| 0003           | is delivered, but reported late             |
| 0009           | is delivered, and answers "T" (unsubscribe) |

| address begins with | by the contract            | by SMTP                     |
|---------------------|----------------------------|-----------------------------|
| bounce-hard         | invalid address            | refused for good (550)      |
| bounce-soft         | fails                      | refused for now (451)       |
| bounce              | invalid address            | accepted                    |
| spam                | is marked as spam          | accepted                    |
| silent              | is never reported          | accepted                    |
| late                | is reported late           | accepted                    |

| device (IMEI or IDFA) ends in | what happens to a push message                       |
|-------------------------------|------------------------------------------------------|
| 0001                          | is unknown to the platform: it gets nothing          |
| 0002                          | is never reported                                    |
| 0003                          | is opened                                            |
| 0004                          | is swiped away (Android)                             |

Other Android devices report that they have received it; iPhones report nothing but openings.

Between these words and the @ there may be a sign or digit and more: `bounce-7@…`, `spam+ann@…`; `spammer@…` is nothing
special. Everything else is delivered.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

State = Literal["delivered", "failed", "invalid", "spam"]


@dataclass(frozen=True)
class Outcome:
    """A final state, the provider's code and words for it, and when it is reported."""

    state: State = "delivered"
    code: str = "DELIVERED"
    detail: str = "Delivered"
    report: Literal["soon", "late", "never"] = "soon"
    reply: str = ""


DELIVERED = Outcome()
_LATE = Outcome(report="late")
_SILENT = Outcome(report="never")
_BY_ENDING = {
    "0001": Outcome("failed", "UNDELIV", "The phone cannot be reached"),
    "0002": _SILENT,
    "0003": _LATE,
    "0009": Outcome(reply="T"),
}
_BAD_NUMBER = Outcome("failed", "MOBILE_NUMBER_ILLEGAL", "Not a phone number")
_BAD_ADDRESS = Outcome("invalid", "501", "Not an address")
_HARD = Outcome("invalid", "550", "5.1.1 No such mailbox")
_SOFT = Outcome("failed", "451", "4.2.2 Mailbox full, try again later")
_BY_WORD = {
    "bounce-hard": _HARD,
    "bounce-soft": _SOFT,
    "bounce": _HARD,
    "spam": Outcome("spam", "SPAM", "Marked as spam by the recipient"),
    "silent": _SILENT,
    "late": _LATE,
}
_WORD = re.compile(r"(bounce-hard|bounce-soft|bounce|spam|silent|late)([-+._0-9].*)?")


def of_number(number: str) -> Outcome:
    if not re.fullmatch(r"[0-9]{5,20}", number):
        return _BAD_NUMBER
    return _BY_ENDING.get(number[-4:], DELIVERED)


def of_address(address: str) -> Outcome:
    name, at, domain = address.rpartition("@")
    if not (name and at and domain) or " " in address:
        return _BAD_ADDRESS
    found = _WORD.fullmatch(name.lower())
    return _BY_WORD[found[1]] if found else DELIVERED


_RECEIVED = Outcome(code="RECEIVED", detail="Received")
_OPENED = Outcome(code="OPENED", detail="Opened")
_SWIPED = Outcome(code="IGNORED", detail="Swiped away")
_QUIET_PHONE = Outcome(code="RECEIVED", detail="Never reported", report="never")
_BY_DEVICE: dict[str, Outcome | None] = {"0001": None, "0002": _QUIET_PHONE, "0003": _OPENED, "0004": _SWIPED}


def of_android(device: str) -> Outcome | None:
    """None where the platform knows no such device."""
    return _BY_DEVICE.get(device[-4:], _RECEIVED)


def of_iphone(device: str) -> Outcome | None:
    """None where the platform knows no such device. Nobody is told that a message has arrived on an iPhone."""
    found = _BY_DEVICE.get(device[-4:], _QUIET_PHONE)
    return found if found in (None, _OPENED) else _QUIET_PHONE


_BY_REACTION = {"shown": _RECEIVED, "clicked": _OPENED, "closed": _SWIPED, "silent": _QUIET_PHONE}


def of_browser(reaction: str) -> Outcome:
    """What the owner of a browser does with messages, as it was set when the browser was made. Raises KeyError."""
    return _BY_REACTION[reaction]


def smtp_refusal(address: str) -> str | None:
    """The SMTP answer to a recipient that is refused, or None."""
    outcome = of_address(address)
    found = _WORD.fullmatch(address.rpartition("@")[0].lower())
    if outcome is _BAD_ADDRESS or (found and found[1] in ("bounce-hard", "bounce-soft")):
        return f"{outcome.code} {outcome.detail}"
    return None
