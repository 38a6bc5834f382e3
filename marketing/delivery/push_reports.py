"""What phones and the platform say of push messages: received, opened, swiped away.

Phones are reported one by one to an address that a batch carries; the platform's totals are asked for. Both count for
72 hours after sending has started.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from django.db import connection, transaction
from django.utils import timezone

from cdp.core import metrics
from cdp.core.identifiers import ID_TYPES
from marketing.channels.base import BulkProviderType, Figures, provider_type
from marketing.channels.models import Provider
from marketing.channels.targets import target_hash
from marketing.delivery import bulk
from marketing.delivery.models import Recipient, SendBatch, SendOut

COUNTED = timedelta(hours=72)
MOST = 5000
"""The most reports in one call."""
TASK_FAILED = "task_failed"
Event = Literal["received", "opened", "ignored"]
EVENTS: dict[int, Event] = {1: "received", 2: "opened", 4: "ignored"}
"""What the platform's `status` means."""
WORDS: dict[str, Event] = {"shown": "received", "clicked": "opened", "closed": "ignored"}
"""What a browser says of its message."""
_REPORTABLE = [
    Recipient.State.HANDING,
    Recipient.State.HANDED,
    Recipient.State.UNKNOWN,
    Recipient.State.DELIVERED,
    Recipient.State.FAILED,
]


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


def is_frozen(send_out: SendOut) -> bool:
    """Whether the numbers of a push message stay as they are."""
    started = send_out.started_at
    is_push = send_out.channel == Provider.Channel.PUSH
    return is_push and started is not None and started < timezone.now() - COUNTED


def apply(batch: SendBatch, reports: Sequence[DeviceReport]) -> int:
    """Write reports into the ledger; returns how many devices changed. Each event counts once, the earliest.

    Who opened it or swiped it away has received it.
    """
    if is_frozen(batch.send_out):
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


def apply_word(recipient: int, send_out: str, word: str) -> bool:
    """Write what one browser says of one person's message; whether it counted. Each event counts once, the first.

    A person may have several browsers: it has been received, opened or ignored when that happened on one of them.
    """
    row = Recipient.objects.select_related("send_out").filter(pk=recipient, send_out=send_out).first()
    if row is None or is_frozen(row.send_out):
        return False
    now = timezone.now()
    moment = {"opened": "opened_at", "ignored": "dismissed_at"}.get(WORDS[word])
    with transaction.atomic():
        told = Recipient.objects.select_for_update().filter(pk=recipient, state__in=_REPORTABLE).first()
        if told is None:
            return False
        if moment is not None and getattr(told, moment) is None:
            Recipient.objects.filter(pk=recipient).update(**{moment: now})
        if told.state != Recipient.State.DELIVERED:
            Recipient.objects.filter(pk=recipient).update(
                state=Recipient.State.DELIVERED, reason="", code="", detail="", reported_at=now
            )
            metrics.MESSAGES.labels(row.send_out.channel, "delivered").inc()
    return True


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
