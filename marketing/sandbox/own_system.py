"""A customer's own system as a webhook calls it: one person per call or a list of people, signed, with results later.

What becomes of a person is decided by the end of their ID (in front of the @ of an address):

| ID ends in | what happens                                        |
|------------|-----------------------------------------------------|
| 0001       | the call is refused with the code BLACKLISTED       |
| 0002       | it is accepted, and nothing is ever reported        |
| 0003       | it is accepted, and the result 500 is reported      |
| 0004       | the call is answered with HTTP 500, each time       |
| 0005       | it is accepted, and the result 200 is reported late |

Everybody else is accepted, and the result 200 is reported. A call whose Idempotency-Key is known already is answered
like the first one and does nothing.

A list of people is answered as a whole; those whom it is refused for stand in `rejected`. It recognises each person by
`key`. One person of a list whose ID ends in 0004 breaks the whole call.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
import time
import uuid
from dataclasses import dataclass
from typing import Any

from marketing.sandbox.answers import Request, Response, as_json
from marketing.sandbox.options import Options
from marketing.sandbox.outcomes import Outcome
from marketing.sandbox.store import Batch, Store

PREFIX = "/own-system"
HEADERS = ("X-QA-Hmac-Signature", "X-CDP-Hmac-Signature")
BODY_HEADER = "X-Body-Signature"
REFUSED, BROKEN = "0001", "0004"
REFUSAL = {"code": "BLACKLISTED", "message": "This person is on the black list."}
_CLOCK_SECONDS = 300
_READ = Outcome(code="200", detail="Read")
_BY_ENDING = {
    "0002": Outcome(code="200", detail="Never reported", report="never"),
    "0003": Outcome("failed", "500", "Not reached"),
    "0005": Outcome(code="200", detail="Read late", report="late"),
}


def signature(key: str, timestamp: str, nonce: str) -> str:
    signed = "".join("".join(sorted((key, timestamp, nonce))).split())
    return hmac.new(key.encode(), signed.encode(), hashlib.sha256).hexdigest()


@dataclass(frozen=True)
class Call:
    """What one person is called for; `key` is the same whenever the call is made again."""

    target: str
    webhook: str
    key: str | None
    subject: str
    text: str

    @property
    def ending(self) -> str:
        return self.target.partition("@")[0][-4:]


class OwnSystem:
    """Answers the calls of webhooks. With an empty option `webhook_key` it takes unsigned ones."""

    def __init__(self, store: Store, options: Options) -> None:
        self.store = store
        self.options = options

    def answer(self, request: Request) -> Response:
        if request.method != "POST":
            return _answer("NOT_FOUND", "Calls are made with POST.", 404)
        if not is_signed(request, self.options.webhook_key):
            return _answer("BAD_SIGNATURE", "The signature or the timestamp is wrong.", 401)
        try:
            given = request.json()
            listed = isinstance(given, list)
            key = request.headers.get("idempotency-key")
            calls = [_read(body, body["key"] if listed else key) for body in (given if listed else [given])]
        except (ValueError, KeyError, TypeError, AttributeError):
            return _answer("BAD_BODY", "The body is not that of a webhook.", 400)
        if any(call.ending == BROKEN for call in calls):
            return _answer("BROKEN", "The own system is broken for this person.", 500)
        refused = [call for call in calls if call.ending == REFUSED]
        if refused and not listed:
            return _answer(REFUSAL["code"], REFUSAL["message"])
        numbers = [self._take(call) for call in calls if call.ending != REFUSED]
        more = {"rejected": [{"target_id": call.target, **REFUSAL} for call in refused]} if listed else {}
        return _answer("OK", "", request_id="" if listed else numbers[0], **more)

    def _take(self, call: Call) -> str:
        """Send to one person, unless the key is known; returns the number."""
        batch = Batch("custom", call.key, call.webhook, subject=call.subject, text=call.text)
        biz_id, new = self.store.open_batch(batch)
        if new:
            self.store.send_batch(
                biz_id,
                "custom",
                [(call.target, None, _BY_ENDING.get(call.ending, _READ))],
                receipt_seconds=self.options.receipt_seconds,
                late_seconds=self.options.late_seconds,
                push=bool(self.options.results_url),
            )
        return biz_id


def _read(body: dict[str, Any], key: str | None) -> Call:
    """Raises an error where it is not the body of a webhook."""
    target = str(body["user_profile"]["target_id"])
    webhook = str(body["callback_params"]["webhook_id"])
    return Call(target, webhook, key or None, _first(body["params"]), shown(body))


def is_signed(request: Request, key: str) -> bool:
    """Whether address, time and body are signed with the key; without a key everything is taken."""
    if not key:
        return True
    stamp, nonce = request.query.get("timestamp", ""), request.query.get("nonce", "")
    if not stamp.isdecimal() or abs(time.time() - int(stamp[:10])) > _CLOCK_SECONDS or len(nonce) != 32:
        return False
    given = next((value for name in HEADERS if (value := request.headers.get(name.lower()))), "")
    body = hmac.new(key.encode(), f"{stamp}{nonce}".encode() + request.body, hashlib.sha256).hexdigest()
    return hmac.compare_digest(given.encode(), signature(key, stamp, nonce).encode()) and (
        hmac.compare_digest(request.headers.get(BODY_HEADER.lower(), "").encode(), body.encode())
    )


def _first(params: dict[str, Any]) -> str:
    """The first parameter's text with the person's values, as the message's subject."""
    text = next((str(value) for name, value in params.items() if name != "vars"), "")
    for name, value in (params.get("vars") or {}).items():
        text = text.replace("${" + str(name) + "}", str(value))
    return text


def shown(body: dict[str, Any]) -> str:
    return json.dumps(body, ensure_ascii=False, indent=2)


def _answer(code: str, message: str, status: int = 200, *, request_id: str = "", **more: Any) -> Response:
    head = {"code": code, "message": message, "requestId": request_id or uuid.uuid4().hex}
    return as_json({**head, **more}, status)


def result(row: dict[str, Any]) -> dict[str, Any]:
    """One person's result as it is reported."""
    return {
        "msg_id": uuid.uuid5(uuid.NAMESPACE_OID, f"{row['biz_id']}-{row['id']}-{row['code']}").hex,
        "status": row["code"],
        "cst_id": row["recipient"],
        "send_time": str(int(row["due_at"] * 1000)),
        "callback_params": json.loads(row["text"])["callback_params"],
    }


def signed_call(key: str) -> tuple[dict[str, str], dict[str, str]]:
    """Query and headers of a call that reports results."""
    stamp, nonce = str(int(time.time())), secrets.token_hex(16)
    return {"timestamp": stamp, "nonce": nonce}, {HEADERS[0]: signature(key, stamp, nonce) if key else ""}
