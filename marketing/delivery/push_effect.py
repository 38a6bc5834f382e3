"""The effect of push messages over some days: totals, the course by day, and each send-out.

A send-out's figures count for the day on which it started, so that the days add up to the totals.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from django.utils.translation import gettext as _

from cdp.core import timezones
from cdp.core.access import Access
from cdp.core.errors import ValidationFailed
from insight.campaigns import links
from marketing.delivery import push_figures
from marketing.delivery.campaign_links import KIND
from marketing.delivery.models import SendOut

USUAL_DAYS, MOST_DAYS = 7, 60
TOTALS = ("sent", "received", "opened", "ignored")


@dataclass(frozen=True)
class Period:
    """Whole days of the workspace's calendar, both ends included."""

    first: date
    last: date

    @property
    def days(self) -> list[date]:
        return [self.first + timedelta(days=number) for number in range((self.last - self.first).days + 1)]


def period(access: Access, first: date | None = None, last: date | None = None) -> Period:
    """The last seven days where nothing is given. Raises ValidationFailed."""
    last = last or timezones.today(access.workspace)
    first = first or last - timedelta(days=USUAL_DAYS - 1)
    if not 0 <= (last - first).days < MOST_DAYS:
        message = _("Choose 1 to %(most)d days.") % {"most": MOST_DAYS}
        raise ValidationFailed(message, errors={"from": [message]})
    return Period(first, last)


def effect(access: Access, days: Period, *, provider: str = "") -> dict[str, Any]:
    """`totals`, `by_day` and `send_outs` with their figures: those started in the period, of one app or of all."""
    access.require("marketing.push.view")
    zone = timezones.zone(access.workspace)
    rows = (
        SendOut.objects.in_workspace(access.workspace)
        .filter(
            channel="push",
            started_at__gte=datetime.combine(days.first, time(), tzinfo=zone),
            started_at__lt=datetime.combine(days.last + timedelta(days=1), time(), tzinfo=zone),
        )
        .select_related("provider")
        .order_by("-started_at")
    )
    if provider:
        rows = rows.filter(provider=provider)
    found = list(links.with_names(KIND, rows))
    figures = push_figures.of_all(found)
    by_day: dict[date, dict[str, int]] = {day: dict.fromkeys(TOTALS, 0) for day in days.days}
    for row in found:
        assert row.started_at is not None
        day = by_day[row.started_at.astimezone(zone).date()]
        for name in TOTALS:
            day[name] += figures[row.pk][name] or 0
    return {
        "from": days.first,
        "to": days.last,
        "totals": {name: sum(day[name] for day in by_day.values()) for name in TOTALS},
        "by_day": [{"day": day, **counts} for day, counts in by_day.items()],
        "send_outs": [(row, figures[row.pk]) for row in found],
    }
