"""Writing to people in the hours of their own day: who may be written to now, and until when the others wait.

The ledger says of each queued person when their hours next begin and end. Times are set zone by zone, never person by
person: when the ledger is written, each time sending goes on, when quiet hours change, and when somebody's hours have
ended before their turn. Whoever is still queued when nobody may be written to any more makes the send-out wait for the
first of them.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import Count, Min, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext as _

from marketing.delivery import contact_policy, windows
from marketing.delivery.contact_policy import Held
from marketing.delivery.models import FilterReason, Recipient, SendOut

_QUEUED = Recipient.State.QUEUED


def ready(send_out: SendOut) -> QuerySet[Recipient]:
    """Queued recipients who may be written to now."""
    rows = Recipient.objects.filter(send_out=send_out, state=_QUEUED)
    return rows.filter(in_time()) if send_out.window else rows


def in_time() -> Q:
    now = timezone.now()
    return Q(not_before__lte=now, not_after__gt=now)


def _hours(send_out: SendOut) -> windows.Hours:
    """Quiet hours are read anew, and hold in each person's zone."""
    quiet = contact_policy.quiet_hours_of(send_out)
    return windows.hours_of(send_out.window, (quiet.start, quiet.end) if quiet else None)


def set_times(send_out: SendOut, hours: windows.Hours | None = None) -> datetime | None:
    """Say of everybody queued when their hours are, and leave out those whose hours do not come in time.

    Returns when the first hours end; None where nobody is left.
    """
    if not send_out.window:
        return None
    hours, now = hours or _hours(send_out), timezone.now()
    until = (send_out.started_at or now) + windows.validity(send_out.window)
    queued = Recipient.objects.filter(send_out=send_out, state=_QUEUED)
    ends = []
    for name in queued.order_by("zone").values_list("zone", flat=True).distinct():
        there = queued.filter(zone=name)
        span = windows.next_span(hours, windows.clock_of(name), now, until)
        if span is None:
            there.update(
                state=Recipient.State.FILTERED,
                reason=FilterReason.HOURS,
                batch=None,
                not_before=None,
                not_after=None,
            )
            continue
        begin, end = span
        ends.append(end)
        same = Q(not_after=end) & (Q(not_before__lte=now) if begin <= now else Q(not_before=begin))
        # Outside of their batch, which may leave today without them.
        there.exclude(same & Q(not_before__isnull=False)).update(not_before=begin, not_after=end, batch=None)
    return min(ends, default=None)


class Keeper:
    """Keeps the times right while a job sends."""

    def __init__(self, send_out: SendOut) -> None:
        self.send_out = send_out
        self.hours: windows.Hours | None = None
        self.until: datetime | None = None

    def keep(self) -> None:
        """Set the times anew where that is needed; cheap where it is not."""
        hours = _hours(self.send_out)
        if hours == self.hours and self.until is not None and timezone.now() < self.until:
            return
        self.until, self.hours = set_times(self.send_out, hours), hours

    def wait_for_the_rest(self) -> None:
        """Raises Held where people are left whose hours are still to come."""
        set_times(self.send_out)
        rows = Recipient.objects.filter(send_out=self.send_out, state=_QUEUED)
        first = rows.aggregate(first=Min("not_before"))["first"]
        if first is not None:
            raise Held(first, _("Waits for the hours of people in other time zones."))


def waiting(send_out: SendOut) -> list[dict[str, Any]]:
    """Who waits until when: [{"zone", "not_before", "local", "count"}], the first ones first."""
    if not send_out.window or send_out.state in SendOut.OVER:
        return []
    rows = Recipient.objects.filter(send_out=send_out, state=_QUEUED, not_before__gt=timezone.now())
    found = rows.values("zone", "not_before").annotate(count=Count("pk")).order_by("not_before", "zone")
    return [
        {**row, "local": local_time(row["zone"], row["not_before"])}  # type: ignore[arg-type]  # not null: see above
        for row in found
    ]


def local_time(zone: str, moment: datetime) -> str:
    """A moment as the clock of the zone shows it."""
    return moment.astimezone(windows.clock_of(zone)).strftime("%Y-%m-%d %H:%M")


def words(row: Recipient) -> str:
    """Of somebody queued, until when they wait; empty for others."""
    if row.state != _QUEUED or row.not_before is None or row.not_before <= timezone.now():
        return ""
    time = row.not_before.astimezone(windows.clock_of(row.zone)).strftime("%H:%M")
    return _("Waits until %(time)s in their time zone (%(zone)s)") % {"time": time, "zone": row.zone}
