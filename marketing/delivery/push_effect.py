"""The effect of push messages over some days: totals, the course by day, and each send-out.

A send-out's figures count for the day on which it started, so that the days add up to the totals.
"""

from __future__ import annotations

from datetime import date
from typing import Any

from cdp.core.access import Access
from insight.campaigns import links
from marketing.delivery import periods, push_figures
from marketing.delivery.campaign_links import KIND
from marketing.delivery.periods import Period

MOST_DAYS = 60
TOTALS = ("sent", "received", "opened", "ignored")


def period(access: Access, first: date | None = None, last: date | None = None) -> Period:
    """The last seven days where nothing is given. Raises ValidationFailed."""
    return periods.period(access, first, last, most=MOST_DAYS)


def effect(access: Access, days: Period, *, provider: str = "") -> dict[str, Any]:
    """`totals`, `by_day` and `send_outs` with their figures: those started in the period, of one app or of all."""
    access.require("marketing.push.view")
    found = list(links.with_names(KIND, periods.started_in(access, "push", days, provider)))
    figures = push_figures.of_all(found)
    summed = periods.summed(access, days, found, figures, TOTALS)
    return {**summed, "send_outs": [(row, figures[row.pk]) for row in found]}
