"""Handing over whole batches (platform contract).

Recipients with the same variable texts share a batch. A batch's `out_id` is committed before the call; when the
outcome of a call is not known the batch is parked as `unknown` and the platform is asked for it (`receipts`), and it
is sent again only where the platform declares that it recognises a repeated `out_id`.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from datetime import timedelta
from itertools import islice

from django.db import connection, transaction
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from cdp.core.errors import ValidationFailed
from cdp.jobs import JobContext
from marketing.channels import capabilities
from marketing.channels.base import BulkProviderType, BulkRequest, ProviderError, provider_type
from marketing.delivery import (
    contact_policy,
    contents,
    platform_tracking,
    push_message,
    rate,
    recipients_file,
    releasing,
    tracking,
)
from marketing.delivery.leaving import give_back, leaving
from marketing.delivery.models import Recipient, SendBatch, SendOut, UnknownReason

MAX_GROUPS = 1000
FIRST_POLL = timedelta(seconds=5)
# No call takes so long: whoever made it is gone.
INTERRUPTED_AFTER = timedelta(minutes=5)


def make_batches(send_out: SendOut) -> None:
    """Divide queued recipients that have no batch yet into batches of equal texts of one variant."""
    table = Recipient._meta.db_table
    kind = provider_type(send_out.provider)
    most = min(send_out.provider.batch_size, send_out.per_minute or send_out.provider.batch_size)
    if isinstance(kind, BulkProviderType):
        most = min(most, kind.largest_batch(send_out.provider))
    with transaction.atomic(), connection.cursor() as cursor:
        SendOut.objects.select_for_update().get(pk=send_out.pk)
        # Where the file carries everybody's own texts, one call serves people with different ones.
        texts = "NULL::jsonb" if capabilities.of(send_out.provider).line_values else '"values"'
        # Where people have hours of their own, only those whose hours are now.
        now = timezone.now()
        due = "AND not_before <= %s AND not_after > %s " if send_out.window else ""
        cursor.execute(
            f"SELECT variant, {texts} AS texts, count(*) FROM {table} "
            f"WHERE send_out_id = %s AND state = %s AND batch_id IS NULL {due}"
            f"GROUP BY 1, 2 ORDER BY count(*) DESC, variant, 2 LIMIT %s",
            [send_out.pk, Recipient.State.QUEUED, *([now, now] if due else []), MAX_GROUPS + 1],
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
        for variant, params, size in groups:
            for _start in range(0, size, most):
                number += 1
                _fill(send_out, number, variant, params, most)


def _fill(send_out: SendOut, number: int, variant: int, params: object, most: int) -> None:
    """A batch of people with these texts; None: whatever texts they have."""
    batch = SendBatch.objects.create(
        out_id=uuid.uuid4().hex,
        send_out=send_out,
        number=number,
        size=0,
        variant=variant,
        params={} if params is None else _loaded(params),
    )
    rows = releasing.ready(send_out).filter(batch__isnull=True, variant=variant)
    if params is not None:
        rows = rows.filter(values=batch.params)
    keys = rows.order_by("pk").values("pk")[:most]
    batch.size = Recipient.objects.filter(pk__in=keys).update(batch=batch)
    batch.save(update_fields=["size"])


def _loaded(params: object) -> dict[str, str]:
    return json.loads(params) if isinstance(params, str) else dict(params)  # type: ignore[call-overload, no-any-return]


def hand_over(send_out: SendOut, kind: BulkProviderType, job: JobContext, check: Callable[[], None]) -> None:
    """Hand over every batch that has not been. Raises ProviderError (retryable) when the platform fails."""
    check()
    _probe(send_out, kind)
    make_batches(send_out)
    batches = list(send_out.batches.all())
    for index, batch in enumerate(batches):
        if batch.state == SendBatch.State.NEW:
            _throttle(send_out, batch.size, check)
            check()
            hand_batch(send_out, kind, batch)
        job.progress(30 + 70 * (index + 1) / len(batches), done=index + 1, total=len(batches))


def _probe(send_out: SendOut, kind: BulkProviderType) -> None:
    """After a failure ask for a report first: a platform that cannot answer that gets no further batch to lose."""
    last = send_out.batches.filter(state=SendBatch.State.UNKNOWN).order_by("-number").first()
    if send_out.provider.consecutive_errors and last is not None:
        since = last.handed_at or timezone.now()
        try:
            list(islice(kind.receipts(send_out.provider, last.out_id, since), 1))
        except ProviderError as error:
            if error.retryable:
                raise


def _throttle(send_out: SendOut, wanted: int, check: Callable[[], None]) -> None:
    seconds = rate.take(f"provider:{send_out.provider.line}", per_second=send_out.provider.rate_per_second)
    if send_out.per_minute:
        seconds = max(
            seconds, rate.take(f"send:{send_out.pk}", per_second=send_out.per_minute / 60, wanted=wanted)
        )
    if seconds:
        rate.wait(seconds, check)


def hand_batch(send_out: SendOut, kind: BulkProviderType, batch: SendBatch) -> None:
    """One call. The state is committed before it, so a crash leaves `handing`, which is treated as unknown.

    Raises ProviderError (retryable) where others must wait too.
    """
    if _claim(send_out, batch):
        try:
            biz_id = _call(send_out, kind, batch)
        except _Stopped:
            _take_back(batch)
        except ProviderError as error:
            _not_handed(batch, error)
            if error.retryable:
                raise
        else:
            mark_handed(batch, biz_id)
            send_out.provider.note_success()


def repeat_batch(send_out: SendOut, kind: BulkProviderType, batch: SendBatch) -> None:
    """The same call again, for a platform that recognises the `out_id`. Without a clear answer it stays unknown."""
    with transaction.atomic():
        claimed = SendBatch.objects.filter(pk=batch.pk, state=SendBatch.State.UNKNOWN).update(
            state=SendBatch.State.HANDING, attempts=batch.attempts + 1
        )
        Recipient.objects.filter(batch=batch, state=Recipient.State.UNKNOWN).update(
            state=Recipient.State.HANDING
        )
    if not claimed:
        return
    try:
        biz_id = _call(send_out, kind, batch, repeat=True)
    except _Stopped:
        _park(Q(pk=batch.pk), UnknownReason.NO_ANSWER, batch.error, batch.next_poll_at)
    except ProviderError as error:
        _park(Q(pk=batch.pk), UnknownReason.NO_ANSWER, str(error), batch.next_poll_at)
    else:
        mark_handed(batch, biz_id)


def _claim(send_out: SendOut, batch: SendBatch) -> bool:
    """Mark the batch as being handed over, without people who must not get it any more; False where nobody is left."""
    now = timezone.now()
    with transaction.atomic():
        if contact_policy.cap_of(send_out):
            contact_policy.lock(send_out)
        locked = SendOut.objects.select_for_update().get(pk=send_out.pk)
        row = SendBatch.objects.select_for_update().get(pk=batch.pk)
        if locked.state != SendOut.State.SENDING or row.state != SendBatch.State.NEW:
            return False
        queued = releasing.ready(send_out).filter(batch=batch)
        contact_policy.leave_out(send_out, rows=queued.values_list("pk", flat=True))
        row.size = queued.update(state=Recipient.State.HANDING, handed_at=now)
        row.state = SendBatch.State.HANDING if row.size else SendBatch.State.CLOSED
        row.attempts, row.handed_at = row.attempts + 1, now
        row.save(update_fields=["size", "state", "attempts", "handed_at"])
    batch.refresh_from_db()
    return row.size > 0


class _Stopped(Exception):
    """Paused or stopped between the claim and the call."""


def _call(send_out: SendOut, kind: BulkProviderType, batch: SendBatch, *, repeat: bool = False) -> str:
    content = push_message.filled(contents.of_variant(send_out.content, batch.variant), batch.params)
    request = BulkRequest(
        out_id=batch.out_id,
        recipients_url=tracking.file_url(batch.out_id),
        size=batch.size,
        content=platform_tracking.of_batch(send_out, content),
        targets=lambda: tracking.batch_targets(batch.out_id) or [],
        lines=lambda: recipients_file.lines(batch.out_id) or [],
        reports_url=tracking.reports_url(batch.out_id),
    )
    with leaving(send_out, repeat=repeat) as may_leave:
        if may_leave:
            return kind.send_bulk(send_out.provider, request)
    raise _Stopped


def _take_back(batch: SendBatch, error: str = "") -> None:
    """The platform did not get the batch: it waits for another try, or for good where the send-out was stopped."""
    with transaction.atomic():
        SendBatch.objects.filter(pk=batch.pk).update(state=SendBatch.State.NEW, error=error)
        give_back(batch.send_out, Recipient.objects.filter(batch=batch))


def _not_handed(batch: SendBatch, error: ProviderError) -> None:
    """Unknown where the platform may have accepted it, queued again where it did not, failed where it refused."""
    detail = str(error)[:500]
    if error.uncertain:
        _park(Q(pk=batch.pk), UnknownReason.NO_ANSWER, detail, timezone.now() + FIRST_POLL)
        return
    if error.retryable:
        _take_back(batch, detail)
        return
    with transaction.atomic():
        SendBatch.objects.filter(pk=batch.pk).update(state=SendBatch.State.FAILED, error=detail)
        code = str(error.extra.get("provider_code") or error.code)[:64]
        Recipient.objects.filter(batch=batch, state=Recipient.State.HANDING).update(
            state=Recipient.State.FAILED, code=code, detail=detail, reported_at=timezone.now()
        )


def mark_handed(batch: SendBatch, biz_id: str = "") -> None:
    """The platform has the batch: its recipients wait for reports."""
    with transaction.atomic():
        SendBatch.objects.filter(pk=batch.pk).update(
            state=SendBatch.State.HANDED,
            biz_id=biz_id,
            error="",
            polls=0,
            next_poll_at=timezone.now() + FIRST_POLL,
        )
        Recipient.objects.filter(
            batch=batch, state__in=[Recipient.State.HANDING, Recipient.State.UNKNOWN]
        ).update(state=Recipient.State.HANDED, reason="", detail="")


def park_interrupted(send_out: SendOut | None = None) -> None:
    """After a crash: a batch that was being handed over may have been accepted, so it is asked for, not repeated.

    Of all send-outs only what has been under way for too long, since others may be at work.
    """
    which = Q(send_out=send_out) if send_out else Q(handed_at__lt=timezone.now() - INTERRUPTED_AFTER)
    _park(which, UnknownReason.WORKER_LOST, "", timezone.now())


def _park(which: Q, reason: str, detail: str, next_poll_at: object) -> None:
    """Set batches that are being handed over, and their recipients, to unknown."""
    with transaction.atomic():
        parked = list(
            SendBatch.objects.select_for_update(skip_locked=True)
            .filter(which, state=SendBatch.State.HANDING)
            .values_list("pk", flat=True)
        )
        Recipient.objects.filter(batch__in=parked, state=Recipient.State.HANDING).update(
            state=Recipient.State.UNKNOWN, reason=reason, detail=detail[:500]
        )
        SendBatch.objects.filter(pk__in=parked).update(
            state=SendBatch.State.UNKNOWN, next_poll_at=next_poll_at, error=detail[:500]
        )
