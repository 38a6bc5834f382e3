"""A system that audiences and AIPL models are pushed to by webhook: each call is a message of the inbox.

Calls are signed with the option `webhook_key`; with an empty one unsigned calls are taken as well. A call whose
Idempotency-Key is known already is answered like the first one and does nothing.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

from marketing.sandbox.answers import Request, Response, as_json
from marketing.sandbox.options import Options
from marketing.sandbox.outcomes import Outcome
from marketing.sandbox.store import Batch, Store

PREFIX = "/pushes"
SENDER = "pushes"
_TAKEN = Outcome(code="200", detail="Taken", report="never")


class Receiving:
    def __init__(self, store: Store, options: Options) -> None:
        self.store = store
        self.options = options

    def answer(self, request: Request) -> Response:
        if request.method != "POST":
            return as_json({"detail": "Calls are made with POST."}, 405)
        if not self._is_signed(request):
            return as_json({"detail": "The signature is wrong."}, 401)
        try:
            body = request.json()
            if body.get("test"):
                return as_json({"ok": True})
            name = body.get("audience_name") or body["model_name"]
            push, subject = str(body["push_id"]), _words(body, str(name))
        except (ValueError, KeyError, TypeError, AttributeError):
            return as_json({"detail": "The body is not that of a push."}, 400)
        text = json.dumps(body, ensure_ascii=False, indent=2)
        key = request.headers.get("idempotency-key") or None
        biz_id, new = self.store.open_batch(Batch("custom", key, SENDER, subject=subject, text=text))
        if new:
            rows: list[tuple[str, str | None, Outcome]] = [(push, None, _TAKEN)]
            self.store.send_batch(biz_id, "custom", rows, receipt_seconds=0, late_seconds=0, push=False)
        return as_json({"ok": True})

    def _is_signed(self, request: Request) -> bool:
        if not self.options.webhook_key:
            return True
        signed = request.headers.get("x-tideline-timestamp", "").encode() + b"." + request.body
        wanted = hmac.new(self.options.webhook_key.encode(), signed, hashlib.sha256).hexdigest()
        return hmac.compare_digest(request.headers.get("x-tideline-signature", "").encode(), wanted.encode())


def _words(body: dict[str, Any], name: str) -> str:
    if body.get("end"):
        return f"{name}: end, {body['count']} users"
    return f"{name}: batch {body['batch']}, {len(body['users'])} users"
