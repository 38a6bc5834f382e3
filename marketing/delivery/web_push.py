"""A person's push message as their devices get it: texts, what a tap opens, where to report."""

from __future__ import annotations

import hashlib
from typing import Any

from marketing.channels.base import Message
from marketing.content import push
from marketing.delivery import contents, push_message, tracking
from marketing.delivery.models import Recipient, SendOut

VERSION = 1


def compose(send_out: SendOut, recipient: Recipient, links: dict[str, int]) -> Message:
    """Variables filled, the click counted. A message that comes twice takes the place of itself."""
    content = contents.of_variant(send_out.content, recipient.variant)
    filled = push_message.filled(content, recipient.values)
    recipient.send_out = send_out
    url = filled["push"]["url"] if filled["push"]["action"] == push.Action.URL else ""
    if url in links:
        url = tracking.click_url(recipient, links[url])
    tag = _tag(recipient)
    payload: dict[str, Any] = {
        "tideline": VERSION,
        "title": filled["subject"],
        "body": filled["text"],
        "url": url,
        "extra": filled["push"]["extra"],
        "tag": tag,
        "report": tracking.event_url(recipient),
    }
    return Message(
        key=recipient.pk,
        target=recipient.target,
        person_hash=recipient.person_hash,
        subject=filled["subject"],
        text=filled["text"],
        push={
            "payload": payload,
            "options": filled["push"],
            "ttl": filled["push"]["ttl_hours"] * 3600,
            "topic": tag,
        },
    )


def _tag(recipient: Recipient) -> str:
    """Names one person's message of one send-out; at most 32 characters of base64 (RFC 8030, 5.4)."""
    name = f"{recipient.send_out_id}-{recipient.pk}"
    return hashlib.sha256(name.encode()).hexdigest()[:32]
