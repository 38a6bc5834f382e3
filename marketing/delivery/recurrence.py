"""When a send-out repeats.

A recurrence is a policy of `cdp.core.schedules` by day, week or month, with `start` and `end` (dates, both inclusive,
both optional), `runs` (how many there are at most, all together) and `only_new` (whoever has had the message from an
earlier run gets it no more). `{}` means none: the send-out leaves once.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _

from cdp.core import schedules
from cdp.core.errors import ValidationFailed
from cdp.core.timezones import zone
from marketing.delivery import lifecycle
from marketing.delivery.models import SendOut

CYCLES = ("day", "week", "month")
MOST_RUNS = 1_000
_OWN = ("start", "end", "runs", "only_new")


def check(given: Any) -> dict[str, Any]:
    """A recurrence in its stored form. Raises ValidationFailed with paths below `recurrence`."""
    if not given:
        return {}
    if not isinstance(given, dict):
        raise _wrong("", _("An object is needed here."))
    try:
        policy = schedules.check({name: given[name] for name in given if name not in _OWN}, CYCLES)
    except ValidationFailed as error:
        errors = {f"recurrence{path.removeprefix('refresh')}": found for path, found in error.errors.items()}
        raise ValidationFailed(str(error), errors=errors) from None
    first, last = (_day(given, name) for name in ("start", "end"))
    if first and last and last < first:
        raise _wrong("end", _("The last day is before the first."))
    runs = given.get("runs")
    if runs is not None and (type(runs) is not int or not 1 <= runs <= MOST_RUNS):
        raise _wrong("runs", _("Use a whole number from 1 to %(most)d.") % {"most": MOST_RUNS})
    only_new = given.get("only_new", False)
    if not isinstance(only_new, bool):
        raise _wrong("only_new", _("Use true or false."))
    own = {"start": first and first.isoformat(), "end": last and last.isoformat(), "runs": runs}
    return {**policy, **{name: value for name, value in own.items() if value}, "only_new": only_new}


def _day(given: dict[str, Any], name: str) -> date | None:
    value = given.get(name)
    if value in (None, ""):
        return None
    try:
        return date.fromisoformat(value)
    except (TypeError, ValueError):
        raise _wrong(name, _("Use a date such as 2026-01-31.")) from None


def _wrong(part: str, message: str) -> ValidationFailed:
    return ValidationFailed(message, errors={f"recurrence/{part}".rstrip("/"): [message]})


def next_time(send_out: SendOut, after: datetime) -> datetime | None:
    """The plan's first moment later than `after` (aware); None where there is none any more."""
    given, clock = send_out.recurrence, zone(send_out.workspace)
    if first := given.get("start"):
        midnight = datetime.combine(date.fromisoformat(first), time(), tzinfo=clock)
        after = max(after, midnight - timedelta(microseconds=1))
    due = schedules.next_time(given, send_out.workspace, after)
    last = given.get("end")
    if due is None or (last and due.astimezone(clock).date() > date.fromisoformat(last)):
        return None
    return due


def is_used_up(send_out: SendOut) -> bool:
    """Whether it has had all its runs."""
    most = send_out.recurrence.get("runs")
    return bool(most) and send_out.runs.count() >= most


def problem(send_out: SendOut) -> str:
    """What keeps a plan from repeating, in words."""
    if is_used_up(send_out):
        return _("It has had all its runs. Allow more of them, or make a copy.")
    if next_time(send_out, timezone.now() + lifecycle.lead_of(send_out)) is None:
        return _("There is no day left on which it could leave. Choose a later last day.")
    return ""


def begin(send_out: SendOut) -> None:
    """Let it repeat from now on. Call with the row's lock. Raises Conflict's kin where there is nothing to repeat."""
    if message := problem(send_out):
        raise ValidationFailed(message, errors={"recurrence": [message]})
    now = timezone.now()
    send_out.state, send_out.state_reason = SendOut.State.REPEATING, ""
    send_out.next_run_at = next_time(send_out, now + lifecycle.lead_of(send_out))
    send_out.started_at = send_out.started_at or now
    send_out.finished_at = None
    send_out.bump()
    send_out.save()


def describe(send_out: SendOut) -> str:
    """The recurrence in words; empty where it leaves once."""
    given = send_out.recurrence
    text = schedules.describe(given) if given else ""
    if given.get("start"):
        text += _(", from %(day)s") % {"day": given["start"]}
    if given.get("end"):
        text += _(", until %(day)s") % {"day": given["end"]}
    if given.get("runs"):
        text += _(", at most %(count)d times") % {"count": given["runs"]}
    return text
