"""Campaigns by day and month."""

from __future__ import annotations

from calendar import Calendar, monthrange
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from cdp.core.access import Access
from insight.campaigns import rights
from insight.campaigns.models import Campaign

SHOWN = 5
"""Campaigns that a cell shows; the others are behind a count."""
MOST = 2000


@dataclass(frozen=True)
class Entry:
    """A campaign in a cell. `tone`: ended, main or sub, which is also its colour."""

    campaign: Campaign
    tone: str


@dataclass(frozen=True)
class Cell:
    """A day of a month, or a month of a year. `inside`: it belongs to what is shown, not to its margin."""

    day: date
    inside: bool
    is_today: bool
    entries: Sequence[Entry] = field(default_factory=list)

    @property
    def first(self) -> Sequence[Entry]:
        return self.entries[:SHOWN]

    @property
    def rest(self) -> Sequence[Entry]:
        return self.entries[SHOWN:]


def month(access: Access, year: int, number: int, today: date) -> list[list[Cell]]:
    """The weeks, Monday to Sunday, that touch a month; each day with the main and independent campaigns of it."""
    weeks = Calendar(firstweekday=0).monthdatescalendar(year, number)
    rows = between(access, weeks[0][0], weeks[-1][-1])
    return [
        [Cell(day, day.month == number, day == today, _on(rows, day, day, today)) for day in week]
        for week in weeks
    ]


def year(access: Access, number: int, today: date) -> list[Cell]:
    """The twelve months, each with the main and independent campaigns that touch it."""
    rows = between(access, date(number, 1, 1), date(number, 12, 31))
    cells = []
    for index in range(1, 13):
        first = date(number, index, 1)
        last = first + timedelta(days=monthrange(number, index)[1] - 1)
        is_now = first <= today <= last
        cells.append(Cell(first, True, is_now, _on(rows, first, last, today)))
    return cells


def between(access: Access, first: date, last: date) -> list[Campaign]:
    """Main and independent campaigns that touch the days from `first` to `last`, by their first day."""
    rows = rights.visible(access).filter(starts__lte=last, ends__gte=first, parent__isnull=True)
    return list(rows.select_related("owner").order_by("starts", "-is_main", "name")[:MOST])


def _on(rows: Sequence[Campaign], first: date, last: date, today: date) -> list[Entry]:
    return [Entry(row, tone(row, today)) for row in rows if row.starts <= last and row.ends >= first]


def tone(campaign: Campaign, today: date) -> str:
    if campaign.state_on(today) == Campaign.State.ENDED:
        return "ended"
    return "main" if campaign.is_main else "sub"
