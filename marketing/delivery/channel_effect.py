"""The effect of mails or SMS over some days: totals, the course by day, and each send-out.

A send-out's figures count for the day on which it started, so that the days add up to the totals.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from datetime import date
from typing import Any

from django.http import Http404

from admin_center.audit.services import log_download
from cdp.core.access import Access
from marketing.channels.models import Provider
from marketing.delivery import channel_figures, periods
from marketing.delivery.periods import Period

MOST_DAYS = 366
UNITS = ("people", "segments")
SERIES = {
    Provider.Channel.SMS: ("sent", "delivered", "failed"),
    Provider.Channel.EMAIL: ("sent", "delivered", "failed", "invalid"),
}


def period(access: Access, first: date | None = None, last: date | None = None) -> Period:
    """The last seven days where nothing is given; at most a year. Raises ValidationFailed."""
    return periods.period(access, first, last, most=MOST_DAYS)


def series(channel: str) -> tuple[str, ...]:
    """What is counted on the channel. Raises Http404 for one that is counted elsewhere."""
    if channel not in SERIES:
        raise Http404
    return SERIES[Provider.Channel(channel)]


def effect(
    access: Access, channel: str, days: Period, *, provider: str = "", unit: str = "people"
) -> dict[str, Any]:
    """`totals`, `by_day`, of at most two days `by_hour`, and each of `send_outs`, in people or in SMS segments."""
    names = series(channel)
    access.require(f"marketing.{channel}.view")
    rows = list(periods.started_in(access, channel, days, provider))
    figures = {
        key: found[unit] for key, found in channel_figures.of_all(rows, weighed=unit == "segments").items()
    }
    shown = [(row, {name: figures[row.pk][name] for name in names}) for row in rows]
    return {**periods.summed(access, days, rows, figures, names), "send_outs": shown}


def as_csv(
    access: Access, channel: str, days: Period, *, provider: str = "", unit: str = "people"
) -> Iterator[bytes]:
    """The course by day, of at most two days by hour; the download is logged."""
    found = effect(access, channel, days, provider=provider, unit=unit)
    names, course = series(channel), found.get("by_hour") or found["by_day"]
    begins = "hour" if "by_hour" in found else "day"
    log_download(
        access,
        access.workspace,
        action="send_out.effect_downloaded",
        rows=len(course),
        unmasked=False,
    )
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow([begins, *names])
    for row in course:
        writer.writerow([row[begins].isoformat(), *(row[name] for name in names)])
    return iter([("\ufeff" + out.getvalue()).encode()])
