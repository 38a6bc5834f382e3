"""Starting send-outs whose time has come, and letting running ones wait."""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction
from django.db.models import Exists, F, OuterRef, Value
from django.db.models.functions import Coalesce, Concat
from django.utils import timezone
from django.utils.translation import gettext as _

from cdp.core.errors import ValidationFailed
from cdp.jobs import start_job
from cdp.jobs.models import Job
from marketing.delivery import lateness, lifecycle
from marketing.delivery.contact_policy import Held
from marketing.delivery.models import SendOut

KEY = "send_out:"
FARTHEST = timedelta(days=365)
ORPHANED_AFTER = timedelta(minutes=1)


def check_time(send_out: SendOut) -> None:
    """Raises ValidationFailed where the time is over, too soon or too far."""
    moment, now, lead = send_out.scheduled_at, timezone.now(), lifecycle.lead_of(send_out)
    if moment is None:
        return
    message = ""
    if moment < now:
        message = _("This time is over. Choose a later one, or send now.")
    elif moment < now + lead:
        message = _("At least %(minutes)d minutes ahead; or send now.") % {
            "minutes": lead.total_seconds() // 60
        }
    elif moment > now + FARTHEST:
        message = _("At most a year ahead.")
    if message:
        raise ValidationFailed(message, errors={"scheduled_at": [message]})


def start_due() -> int:
    """Start every waiting send-out that is due, and those that were left without a job; returns how many.

    One that is later than the workspace tolerates (the system was down) is dealt with as the workspace chose.
    """
    started = 0
    now = timezone.now()
    with transaction.atomic():
        rows = SendOut.objects.select_for_update(skip_locked=True, of=("self",)).select_related(
            "workspace", "owner"
        )
        due = rows.annotate(due=Coalesce("held_until", "scheduled_at")).filter(
            state=SendOut.State.WAITING, due__lte=now
        )
        for send_out in due:
            if lateness.may_start(send_out, send_out.due, now):
                begin(send_out)
                started += 1
        jobs = Job.objects.filter(
            dedupe_key=Concat(Value(KEY), OuterRef("pk")),
            workspace=OuterRef("workspace"),
            status__in=Job.ACTIVE,
        )
        orphans = rows.filter(state=SendOut.State.SENDING, updated_at__lt=now - ORPHANED_AFTER)
        for orphan in orphans.exclude(Exists(jobs)):
            begin(orphan)
            started += 1
    return started


def begin(send_out: SendOut) -> None:
    """Set it sending and queue its job. Call inside a transaction that holds the row's lock."""
    send_out.state, send_out.state_reason, send_out.held_until = SendOut.State.SENDING, "", None
    send_out.started_at = send_out.started_at or timezone.now()
    send_out.finished_at = None
    send_out.save(
        update_fields=[
            "state",
            "state_reason",
            "held_until",
            "failing_since",
            "started_at",
            "finished_at",
            "updated_at",
        ]
    )
    start_job(
        "send_out.run",
        workspace=send_out.workspace,
        owner=send_out.owner,
        params={"send_out": send_out.pk},
        subject=send_out,
        title=send_out.name,
        dedupe_key=f"{KEY}{send_out.pk}",
    )


def active_job(send_out: SendOut) -> Job | None:
    """The job that carries it out right now."""
    key = f"{KEY}{send_out.pk}"
    return Job.objects.filter(workspace=send_out.workspace, dedupe_key=key, status__in=Job.ACTIVE).first()


def hold(send_out: SendOut, held: Held) -> None:
    """Let a running send-out wait; whoever has not got the message stays queued."""
    SendOut.objects.filter(pk=send_out.pk, state=SendOut.State.SENDING).update(
        state=SendOut.State.WAITING,
        state_reason=held.reason,
        held_until=held.until,
        edit_version=F("edit_version") + 1,
        updated_at=timezone.now(),
    )
