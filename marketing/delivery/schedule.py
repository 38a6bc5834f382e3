"""Starting send-outs whose time has come."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from cdp.jobs import start_job
from marketing.delivery.models import SendOut


def start_due() -> int:
    """Start every waiting send-out that is due; returns how many.

    One that is later than the tolerance (the system was down) is not sent by surprise: it fails and says why.
    """
    started = 0
    now = timezone.now()
    with transaction.atomic():
        due = SendOut.objects.select_for_update(skip_locked=True, of=("self",)).filter(
            state=SendOut.State.WAITING, scheduled_at__lte=now
        )
        for send_out in due.select_related("workspace", "owner"):
            if send_out.scheduled_at is not None and send_out.scheduled_at < now - timedelta(
                hours=settings.LATE_SEND_HOURS
            ):
                send_out.state, send_out.finished_at = SendOut.State.FAILED, now
                send_out.state_reason = _("Missed its time: the system was down. Check it and send it again.")
                send_out.save(update_fields=["state", "state_reason", "finished_at", "updated_at"])
            else:
                begin(send_out)
                started += 1
    return started


def begin(send_out: SendOut) -> None:
    """Set it sending and queue its job. Call inside a transaction that holds the row's lock."""
    send_out.state, send_out.state_reason = SendOut.State.SENDING, ""
    send_out.started_at = send_out.started_at or timezone.now()
    send_out.save(update_fields=["state", "state_reason", "started_at", "updated_at"])
    start_job(
        "send_out.run",
        workspace=send_out.workspace,
        owner=send_out.owner,
        params={"send_out": send_out.pk},
        subject=send_out,
        title=send_out.name,
        dedupe_key=f"send_out:{send_out.pk}",
    )
