"""Handing over whole batches (platform contract).

Recipients with the same variable texts share a batch. A batch's `out_id` is committed before the call; when the
outcome of a call is not known the batch is parked as `unknown` and the platform is asked for it (`receipts`), and it
is sent again only where the platform declares that it recognises a repeated `out_id`.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import timedelta

from django.db import connection, transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from cdp.core.errors import ValidationFailed
from cdp.jobs import JobContext
from marketing.channels.base import BulkProviderType, BulkRequest, ProviderError
from marketing.delivery import rate, tracking
from marketing.delivery.models import Recipient, SendBatch, SendOut

MAX_GROUPS = 1000
FIRST_POLL = timedelta(seconds=5)


def make_batches(send_out: SendOut) -> None:
    """Divide queued recipients that have no batch yet into batches of equal texts."""
    table = Recipient._meta.db_table
    with transaction.atomic(), connection.cursor() as cursor:
        SendOut.objects.select_for_update().get(pk=send_out.pk)
        cursor.execute(
            f'SELECT "values", count(*) FROM {table} WHERE send_out_id = %s AND state = %s AND batch_id IS NULL '
            f'GROUP BY "values" ORDER BY count(*) DESC, "values"::text LIMIT %s',
            [send_out.pk, Recipient.State.QUEUED, MAX_GROUPS + 1],
        )
        groups = cursor.fetchall()
        if len(groups) > MAX_GROUPS:
            raise ValidationFailed(
                _(
                    "The texts differ for more than %(limit)d groups of people, and this platform takes one text per "
                    "call. Use fewer variables, or ones with fewer values."
                )
                % {"limit": MAX_GROUPS},
                code="too_many_texts",
            )
        number = send_out.batches.count()
        for params, size in groups:
            for _start in range(0, size, send_out.provider.batch_size):
                number += 1
                _fill(send_out, number, params)


def _fill(send_out: SendOut, number: int, params: object) -> None:
    batch = SendBatch.objects.create(
        out_id=uuid.uuid4().hex, send_out=send_out, number=number, size=0, params=_loaded(params)
    )
    rows = (
        Recipient.objects.filter(
            send_out=send_out, state=Recipient.State.QUEUED, batch__isnull=True, values=batch.params
        )
        .order_by("pk")
        .values("pk")[: send_out.provider.batch_size]
    )
    batch.size = Recipient.objects.filter(pk__in=rows).update(batch=batch)
    batch.save(update_fields=["size"])


def _loaded(params: object) -> dict[str, str]:
    import json

    return json.loads(params) if isinstance(params, str) else dict(params)  # type: ignore[call-overload, no-any-return]


def hand_over(send_out: SendOut, kind: BulkProviderType, job: JobContext, check: Callable[[], None]) -> None:
    """Hand over every batch that has not been. Raises ProviderError (retryable) when the platform cannot be reached."""
    make_batches(send_out)
    batches = list(send_out.batches.all())
    for index, batch in enumerate(batches):
        check()
        if batch.state == SendBatch.State.NEW:
            _throttle(send_out, batch.size, check)
            hand_batch(send_out, kind, batch)
        job.progress(30 + 70 * (index + 1) / len(batches), done=index + 1, total=len(batches))


def _throttle(send_out: SendOut, wanted: int, check: Callable[[], None]) -> None:
    seconds = rate.take(f"provider:{send_out.provider_id}", per_second=send_out.provider.rate_per_second)
    if send_out.per_minute:
        seconds = max(
            seconds, rate.take(f"send:{send_out.pk}", per_second=send_out.per_minute / 60, wanted=wanted)
        )
    if seconds:
        rate.wait(seconds, check)


def hand_batch(send_out: SendOut, kind: BulkProviderType, batch: SendBatch) -> None:
    """One call. The state is committed before it, so a crash leaves `handing`, which is treated as unknown."""
    now = timezone.now()
    claimed = SendBatch.objects.filter(pk=batch.pk, state=SendBatch.State.NEW).update(
        state=SendBatch.State.HANDING, attempts=batch.attempts + 1, handed_at=now
    )
    if not claimed:
        return
    batch.refresh_from_db()
    request = BulkRequest(
        out_id=batch.out_id,
        recipients_url=tracking.file_url(batch.out_id),
        size=batch.size,
        content={**send_out.content, "params": batch.params},
    )
    try:
        biz_id = kind.send_bulk(send_out.provider, request)
    except ProviderError as error:
        _not_handed(send_out, batch, error)
        return
    mark_handed(batch, biz_id)
    send_out.provider.note_success()


def _not_handed(send_out: SendOut, batch: SendBatch, error: ProviderError) -> None:
    rows = Recipient.objects.filter(batch=batch, state=Recipient.State.QUEUED)
    batch.error = str(error)[:500]
    if error.uncertain:
        send_out.provider.note_failure(str(error))
        batch.state, batch.next_poll_at = SendBatch.State.UNKNOWN, timezone.now() + FIRST_POLL
        batch.save(update_fields=["state", "next_poll_at", "error"])
        rows.update(
            state=Recipient.State.UNKNOWN, reason="no_answer", detail=batch.error, handed_at=timezone.now()
        )
        return
    if error.retryable:
        send_out.provider.note_failure(str(error))
        batch.state, batch.handed_at = SendBatch.State.NEW, None
        batch.save(update_fields=["state", "handed_at", "error"])
        raise error
    batch.state = SendBatch.State.FAILED
    batch.save(update_fields=["state", "error"])
    code = str(error.extra.get("provider_code") or error.code)[:64]
    rows.update(state=Recipient.State.FAILED, code=code, detail=batch.error, reported_at=timezone.now())


def mark_handed(batch: SendBatch, biz_id: str = "") -> None:
    """The platform has the batch: its recipients wait for reports."""
    now = timezone.now()
    with transaction.atomic():
        SendBatch.objects.filter(pk=batch.pk).update(
            state=SendBatch.State.HANDED, biz_id=biz_id, error="", polls=0, next_poll_at=now + FIRST_POLL
        )
        Recipient.objects.filter(
            batch=batch, state__in=[Recipient.State.QUEUED, Recipient.State.UNKNOWN]
        ).update(state=Recipient.State.HANDED, reason="", detail="", handed_at=now)


def park_interrupted(send_out: SendOut) -> None:
    """After a crash: a batch that was being handed over may have been accepted, so it is asked for, not repeated."""
    for batch in send_out.batches.filter(state=SendBatch.State.HANDING):
        SendBatch.objects.filter(pk=batch.pk, state=SendBatch.State.HANDING).update(
            state=SendBatch.State.UNKNOWN, next_poll_at=timezone.now()
        )
        Recipient.objects.filter(batch=batch, state=Recipient.State.QUEUED).update(
            state=Recipient.State.UNKNOWN, reason="worker_lost"
        )
