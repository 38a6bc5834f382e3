"""The address that servers return a mail to: one of its own per message, so that a return names its message.

The local part is `b+<row>.<signature>`, in lower case, and shorter than the 64 characters that RFC 5321 allows.
"""

from __future__ import annotations

import hmac
import re

from django.utils.crypto import salted_hmac

_SALT = "tideline.return-path"
_LENGTH = 24
_ADDRESS = re.compile(rf"\bb\+([0-9a-f]{{1,16}})\.([0-9a-f]{{{_LENGTH}}})@", re.IGNORECASE)


def address(recipient: int, domain: str) -> str:
    """Where the mail to this row of a ledger returns to."""
    return f"b+{recipient:x}.{_signature(recipient)}@{domain}"


def recipients_in(text: str) -> list[int]:
    """The rows named by return addresses in a text; forged ones name nobody."""
    found = ((int(number, 16), given.lower()) for number, given in _ADDRESS.findall(text))
    return [row for row, given in found if hmac.compare_digest(given, _signature(row))]


def _signature(recipient: int) -> str:
    return salted_hmac(_SALT, str(recipient), algorithm="sha256").hexdigest()[:_LENGTH]
