"""How calls are signed with a shared key (docs/integrator-guide/webhooks.md)."""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
import string

SIGNATURE = "X-CDP-Hmac-Signature"
BODY_SIGNATURE = "X-Body-Signature"
_NONCE = string.ascii_letters + string.digits
_SPACE = re.compile(r"\s+")


def new_nonce() -> str:
    return "".join(secrets.choice(_NONCE) for _ in range(32))


def signature(key: str, timestamp: str, nonce: str) -> str:
    """HMAC-SHA256 in hexadecimal over key, timestamp and nonce, sorted and joined; empty without a key."""
    if not key:
        return ""
    signed = _SPACE.sub("", "".join(sorted((key, timestamp, nonce))))
    return hmac.new(key.encode(), signed.encode(), hashlib.sha256).hexdigest()


def body_signature(key: str, timestamp: str, nonce: str, body: bytes) -> str:
    """HMAC-SHA256 in hexadecimal over timestamp, nonce and body; empty without a key."""
    if not key:
        return ""
    return hmac.new(key.encode(), f"{timestamp}{nonce}".encode() + body, hashlib.sha256).hexdigest()


def is_key(key: object) -> bool:
    """Whether it can be one: 8 to 64 printable characters without spaces."""
    return isinstance(key, str) and 8 <= len(key) <= 64 and all(33 <= ord(sign) <= 126 for sign in key)
