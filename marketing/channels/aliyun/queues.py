"""Queues of the message service (MNS) that the SMS platform puts reports and replies into.

The platform lends a key for its queues that ends after a while. A message that was read stays hidden until it is
removed, and comes again where it is not.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
from collections.abc import Iterator
from dataclasses import dataclass
from email.utils import formatdate
from typing import Any, Literal
from xml.etree import ElementTree
from xml.sax.saxutils import escape

from django.core.cache import cache
from django.utils.translation import gettext as _

from cdp.crypto.at_rest import decrypt_text, encrypt_text
from marketing.channels.aliyun import rpc
from marketing.channels.base import ProviderError
from marketing.channels.exchange import exchange
from marketing.channels.models import Provider

AT_ONCE = 16
MOST_PAGES = 500
"""So many are read in a row; the rest waits for the next turn."""
LENT_SECONDS = 600
"""For how long a lent key is kept; the platform lends it for longer."""
_VERSION = "2017-05-25"
_SPACE = "http://mns.aliyuncs.com/doc/v1/"
Kind = Literal["SmsReport", "SmsUp"]


@dataclass(frozen=True)
class Queued:
    """A message of a queue; `handle` removes it. The body is empty where it cannot be read."""

    handle: str
    body: dict[str, Any]


class Queue:
    """A queue of one provider."""

    def __init__(self, provider: Provider, kind: Kind) -> None:
        self.config, self.kind = provider.config, kind
        self.name = str(provider.config.get("report_queue" if kind == "SmsReport" else "uplink_queue") or "")
        self._cached = f"aliyun-queue:{provider.line}:{provider.etag}:{kind}"

    def pages(self) -> Iterator[list[dict[str, Any]]]:
        """What waits in the queue, page by page; each is removed when the next one is asked for."""
        for _page in range(MOST_PAGES):
            found = self.read()
            if not found:
                return
            yield [message.body for message in found]
            self.remove([message.handle for message in found])

    def read(self) -> list[Queued]:
        """Up to sixteen messages, which nobody else gets for a while. Raises ProviderError."""
        status, content = self._call(
            "GET", f"/queues/{self.name}/messages?numOfMessages={AT_ONCE}&waitseconds=0"
        )
        if status == 404 and b"MessageNotExist" in content:
            return []
        if status != 200:
            raise self._refused(status, content)
        return list(_messages(content))

    def remove(self, handles: list[str]) -> None:
        """What has been taken in. Raises ProviderError."""
        inside = "".join(f"<ReceiptHandle>{escape(handle)}</ReceiptHandle>" for handle in handles)
        body = f'<?xml version="1.0" encoding="UTF-8"?><ReceiptHandles xmlns="{_SPACE}">{inside}</ReceiptHandles>'
        status, content = self._call("DELETE", f"/queues/{self.name}/messages", body.encode())
        if status not in (204, 404):
            raise self._refused(status, content)

    def check(self) -> None:
        """Whether the platform lends a key for the queue. Raises ProviderError."""
        self._lend()

    def _call(self, method: str, resource: str, body: bytes = b"") -> tuple[int, bytes]:
        lent = self._lent()
        headers = {
            "Date": formatdate(usegmt=True),
            "Content-Type": "text/xml;charset=utf-8",
            "x-mns-version": "2015-06-06",
            "security-token": lent["SecurityToken"],
        }
        text = (
            f"{method}\n\n{headers['Content-Type']}\n{headers['Date']}\nx-mns-version:2015-06-06\n{resource}"
        )
        digest = hmac.digest(lent["AccessKeySecret"].encode(), text.encode(), "sha1")
        headers["Authorization"] = f"MNS {lent['AccessKeyId']}:{base64.b64encode(digest).decode()}"
        url = str(self.config["queue_url"]).rstrip("/") + resource
        response = exchange(method, url, data=body, headers=headers)
        if response.status_code == 403:
            cache.delete(self._cached)
        return response.status_code, response.content

    def _lent(self) -> dict[str, str]:
        kept = cache.get(self._cached)
        if kept is None:
            kept = encrypt_text(json.dumps(self._lend()))
            cache.set(self._cached, kept, LENT_SECONDS)
        found: dict[str, str] = json.loads(decrypt_text(kept))
        return found

    def _lend(self) -> dict[str, str]:
        answer = rpc.call(
            self.config,
            str(self.config["token_url"]),
            _VERSION,
            "QueryTokenForMnsQueue",
            MessageType=self.kind,
            QueueName=self.name,
        )
        lent = answer.get("MessageTokenDTO")
        names = ("AccessKeyId", "AccessKeySecret", "SecurityToken")
        if not isinstance(lent, dict) or not all(lent.get(name) for name in names):
            raise ProviderError(_("The platform lends no key for its queue."), code="provider_answer")
        return {name: str(lent[name]) for name in names}

    def _refused(self, status: int, content: bytes) -> ProviderError:
        return ProviderError(
            _("The queue %(name)s cannot be read (%(status)d): %(answer)s")
            % {"name": self.name, "status": status, "answer": content[:200].decode(errors="replace")},
            code="provider_failed" if status >= 500 else "provider_refused",
            retryable=status >= 500,
            provider_status=status,
        )


def _messages(content: bytes) -> Iterator[Queued]:
    try:
        # No answer declares entities; what does might grow without end.
        root = None if b"<!" in content else ElementTree.fromstring(content)
    except ElementTree.ParseError:
        root = None
    if root is None:
        raise ProviderError(_("The queue's answer is not XML."), code="provider_answer")
    for item in root.iter(f"{{{_SPACE}}}Message"):
        handle, text = (
            item.findtext(f"{{{_SPACE}}}{name}") or "" for name in ("ReceiptHandle", "MessageBody")
        )
        if handle:
            yield Queued(handle, _body(text))


def _body(text: str) -> dict[str, Any]:
    """JSON as it is, or in Base64."""
    try:
        plain = text if text.lstrip().startswith("{") else base64.b64decode(text, validate=True).decode()
        found = json.loads(plain)
    except (ValueError, binascii.Error):
        return {}
    return found if isinstance(found, dict) else {}
