"""What the ledger says, counted slowly and obviously, beside what the lake holds."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from cdp import lake
from marketing.delivery import comparing
from marketing.delivery.models import Engagement, Recipient, SendOut
from marketing.outcomes.models import EventTable
from marketing.replies.models import InboundMessage

Event = tuple[str, str, datetime, str | None, str | None, str | None]
"""Who, what, when, the send-out, the link, the reason of failure."""


def in_lake(workspace: Any, *, id_type: str | None = None) -> list[Event]:
    """All events, or those of people who are known by one type of ID, in order."""
    found: list[Event] = []
    rows = EventTable.objects.in_workspace(workspace).select_related("table")
    for row in rows if id_type is None else rows.filter(id_type=id_type):
        path = lake.table_path(workspace, row.table.lake_table)
        with lake.cursor() as handle:
            found += handle.execute(
                f'SELECT user_id, event, "at", send_out_id, link, failure FROM {path}'
            ).fetchall()
    return sorted(((*row[:2], row[2].astimezone(UTC), *row[3:]) for row in found), key=str)  # type: ignore[misc]


def ids_in_lake(workspace: Any) -> list[str]:
    found: list[str] = []
    for row in EventTable.objects.in_workspace(workspace).select_related("table"):
        path = lake.table_path(workspace, row.table.lake_table)
        with lake.cursor() as handle:
            found += [key for (key,) in handle.execute(f"SELECT event_id FROM {path}").fetchall()]
    return sorted(found)


def of_ledger(*send_outs: SendOut) -> list[Event]:
    """All events of people of these send-outs, person by person."""
    found: list[Event] = []
    for send_out in send_outs:
        for row in Recipient.objects.filter(send_out=send_out, state__in=comparing.SENT):
            found += _of_person(send_out, row)
    return sorted(found, key=str)


def _of_person(send_out: SendOut, row: Recipient) -> list[Event]:
    def event(kind: str, at: datetime | None, link: str | None = None, failure: str | None = None) -> Event:
        assert at is not None
        return row.person, kind, at.astimezone(UTC), send_out.pk, link, failure

    sent = row.handed_at or row.reported_at or send_out.started_at
    found = [event("sent", sent)]
    if row.state == "delivered":
        found.append(event("delivered", row.reported_at or sent))
    if row.state == "failed":
        found.append(event("failed", row.reported_at or sent, failure=row.reason or row.code or None))
    if row.unsubscribed_at:
        found.append(event("unsubscribed", row.unsubscribed_at))
    done = list(Engagement.objects.filter(recipient=row, is_machine=False).select_related("link"))
    opens = [item for item in done if item.kind == "open"]
    clicks = [item for item in done if item.kind == "click"]
    found += [event("opened", item.at) for item in opens]
    for item in clicks:
        kind = "clicked" if item.visit is None else "short_link_clicked"
        found.append(event(kind, item.at, item.link.url if item.link else None))
    if row.opened_at and not opens:
        found.append(event("opened", row.opened_at))
    if row.clicked_at and not clicks:
        found.append(event("clicked", row.clicked_at))
    for reply in InboundMessage.objects.filter(send_out=send_out, target_hash=row.person_hash):
        found.append(event("replied", reply.received_at))
    return found
