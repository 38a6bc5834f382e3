"""What phones and the platform say of push messages: received, opened, swiped away.

Phones are reported one by one to an address that a batch carries; the platform's totals are asked for. Both count for
72 hours after sending has started.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from django.db import connection
from django.utils import timezone

from cdp.core import metrics
from cdp.core.identifiers import ID_TYPES
from marketing.channels.base import BulkProviderType, Figures, provider_type
from marketing.delivery import bulk
from marketing.delivery.models import Recipient, SendBatch
from marketing.delivery.targets import target_hash

COUNTED = timedelta(hours=72)
MOST = 5000
"""The most reports in one call."""
TASK_FAILED = "task_failed"
Event = Literal["received", "opened", "ignored"]
EVENTS: dict[int, Event] = {1: "received", 2: "opened", 4: "ignored"}
"""What the platform's `status` means."""


@dataclass(frozen=True)
class DeviceReport:
    """One device's report."""

    target: str
    event: Event
    at: datetime


def read(body: Any) -> list[DeviceReport]:
    """The reports of a call's JSON: one object, a list of them, or {"receipts": […]}. Raises ValueError.

    Each has `alias`, `status` (1, 2 or 4) and perhaps `time` in seconds or milliseconds; other states are passed over.
    """
    if isinstance(body, dict):
        body = body.get("receipts", [body])
    if not isinstance(body, list) or len(body) > MOST:
        raise ValueError("No list of reports.")
    found = []
    for item in body:
        if not isinstance(item, dict) or not isinstance(item.get("alias"), str):
            raise ValueError("A report has an alias.")
        status = str(item.get("status"))
        event = EVENTS.get(int(status)) if status.isdecimal() and len(status) < 4 else None
        if event is not None:
            found.append(DeviceReport(item["alias"], event, _moment(item.get("time"))))
    return found


def _moment(value: Any) -> datetime:
    """A time of the past: what is not one counts as now."""
    now, text = timezone.now(), str(value or "")
    if not text.isdecimal() or len(text) not in (10, 13):
        return now
    return min(now, datetime.fromtimestamp(int(text) / (1000 if len(text) == 13 else 1), UTC))


def is_over(batch: SendBatch) -> bool:
    """Whether its numbers stay as they are."""
    started = batch.send_out.started_at
    return started is not None and started < timezone.now() - COUNTED


def apply(batch: SendBatch, reports: Sequence[DeviceReport]) -> int:
    """Write reports into the ledger; returns how many devices changed. Each event counts once, the earliest.

    Who opened it or swiped it away has received it.
    """
    if is_over(batch):
        return 0
    send_out = batch.send_out
    normalise = ID_TYPES[provider_type(send_out.provider).id_type].normalise
    rows: dict[str, dict[str, datetime]] = {}
    for report in reports:
        target = normalise(report.target)
        if target is not None:
            moments = rows.setdefault(target_hash(send_out.workspace_id, send_out.channel, target), {})
            moments[report.event] = min(report.at, moments.get(report.event, report.at))
    if not rows:
        return 0
    if batch.state == SendBatch.State.UNKNOWN:
        bulk.mark_handed(batch, batch.biz_id)
    items = list(rows.items())
    return sum(_write(batch, items[start : start + 1000]) for start in range(0, len(items), 1000))


def _write(batch: SendBatch, rows: list[tuple[str, dict[str, datetime]]]) -> int:
    places = ", ".join(["(%s, %s::timestamptz, %s::timestamptz, %s::timestamptz)"] * len(rows))
    values = [
        value
        for digest, moments in rows
        for value in (digest, min(moments.values()), moments.get("opened"), moments.get("ignored"))
    ]
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            UPDATE {Recipient._meta.db_table} r
               SET state = 'delivered', reason = '', code = '', detail = '',
                   reported_at = CASE WHEN r.state = 'delivered' THEN least(r.reported_at, v.at) ELSE v.at END,
                   opened_at = least(r.opened_at, v.opened), dismissed_at = least(r.dismissed_at, v.dismissed)
              FROM (VALUES {places}) AS v (person_hash, at, opened, dismissed),
                   {Recipient._meta.db_table} old
             WHERE r.batch_id = %s AND r.person_hash = v.person_hash AND old.id = r.id
               AND r.state IN ('handing', 'handed', 'unknown', 'delivered', 'failed')
         RETURNING old.state
            """,
            [*values, batch.pk],
        )
        before = [state for (state,) in cursor.fetchall()]
    for state in before:
        if state != Recipient.State.DELIVERED:
            metrics.MESSAGES.labels(batch.send_out.channel, "delivered").inc()
    return len(before)


def keep_figures(batch: SendBatch, kind: BulkProviderType) -> None:
    """Ask for the platform's totals of a batch. Raises ProviderError."""
    found: Figures = kind.figures(batch.send_out.provider, batch.biz_id)
    counts = {name: value for name, value in asdict(found).items() if name != "failure"}
    SendBatch.objects.filter(pk=batch.pk).update(counts=counts)
    if found.failure:
        Recipient.objects.filter(batch=batch, state=Recipient.State.HANDED).update(
            state=Recipient.State.FAILED,
            code=TASK_FAILED,
            detail=found.failure[:500],
            reported_at=timezone.now(),
        )
