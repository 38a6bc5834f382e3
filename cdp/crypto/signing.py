"""Signed tokens for addresses: they carry a little data, expire, and are good for one purpose only.

The content can be read by whoever holds the token; it can't be changed. A token for one purpose is nothing for another,
because the purpose is part of the key.
"""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

from django.core import signing


class BadToken(Exception):
    """A token that was changed, was made for another purpose, or has expired (`expired`)."""

    def __init__(self, *, expired: bool = False) -> None:
        super().__init__("The token has expired." if expired else "The token is not valid.")
        self.expired = expired


def sign(payload: dict[str, Any], ttl: timedelta | int, *, purpose: str) -> str:
    """A token for a URL that holds `payload` (JSON types) for `ttl` (seconds or a timedelta) from now."""
    seconds = ttl.total_seconds() if isinstance(ttl, timedelta) else ttl
    content = {"data": payload, "until": int(time.time() + seconds)}
    return signing.dumps(content, salt=_salt(purpose), compress=True)


def unsign(token: str, *, purpose: str) -> dict[str, Any]:
    """The payload of a token of this purpose; raises BadToken."""
    try:
        content = signing.loads(token, salt=_salt(purpose))
    except signing.BadSignature:
        raise BadToken from None
    if time.time() >= content["until"]:
        raise BadToken(expired=True)
    return dict(content["data"])


def _salt(purpose: str) -> str:
    return f"tideline.token.{purpose}"
