"""What a webhook is sent, and how calls in both directions are signed (docs/integrator-guide/webhooks.md)."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import secrets
import string
from collections.abc import Mapping
from typing import Any

TARGET_TYPES = {
    "one_id": "ONEID",
    "union_id": "UNION_ID",
    "mobile": "MOBILE",
    "email": "EMAIL",
    "taobao_id": "TAOBAO_ID",
    "taobao_nick": "TAOBAO_NICK",
    "alipay_id": "ALIPAY_ID",
    "weibo_id": "WEIBO_ID_ORG",
    "imei": "IMEI",
    "idfa": "IDFA",
    "imsi": "IMSI",
    "oaid": "OAID",
    "mac": "MAC_ORG",
    "open_id": "OPEN_ID",
}
"""How the protocol calls the ID types."""
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


def body(
    *,
    id_type: str,
    target: str,
    parameters: Mapping[str, Any],
    texts: Mapping[str, str],
    task: str,
    webhook: str,
    send_time: int,
) -> dict[str, Any]:
    """One person's call. Placeholders stay in the parameters; `texts` are the person's values for them.

    `send_time` is in milliseconds.
    """
    params: dict[str, Any] = {name: str(value) for name, value in parameters.items()}
    if texts:
        params["vars"] = {name: str(text) for name, text in texts.items()}
    return {
        "user_profile": {"target_type": TARGET_TYPES[id_type], "target_id": target},
        "params": params,
        "callback_params": {"task_id": task, "webhook_id": webhook, "send_time": str(send_time)},
    }


def as_bytes(content: Mapping[str, Any]) -> bytes:
    return json.dumps(content, ensure_ascii=False).encode()
