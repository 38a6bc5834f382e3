"""The messages to somebody, on their page."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from cdp.core.access import Access
from insight.oneid.queries import Person
from marketing.channels.models import Provider
from marketing.channels.targets import target_hash
from marketing.delivery.models import CAUSES, Recipient
from marketing.delivery.suppressions import ID_TYPES_OF

SHOWN = 100


def build(access: Access, person: Person, page: int) -> dict[str, Any] | None:
    """The latest messages to the person's addresses and numbers on the channels that the reader sees."""
    channels = [channel for channel in ID_TYPES_OF if access.can(f"marketing.{channel}.view")]
    if not channels:
        return None
    found: list[Recipient] = []
    for channel in channels:
        hashes = [
            target_hash(access.workspace.pk, channel, value)
            for id_type in ID_TYPES_OF[channel]
            for value in person.values(id_type)
        ]
        rows = Recipient.objects.filter(
            person_hash__in=hashes, send_out__workspace=access.workspace, send_out__channel=channel
        )
        found += rows.select_related("send_out").order_by("-pk")[:SHOWN]
    found.sort(key=lambda row: row.pk, reverse=True)
    return {"messages": [_message(row) for row in found[:SHOWN]]}


def _message(row: Recipient) -> dict[str, Any]:
    why = str(CAUSES.get(row.reason, row.reason))
    return {
        "send_out": row.send_out_id,
        "name": row.send_out.name,
        "channel": row.send_out.channel,
        "channel_label": str(Provider.Channel(row.send_out.channel).label),
        "state": row.state,
        "state_label": str(Recipient.State(row.state).label),
        "why": " · ".join(part for part in (why, row.detail) if part),
        "sent_at": _moment(row.handed_at),
        "opened_at": _moment(row.opened_at),
        "clicked_at": _moment(row.clicked_at),
    }


def _moment(value: datetime | None) -> str | None:
    return value.isoformat(sep=" ", timespec="minutes") if value else None
