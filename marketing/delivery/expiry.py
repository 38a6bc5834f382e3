"""Recipients are kept for some days after the end of their send-out (`retention`); its numbers stay.

The numbers are written first, in one transaction with the mark that the recipients are gone; from then on everything
reads the numbers. The rows go afterwards, a few at a time, and a run that is interrupted is taken up by the next.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import timedelta

from django.db import connection, transaction
from django.db.models import Exists, F, OuterRef, Q
from django.utils import timezone

from cdp.core.registry import Registry
from marketing.delivery import contacted, conversion, queries, retention
from marketing.delivery.models import Engagement, Recipient, SendOut
from marketing.webhooks.models import WebhookReceipt

log = logging.getLogger(__name__)
keepers: Registry[Callable[[str], None]] = Registry("keeper of what happened to messages")
"""Functions that are called with a send-out's key before its rows go, registered by higher layers. Where one fails, the
rows stay until the next run."""
PER_RUN = 200
ROWS = 20_000


def delete_old_recipients() -> int:
    """Roll up and delete what is old enough; returns how many send-outs lost their recipients."""
    due = SendOut.objects.filter(
        retention.is_over(timezone.now()),
        state__in=SendOut.OVER,
        rows_deleted_at__isnull=True,
        resolved_at__isnull=False,
    )
    # As long as an own system may report results, its people are kept.
    still_reported = Q(provider__webhook__receipts=True) & Q(
        finished_at__gt=timezone.now() - F("provider__webhook__window_hours") * timedelta(hours=1)
    )
    due = due.exclude(pk__in=SendOut.objects.filter(still_reported).values("pk"))
    for send_out in due.exclude(conversion={}).select_related("workspace", "owner", "audience")[:PER_RUN]:
        conversion.count(send_out)
    rolled_up = sum(_roll_up(key) for key in due.values_list("pk", flat=True)[:PER_RUN])
    left = Recipient.objects.filter(send_out=OuterRef("pk"))
    for key in SendOut.objects.filter(Exists(left), rows_deleted_at__isnull=False).values_list(
        "pk", flat=True
    ):
        if _is_kept(key):
            delete_rows(key)
    return rolled_up


def _is_kept(key: str) -> bool:
    try:
        for keep in keepers:
            keep(key)
    except Exception:
        log.exception("The rows of %s stay, as they could not be kept elsewhere.", key)
        return False
    return True


def _roll_up(key: str) -> bool:
    with transaction.atomic():
        send_out = SendOut.objects.select_for_update(skip_locked=True, of=("self",)).filter(pk=key).first()
        if send_out is None or send_out.state not in SendOut.OVER or send_out.rows_deleted_at is not None:
            return False
        send_out.counters = queries.summary(send_out)
        send_out.rows_deleted_at = timezone.now()
        send_out.save(update_fields=["counters", "rows_deleted_at"])
    return True


def delete_rows(key: str) -> None:
    """Also the batches: their texts may hold names."""
    contacted.remember(key)
    recipients, engagements = Recipient._meta.db_table, Engagement._meta.db_table
    deleted = ROWS
    while deleted == ROWS:
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(
                f"SELECT id FROM {recipients} WHERE send_out_id = %s ORDER BY id LIMIT %s FOR UPDATE",
                [key, ROWS],
            )
            rows = [row for (row,) in cursor.fetchall()]
            cursor.execute(f"DELETE FROM {engagements} WHERE recipient_id = ANY(%s)", [rows])
            cursor.execute(f"DELETE FROM {recipients} WHERE id = ANY(%s)", [rows])
            deleted = len(rows)
    SendOut.objects.get(pk=key).batches.all().delete()
    WebhookReceipt.objects.filter(task=key).delete()
