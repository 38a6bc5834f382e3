"""Asking platforms what became of handed-over batches, and settling what stays unknown."""

from __future__ import annotations

import logging
from datetime import timedelta

from django.db import connection, transaction
from django.utils import timezone

from cdp.core import metrics
from cdp.core.identifiers import ID_TYPES
from marketing.channels.base import BatchReceipt, BulkProviderType, ProviderError, provider_type
from marketing.channels.models import Provider
from marketing.channels.targets import target_hash
from marketing.delivery import bulk, push_reports
from marketing.delivery.bounces import applying as bounces
from marketing.delivery.models import Recipient, SendBatch, SendOut
from marketing.delivery.targets import id_type_of

log = logging.getLogger(__name__)
# Seconds between looks at a batch; the last one repeats until everything has been reported or time is up.
INTERVALS = (5, 10, 30, 60, 300, 900, 3600)
GIVE_UP = timedelta(hours=72)
PER_TICK = 50


def poll_due() -> int:
    """Ask for all batches whose time has come; returns how many were asked for."""
    bulk.park_interrupted()
    asked = 0
    for _turn in range(PER_TICK):
        with transaction.atomic():
            batch = (
                SendBatch.objects.select_for_update(skip_locked=True, of=("self",))
                .select_related("send_out__provider")
                .filter(
                    state__in=[SendBatch.State.HANDED, SendBatch.State.UNKNOWN],
                    next_poll_at__lte=timezone.now(),
                )
                .order_by("next_poll_at")
                .first()
            )
            if batch is None:
                return asked
            pause = INTERVALS[min(batch.polls, len(INTERVALS) - 1)]
            SendBatch.objects.filter(pk=batch.pk).update(
                polls=batch.polls + 1, next_poll_at=timezone.now() + timedelta(seconds=pause)
            )
        _poll(batch)
        asked += 1
    return asked


def can_ask(send_out: SendOut) -> bool:
    """Whether there is a platform that keeps reports or figures to be fetched, and people whom they belong to."""
    kept = send_out.resolved_at is not None and send_out.rows_deleted_at is None
    return kept and isinstance(provider_type(send_out.provider), BulkProviderType)


def ask_now(send_out: SendOut) -> int:
    """Ask for the send-out's open batches, whenever their turn would come; returns how many were asked for."""
    if not can_ask(send_out):
        return 0
    open_ones = send_out.batches.select_related("send_out__provider").filter(
        state__in=[SendBatch.State.HANDED, SendBatch.State.UNKNOWN]
    )
    batches = list(open_ones.order_by("next_poll_at")[:PER_TICK])
    for batch in batches:
        _poll(batch)
    return len(batches)


def _poll(batch: SendBatch) -> None:
    kind = provider_type(batch.send_out.provider)
    if not isinstance(kind, BulkProviderType):
        return
    try:
        found = list(kind.receipts(batch.send_out.provider, batch.out_id, batch.handed_at or timezone.now()))
    except ProviderError as error:
        log.info("Receipts of batch %s could not be fetched: %s", batch.out_id, error)
        return
    if found:
        if batch.state == SendBatch.State.UNKNOWN:
            bulk.mark_handed(batch, batch.biz_id)
        apply(batch, found)
    elif batch.state == SendBatch.State.UNKNOWN and batch.send_out.provider.config.get("idempotent"):
        bulk.repeat_batch(batch.send_out, kind, batch)
    if kind.counts:
        _count(batch, kind)
    # Complaints about a mail come after it was delivered.
    _close(batch, waits=kind.counts, later=batch.send_out.channel == Provider.Channel.EMAIL)


def _count(batch: SendBatch, kind: BulkProviderType) -> None:
    if batch.biz_id:
        try:
            push_reports.keep_figures(batch, kind)
        except ProviderError as error:
            log.info("The figures of batch %s could not be fetched: %s", batch.out_id, error)


def apply(batch: SendBatch, found: list[BatchReceipt]) -> int:
    """Write reports into the ledger: delivered beats everything, a failure never undoes a delivery."""
    send_out = batch.send_out
    normalise = ID_TYPES[id_type_of(send_out)].normalise
    rows: dict[str, BatchReceipt] = {}
    causes: dict[str, set[str]] = {"gone": set(), "spam": set()}
    for receipt in found:
        target = normalise(receipt.target)
        if target:
            digest = target_hash(send_out.workspace_id, send_out.channel, target)
            if receipt.cause:
                causes[receipt.cause].add(digest)
            if digest not in rows or receipt.state == "delivered":
                rows[digest] = receipt
    changed = 0
    items = list(rows.items())
    for start in range(0, len(items), 1000):
        changed += _write(batch, items[start : start + 1000])
    if any(causes.values()):
        bounces.of_receipts(send_out, batch.pk, list(causes["gone"]), list(causes["spam"]))
    return changed


def _write(batch: SendBatch, rows: list[tuple[str, BatchReceipt]]) -> int:
    now = timezone.now()
    places = ", ".join(["(%s, %s, %s, %s, %s::timestamptz, %s)"] * len(rows))
    values = [
        value
        for digest, receipt in rows
        for value in (
            digest,
            receipt.state,
            receipt.code[:64],
            receipt.detail[:500],
            receipt.at or now,
            receipt.cause,
        )
    ]
    with connection.cursor() as cursor:
        cursor.execute(
            f"""
            UPDATE {Recipient._meta.db_table} r
               SET state = v.state, code = v.code, detail = v.detail, reported_at = v.at, reason = v.cause
              FROM (VALUES {places}) AS v (person_hash, state, code, detail, at, cause)
             WHERE r.batch_id = %s AND r.person_hash = v.person_hash
               AND (r.state IN ('handed', 'handing', 'unknown', 'queued')
                    OR (r.state = 'failed' AND v.state = 'delivered'))
         RETURNING v.state
            """,
            [*values, batch.pk],
        )
        written = cursor.fetchall()
    for (state,) in written:
        metrics.MESSAGES.labels(batch.send_out.channel, state).inc()
    return len(written)


def _close(batch: SendBatch, *, waits: bool, later: bool = False) -> None:
    """Stop asking when everybody has been reported, or after 72 hours: what has no report then counts as failed.

    With `waits` it goes on for 72 hours in any case, and whoever has the message without a report keeps it; with
    `later` it goes on as well, as more may be reported of those who got it.
    """
    open_states = [Recipient.State.HANDED, Recipient.State.UNKNOWN, Recipient.State.HANDING]
    rows = Recipient.objects.filter(batch=batch, state__in=open_states)
    expired = batch.handed_at is not None and batch.handed_at < timezone.now() - GIVE_UP
    if expired:
        silent = rows.exclude(state=Recipient.State.HANDED) if waits else rows
        silent.update(state=Recipient.State.FAILED, code="no_report", reported_at=timezone.now())
    if expired or not (waits or later or rows.exists()):
        SendBatch.objects.filter(
            pk=batch.pk, state__in=[SendBatch.State.HANDED, SendBatch.State.UNKNOWN]
        ).update(state=SendBatch.State.CLOSED, next_poll_at=None)
