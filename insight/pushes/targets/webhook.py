"""Webhook: batches of users as JSON by POST, signed."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

import requests
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cdp.core.errors import ValidationFailed
from cdp.core.outbound import check_url
from insight.pushes.targets.base import ConfigField, Head, PushError, Row, Target, Writer, register
from insight.pushes.targets.records import plain

ROWS = 1_000
"""Users per call."""
ATTEMPTS = 5
TIMEOUT = (10, 60)
PAUSE = 0.5
SHOWN = 200


def signature(secret: str, stamp: str, body: bytes) -> str:
    """HMAC-SHA256 over the time stamp, a dot and the body, in hexadecimal."""
    return hmac.new(secret.encode(), stamp.encode() + b"." + body, hashlib.sha256).hexdigest()


@register
class Webhook(Target):
    key = "webhook"
    label = gettext_lazy("Webhook")
    icon = "webhook"
    fields = (
        ConfigField("url", gettext_lazy("Address"), "url", required=True),
        ConfigField(
            "secret",
            gettext_lazy("Secret"),
            "secret",
            required=True,
            help_text=gettext_lazy(
                "Calls are signed with it, so that the other side can tell them from others."
            ),
        ),
    )

    def test(self, config: Mapping[str, Any]) -> str:
        answer = _post(config, {"test": True}, f"test-{uuid.uuid4()}", attempts=1)
        return _("It answered %(status)d.") % {"status": answer.status_code}

    def open(self, config: Mapping[str, Any], head: Head, workspace: Any) -> Writer:
        return _WebhookWriter(config, head)


class _WebhookWriter(Writer):
    def __init__(self, config: Mapping[str, Any], head: Head) -> None:
        self.config, self.head, self.number = config, head, 0

    def write(self, rows: Sequence[Row]) -> None:
        for first in range(0, len(rows), ROWS):
            self.number += 1
            users = [{"user_unique_id": row.key, **self._fields(row)} for row in rows[first : first + ROWS]]
            body = {**self.head.as_json(), "batch": self.number, "users": users}
            _post(self.config, body, f"{self.head.push_id}-{self.number}")

    def finish(self, users: int, ids: int) -> str:
        body = {**self.head.as_json(), "end": True, "batches": self.number, "count": users, "ids": ids}
        _post(self.config, body, f"{self.head.push_id}-end")
        return _("%(count)s calls") % {"count": f"{self.number + 1:,}"}

    def _fields(self, row: Row) -> dict[str, Any]:
        skips = self.head.options.get("skip_empty")
        return {name: plain(value) for name, value in row.fields.items() if value is not None or not skips}


def _post(
    config: Mapping[str, Any], body: dict[str, Any], key: str, *, attempts: int = ATTEMPTS
) -> requests.Response:
    """Try again after a while where the other side fails or does not answer; refuse what it refuses.

    The key is the same on every try, so that the other side can leave out what it has had already.
    """
    url, data = str(config["url"]), json.dumps(body, ensure_ascii=False).encode()
    reason = ""
    for attempt in range(attempts):
        if attempt:
            time.sleep(PAUSE * 2**attempt)
        stamp = str(int(time.time()))
        headers = {
            "Content-Type": "application/json",
            "Idempotency-Key": key,
            "X-Tideline-Timestamp": stamp,
            "X-Tideline-Signature": signature(str(config["secret"]), stamp, data),
        }
        try:
            check_url(url)
            answer = requests.post(url, data=data, headers=headers, timeout=TIMEOUT, allow_redirects=False)
        except ValidationFailed as error:
            raise PushError(str(error), code=error.code) from None
        except requests.RequestException as error:
            reason = _("The address did not answer (%(reason)s).") % {"reason": type(error).__name__}
            continue
        if answer.ok and answer.status_code < 300:
            return answer
        text = " ".join(answer.text[: SHOWN * 2].split())[:SHOWN]
        reason = _("The address answered %(status)d: %(text)s") % {"status": answer.status_code, "text": text}
        if answer.status_code < 500 and answer.status_code != 429:
            raise PushError(reason)
    raise PushError(reason, retryable=True)
