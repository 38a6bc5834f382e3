"""What somebody has answered, on their page."""

from __future__ import annotations

from typing import Any

from cdp.core.access import Access
from insight.oneid.queries import Person
from marketing.channels.targets import target_hash
from marketing.replies.models import InboundMessage

SHOWN = 100


def build(access: Access, person: Person, page: int) -> dict[str, Any] | None:
    """The latest replies from the person's numbers; None for people who do not see SMS."""
    if not access.can("marketing.sms.view"):
        return None
    hashes = [target_hash(access.workspace.pk, "sms", value) for value in person.values("mobile")]
    rows = InboundMessage.objects.in_workspace(access.workspace).filter(target_hash__in=hashes)
    return {
        "replies": [
            {
                "text": row.text,
                "signature": row.signature_text,
                "received_at": row.received_at.isoformat(sep=" ", timespec="minutes"),
                "state": row.state,
                "state_label": row.state_label,
                "unsubscribes": row.unsubscribes,
            }
            for row in rows[:SHOWN]
        ]
    }
