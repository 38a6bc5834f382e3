"""Some whole days of the workspace's calendar, and the send-outs that started in them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from cdp.core import timezones
from cdp.core.access import Access
from cdp.core.errors import ValidationFailed
from marketing.delivery.models import SendOut

USUAL_DAYS = 7
HOURLY_DAYS = 2
"""So few days are shown hour by hour as well."""


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
    """The channel's send-outs that started in these days, the latest first; of one provider or of all.

    `provider` may also be an account, for all apps that it has.
    """
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
    if not provider:
        return rows
    return rows.filter(Q(provider=provider) | Q(provider__account_app__account=provider))


def summed(
    access: Access,
    days: Period,
    rows: Iterable[SendOut],
    figures: Mapping[str, Mapping[str, int | None]],
    names: Sequence[str],
) -> dict[str, Any]:
    """`from`, `to`, `totals` and `by_day` of the figures, which are by key; each counts for the day of its start.

    Of at most two days also `by_hour`, of the hours of their starts.
    """
    by_day = {day: dict.fromkeys(names, 0) for day in days.days}
    by_hour = {hour: dict.fromkeys(names, 0) for hour in _hours(access, days)}
    for row in rows:
        places = [by_day[day_of(access, row)]]
        if by_hour:
            places.append(by_hour[_hour_of(access, row)])
        for place in places:
            for name in names:
                place[name] += figures[row.pk][name] or 0
    zone = timezones.zone(access.workspace)
    hours = [{"hour": hour.astimezone(zone), **counts} for hour, counts in by_hour.items()]
    return {
        "from": days.first,
        "to": days.last,
        "totals": {name: sum(day[name] for day in by_day.values()) for name in names},
        "by_day": [{"day": day, **counts} for day, counts in by_day.items()],
        **({"by_hour": hours} if hours else {}),
    }


def _hours(access: Access, days: Period) -> list[datetime]:
    """The beginnings of the hours of at most two days; none of more. A changed clock makes a day of 23 or 25."""
    if len(days.days) > HOURLY_DAYS:
        return []
    zone = timezones.zone(access.workspace)
    first, after = (
        datetime.combine(day, time(), tzinfo=zone).astimezone(UTC)
        for day in (days.first, days.last + timedelta(days=1))
    )
    count = int((after - first) / timedelta(hours=1))
    return [first + timedelta(hours=number) for number in range(count)]


def _hour_of(access: Access, send_out: SendOut) -> datetime:
    assert send_out.started_at is not None
    local = send_out.started_at.astimezone(timezones.zone(access.workspace))
    return local.replace(minute=0, second=0, microsecond=0).astimezone(UTC)


def day_of(access: Access, send_out: SendOut) -> Any:
    """The day on which it started."""
    assert send_out.started_at is not None
    return send_out.started_at.astimezone(timezones.zone(access.workspace)).date()
