"""Rules of when a send-out leaves: once or again and again, and in which hours of people's days."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from cdp.core.errors import ValidationFailed
from insight.audiences import queries as audiences
from marketing.delivery import recurrence, windows
from marketing.delivery.models import SendOut


def checked(send_out: SendOut, values: dict[str, Any]) -> dict[str, Any]:
    """The values with a recurrence in its stored form.

    Raises ValidationFailed: also where the recurrence would be taken from a send-out that has run.
    """
    if "recurrence" not in values:
        return values
    wanted = recurrence.check(values["recurrence"])
    if not wanted and send_out.recurrence and send_out.runs.exists():
        message = _("It has run already, so it goes on repeating. Copy it to send the message once.")
        raise ValidationFailed(message, errors={"recurrence": [message]})
    if wanted and send_out.plan_id is not None:
        message = _("It is one run of a send-out that repeats.")
        raise ValidationFailed(message, errors={"recurrence": [message]})
    return {**values, "recurrence": wanted, **({"scheduled_at": None} if wanted else {})}


def window_problems(send_out: SendOut) -> list[str]:
    """What keeps the window from being saved."""
    window = send_out.window
    found = windows.problems(window)
    if found or not window or not window.get("tag") or send_out.resend_of_id is not None:
        return found
    usable = send_out.audience is not None and audiences.can_read_tag(
        send_out.audience, window["dataset"], window["tag"], owner=send_out.owner
    )
    return [] if usable else [_("The tag that holds the time zone is not there.")]


def check_once(send_out: SendOut, *, asked: bool) -> None:
    """Raises ValidationFailed where one that repeats is asked to leave at a single moment, or has none left."""
    if not send_out.recurrence:
        return
    message = recurrence.problem(send_out)
    if asked:
        message = _("It repeats. Take the repetition away to send it once.")
    if message:
        raise ValidationFailed(message, errors={"recurrence": [message]})
