"""What a webhook is sent, and how calls in both directions are signed (docs/integrator-guide/webhooks.md)."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any

from marketing.channels.signing import BODY_SIGNATURE as BODY_SIGNATURE
from marketing.channels.signing import body_signature as body_signature
from marketing.channels.signing import new_nonce as new_nonce
from marketing.channels.signing import signature as signature

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


def batch(bodies: Sequence[Mapping[str, Any]], keys: Sequence[str]) -> list[dict[str, Any]]:
    """A call for several people: the body of each, with the key that is the same whenever the person is called for."""
    return [{**content, "key": key} for content, key in zip(bodies, keys, strict=True)]


def batch_key(keys: Sequence[str]) -> str:
    """The Idempotency-Key of a call for several people: the same for the same people in the same order."""
    return hashlib.sha256("\n".join(keys).encode()).hexdigest()[:32]


def as_bytes(content: Mapping[str, Any] | Sequence[Mapping[str, Any]]) -> bytes:
    return json.dumps(content, ensure_ascii=False).encode()
