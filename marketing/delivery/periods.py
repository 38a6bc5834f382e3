"""Some whole days of the workspace's calendar, and the send-outs that started in them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from django.db.models import QuerySet
from django.utils.translation import gettext as _

from cdp.core import timezones
from cdp.core.access import Access
from cdp.core.errors import ValidationFailed
from marketing.delivery.models import SendOut

USUAL_DAYS = 7


@dataclass(frozen=True)
class Period:
    """Whole days of the workspace's calendar, both ends included."""

    first: date
    last: date

    @property
    def days(self) -> list[date]:
        return [self.first + timedelta(days=number) for number in range((self.last - self.first).days + 1)]


def period(access: Access, first: date | None, last: date | None, *, most: int) -> Period:
    """The last seven days where nothing is given. Raises ValidationFailed."""
    last = last or timezones.today(access.workspace)
    first = first or last - timedelta(days=min(USUAL_DAYS, last.toordinal()) - 1)
    if last.year >= 9999 or not 0 <= (last - first).days < most:
        message = _("Choose 1 to %(most)d days.") % {"most": most}
        raise ValidationFailed(message, errors={"from": [message]})
    return Period(first, last)


def started_in(access: Access, channel: str, days: Period, provider: str = "") -> QuerySet[SendOut]:
    """The channel's send-outs that started in these days, the latest first; of one provider or of all."""
    zone = timezones.zone(access.workspace)
    rows = (
        SendOut.objects.in_workspace(access.workspace)
        .filter(
            channel=channel,
            started_at__gte=datetime.combine(days.first, time(), tzinfo=zone),
            started_at__lt=datetime.combine(days.last + timedelta(days=1), time(), tzinfo=zone),
        )
        .select_related("provider", "template")
        .order_by("-started_at")
    )
    return rows.filter(provider=provider) if provider else rows


def summed(
    access: Access,
    days: Period,
    rows: Iterable[SendOut],
    figures: Mapping[str, Mapping[str, int | None]],
    names: Sequence[str],
) -> dict[str, Any]:
    """`from`, `to`, `totals` and `by_day` of the figures, which are by key; each counts for the day of its start."""
    by_day = {day: dict.fromkeys(names, 0) for day in days.days}
    for row in rows:
        day = by_day[day_of(access, row)]
        for name in names:
            day[name] += figures[row.pk][name] or 0
    return {
        "from": days.first,
        "to": days.last,
        "totals": {name: sum(day[name] for day in by_day.values()) for name in names},
        "by_day": [{"day": day, **counts} for day, counts in by_day.items()],
    }


def day_of(access: Access, send_out: SendOut) -> Any:
    """The day on which it started."""
    assert send_out.started_at is not None
    return send_out.started_at.astimezone(timezones.zone(access.workspace)).date()
