"""What may be done with a send-out in which state, and until when.

| State | Edit | Delete |
|---|---|---|
| answer to replies | no | as others |
| draft, rejected in review | yes | yes |
| in review | yes | no: stop it |
| waiting, nobody written to | until `EDIT_LEAD` before it leaves | the same |
| repeating | until `EDIT_LEAD` before its next run | no: stop it |
| repeating, paused | yes | no: stop it |
| repeated, with runs | as its state says | once its runs are removed |
| waiting for approval, late, nobody written to | yes | yes |
| sending, paused, waiting with people written to | no | no |
| failed, nobody written to | yes | yes |
| stopped, nobody written to | no: copy it | yes |
| failed, stopped or finished with people written to | no | once its recipients are no longer kept; by webhook at once |

Callers hold the row's lock, so that nothing starts between the look and the change.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.utils import timezone
from django.utils.translation import gettext as _

from cdp.core.errors import Conflict
from marketing.channels.models import Provider
from marketing.delivery.models import Recipient, SendOut

EDIT_LEAD = {
    Provider.Channel.SMS: timedelta(minutes=5),
    Provider.Channel.EMAIL: timedelta(minutes=10),
    Provider.Channel.PUSH: timedelta(minutes=1),
    Provider.Channel.CUSTOM: timedelta(minutes=10),
}
"""How long before it leaves a waiting send-out is fixed; it cannot be scheduled for sooner either."""
_States = SendOut.State
_UNTOUCHED = [Recipient.State.QUEUED, *Recipient.WITHOUT_MESSAGE, Recipient.State.CANCELLED]


def lead_of(send_out: SendOut) -> timedelta:
    return EDIT_LEAD[Provider.Channel(send_out.channel)]


def due_at(send_out: SendOut) -> datetime | None:
    """When a waiting send-out leaves by itself, or the next run of one that repeats."""
    if send_out.state == _States.REPEATING:
        return send_out.next_run_at
    return send_out.held_until or send_out.scheduled_at


def is_untouched(send_out: SendOut) -> bool:
    """Whether nobody has been written to, as far as the ledger can tell."""
    if send_out.rows_deleted_at is not None:
        return False
    return send_out.resolved_at is None or not send_out.recipients.exclude(state__in=_UNTOUCHED).exists()


def is_too_close(send_out: SendOut, now: datetime | None = None) -> bool:
    """Whether a waiting send-out leaves too soon to be changed."""
    due = due_at(send_out)
    waits = send_out.state in (_States.WAITING, _States.REPEATING) and due is not None
    return waits and due - (now or timezone.now()) <= lead_of(send_out)  # type: ignore[operator]


def is_editable(send_out: SendOut) -> bool:
    return _is_at_rest(send_out) and is_untouched(send_out)


def looks_editable(send_out: SendOut, *, sent: int) -> bool:
    """The same of a row of a list whose number of messages is known, without asking for its recipients."""
    return _is_at_rest(send_out) and not sent and send_out.rows_deleted_at is None


def _is_at_rest(send_out: SendOut) -> bool:
    """Whether its state allows changes, as long as nobody has been written to."""
    paused_plan = send_out.state == _States.PAUSED and bool(send_out.recurrence)
    rests = send_out.state in SendOut.EDITABLE or paused_plan
    return rests and not is_too_close(send_out) and not send_out.origin


def looks_deletable(send_out: SendOut, *, sent: int) -> bool:
    """As `looks_editable`. Whether another one writes again to its failed, only the page looks up."""
    if send_out.state in (_States.APPROVAL, _States.LATE, _States.WAITING):
        return not sent and not is_too_close(send_out)
    gone = send_out.rows_deleted_at is not None or send_out.channel == Provider.Channel.CUSTOM
    return send_out.state not in SendOut.LIVE and (gone or not sent)


def is_startable(send_out: SendOut) -> bool:
    """Whether it can be sent or scheduled: a draft, or one rejected, or failed before anybody was written to."""
    fresh = send_out.state in (_States.DRAFT, _States.REJECTED, _States.FAILED) and is_untouched(send_out)
    return fresh and not send_out.origin


def can_resume(send_out: SendOut) -> bool:
    """Whether people are left who get the message when it goes on: after a pause, or after a failure on the way."""
    if send_out.state == _States.PAUSED:
        return True
    return (
        send_out.state == _States.FAILED
        and send_out.resolved_at is not None
        and send_out.recipients.filter(state=Recipient.State.QUEUED).exists()
    )


def is_deletable(send_out: SendOut) -> bool:
    return _delete_obstacle(send_out) is None


def check_edit(send_out: SendOut) -> None:
    """Raises Conflict with what keeps it from being changed."""
    if is_too_close(send_out) and is_untouched(send_out):
        raise _too_close(send_out)
    if not is_editable(send_out):
        raise Conflict(
            _("It has started; what is being sent can no longer be changed."), code="send_out_started"
        )


def check_delete(send_out: SendOut) -> None:
    """Raises Conflict with what keeps it from being deleted."""
    obstacle = _delete_obstacle(send_out)
    if obstacle is not None:
        raise obstacle


def _delete_obstacle(send_out: SendOut) -> Conflict | None:
    untouched = is_untouched(send_out)
    if send_out.state in (_States.APPROVAL, _States.LATE, _States.WAITING) and untouched:
        return _too_close(send_out) if is_too_close(send_out) else None
    if send_out.state in SendOut.LIVE:
        return Conflict(_("Stop it before you delete it."), code="send_out_live")
    # The customer's own system keeps what it has sent.
    kept = send_out.rows_deleted_at is None and send_out.channel != Provider.Channel.CUSTOM
    if not untouched and kept:
        return Conflict(
            _("People have got its message. It can be deleted once its recipients are no longer kept."),
            code="send_out_kept",
        )
    if send_out.runs.exists():
        return Conflict(
            _("It has run, and its runs belong to it. Remove these first."),
            code="send_out_has_runs",
        )
    if send_out.resends.exists():
        return Conflict(
            _("Another send-out writes again to those who failed here. Delete that one first."),
            code="send_out_resent",
        )
    return None


def _too_close(send_out: SendOut) -> Conflict:
    minutes = int(lead_of(send_out).total_seconds() // 60)
    return Conflict(
        _("It leaves in less than %(minutes)d minutes and is fixed now. You can still stop it.")
        % {"minutes": minutes},
        code="send_out_too_close",
    )
