"""Send-outs that are found long after their time, because the system stood still.

The workspace chooses how late is too late, and what happens then: it is sent all the same, it is not sent, or a person
decides.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from django.utils import translation
from django.utils.translation import gettext as _

from admin_center.organizations.settings import workspace_settings
from cdp.console import notices
from cdp.core import audit
from cdp.core.languages import language_of
from marketing.delivery import addresses
from marketing.delivery.models import SendOut

GRACE = timedelta(minutes=5)
"""A look every few seconds is never quite on time: so much is never called late."""


def may_start(send_out: SendOut, due: datetime, now: datetime) -> bool:
    """Whether a waiting send-out that was due starts now. Otherwise it is failed, or put to a person.

    Call with the row's lock.
    """
    wanted = workspace_settings(send_out.workspace).late
    if wanted.action == "send" or now - due <= max(GRACE, timedelta(hours=wanted.hours)):
        return True
    with translation.override(language_of(send_out.owner)):
        if wanted.action == "skip":
            skip(send_out, now)
        else:
            _ask(send_out)
    audit.record(
        None, "send_out.late", send_out, after={"state": send_out.state}, workspace=send_out.workspace
    )
    return False


def _ask(send_out: SendOut) -> None:
    """Let its owner decide."""
    send_out.state, send_out.held_until = SendOut.State.LATE, None
    send_out.state_reason = _("It missed its time: the system was down. Send it now, or skip it.")
    send_out.save(update_fields=["state", "state_reason", "held_until", "updated_at"])
    if send_out.owner is not None:
        notices.notify(
            send_out.workspace,
            send_out.owner,
            _("Late, please decide: %(name)s") % {"name": send_out.name},
            text=_("It missed its time. Send it now, or skip it."),
            url=addresses.page_of(send_out),
            level="warning",
        )


def skip(send_out: SendOut, now: datetime) -> None:
    """Fail it for having missed its time."""
    send_out.state, send_out.finished_at, send_out.held_until = SendOut.State.FAILED, now, None
    send_out.state_reason = _("Missed its time: the system was down. Check it and send it again.")
    send_out.save(update_fields=["state", "state_reason", "finished_at", "held_until", "updated_at"])
