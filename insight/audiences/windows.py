"""Time windows: absolute, relative to the day of computation, or whole calendar units.

All days are whole days of the workspace, ends included. Stored times are local times of the workspace without a zone,
so a window never needs one. "Today" is fixed once per computation by the caller.
"""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Annotated, Any, Literal

from django.utils.translation import gettext as _
from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator

from insight.audiences.limits import MAX_DAYS, MAX_OFFSET

Unit = Literal["day", "week", "month", "quarter", "year"]


class Strict(BaseModel):
    """A part of a rule: unknown fields are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


_MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}([T ]\d{2}:\d{2}(:\d{2}(\.\d{1,6})?)?)?")


def parse_moment(value: Any) -> date | datetime:
    """A date ("2026-03-01") or local date and time ("2026-03-01T08:30:00"); raises ValueError for anything else."""
    if isinstance(value, str) and re.search(r"(Z|[+-]\d{2}:?\d{2})$", value[10:]):
        raise ValueError(_("Give the time without a zone: it is read in the workspace's time zone."))
    if not isinstance(value, str) or not _MOMENT.fullmatch(value):
        raise ValueError(_("Give a date such as 2026-03-01, or a date and time such as 2026-03-01T08:30:00."))
    try:
        return date.fromisoformat(value) if len(value) == 10 else datetime.fromisoformat(value)
    except ValueError:
        raise ValueError(_("There is no such day or time.")) from None


Moment = date | datetime


class AnyTime(Strict):
    kind: Literal["any"]


class Between(Strict):
    """From … to, both included; days are whole days."""

    kind: Literal["between"]
    from_: Moment = Field(alias="from")
    to: Moment

    _parse = field_validator("from_", "to", mode="before")(parse_moment)

    @model_validator(mode="after")
    def _ordered(self) -> Between:
        if not in_order(self.from_, self.to):
            raise ValueError(_("The window ends before it begins."))
        return self


class Before(Strict):
    """Earlier than the day, or than the moment."""

    kind: Literal["before"]
    at: Moment

    _parse = field_validator("at", mode="before")(parse_moment)


class After(Strict):
    """Later than the day, or than the moment."""

    kind: Literal["after"]
    at: Moment

    _parse = field_validator("at", mode="before")(parse_moment)


class LastDays(Strict):
    """The whole days before today; with `include_today`, ending today."""

    kind: Literal["last_days"]
    days: int = Field(ge=1, le=MAX_DAYS, strict=True)
    include_today: bool = Field(default=False, strict=True)


class NextDays(Strict):
    """The whole days after today; with `include_today`, beginning today."""

    kind: Literal["next_days"]
    days: int = Field(ge=1, le=MAX_DAYS, strict=True)
    include_today: bool = Field(default=False, strict=True)


def near_offset(offset: int, info: ValidationInfo) -> int:
    """The offset, unless it leads more than a hundred years away."""
    most = MAX_OFFSET.get(info.data.get("unit", ""), MAX_OFFSET["day"])
    if abs(offset) > most:
        raise ValueError(_("Give at most %(most)d in this unit.") % {"most": most})
    return offset


class Period(Strict):
    """A whole calendar unit: this one (0), the last (-1), the next (1) … Weeks begin on Monday."""

    kind: Literal["period"]
    unit: Unit
    offset: int = Field(default=0, strict=True)

    _near = field_validator("offset")(near_offset)


class Shift(Strict):
    """A calendar shift of today."""

    unit: Unit
    offset: int = Field(strict=True)

    _near = field_validator("offset")(near_offset)


class Relative(Strict):
    """From today shifted by one amount to today shifted by another, both days included."""

    kind: Literal["relative"]
    from_: Shift = Field(alias="from")
    to: Shift


Window = Annotated[
    AnyTime | Between | Before | After | LastDays | NextDays | Period | Relative, Field(discriminator="kind")
]
WINDOW_KINDS = frozenset(
    {"any", "between", "before", "after", "last_days", "next_days", "period", "relative"}
)


@dataclass(frozen=True)
class Bounds:
    """A half-open or closed stretch of local time; None means open on that side."""

    lower: datetime | None = None
    upper: datetime | None = None
    lower_included: bool = True
    upper_included: bool = False


def start_of(moment: Moment) -> datetime:
    """The moment itself, or the first instant of the day."""
    return moment if isinstance(moment, datetime) else datetime.combine(moment, time())


def end_of(moment: Moment) -> tuple[datetime, bool]:
    """Where the moment or the day ends, and whether that instant still belongs to it."""
    if isinstance(moment, datetime):
        return moment, True
    if moment == date.max:
        return datetime.max, True
    return start_of(moment + timedelta(days=1)), False


def in_order(first: Moment, last: Moment) -> bool:
    """Whether something lies between the beginning of the one and the end of the other."""
    start, (end, included) = start_of(first), end_of(last)
    return start < end or (included and start == end)


def _days(first: date, last: date) -> Bounds:
    return Bounds(start_of(first), start_of(last + timedelta(days=1)))


def shift(day: date, offset: int, unit: Unit) -> date:
    """`day` moved by calendar units; a day that the target month lacks becomes that month's last day."""
    if unit in ("day", "week"):
        return day + timedelta(days=offset * (7 if unit == "week" else 1))
    months = day.year * 12 + day.month - 1 + offset * {"month": 1, "quarter": 3, "year": 12}[unit]
    year, month = divmod(months, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def period_of(day: date, unit: Unit) -> tuple[date, date]:
    """First and last day of the calendar unit that holds `day`."""
    if unit == "day":
        return day, day
    if unit == "week":
        first = day - timedelta(days=day.weekday())
        return first, first + timedelta(days=6)
    first_month = {"month": day.month, "quarter": (day.month - 1) // 3 * 3 + 1, "year": 1}[unit]
    first = date(day.year, first_month, 1)
    return first, shift(first, 1, unit) - timedelta(days=1)


def bounds(window: Any, today: date) -> Bounds:
    """The stretch of local time that a window means on the given day."""
    match window:
        case AnyTime():
            return Bounds()
        case Between(from_=first, to=last):
            end, included = end_of(last)
            return Bounds(start_of(first), end, upper_included=included)
        case Before(at=at):
            return Bounds(upper=start_of(at))
        case After(at=at):
            end, included = end_of(at)
            return Bounds(lower=end, lower_included=not included)
        case LastDays(days=days, include_today=include_today):
            last_day = today if include_today else today - timedelta(days=1)
            return _days(last_day - timedelta(days=days - 1), last_day)
        case NextDays(days=days, include_today=include_today):
            first_day = today if include_today else today + timedelta(days=1)
            return _days(first_day, first_day + timedelta(days=days - 1))
        case Period(unit=unit, offset=offset):
            first_of_unit, _last = period_of(today, unit)
            return _days(*period_of(shift(first_of_unit, offset, unit), unit))
        case Relative(from_=begin, to=end):
            return _days(shift(today, begin.offset, begin.unit), shift(today, end.offset, end.unit))
    raise TypeError(f"Unknown window {window!r}")


def anniversaries(today: date, days: int) -> list[int]:
    """Month and day (as month × 100 + day) of today and the following `days` days.

    People born on 29 February have their day on the 28th where the year has no 29th.
    """
    found = []
    for offset in range(min(days, 366) + 1):
        day = today + timedelta(days=offset)
        found.append(day.month * 100 + day.day)
        if (day.month, day.day) == (2, 28) and not calendar.isleap(day.year):
            found.append(229)
    return list(dict.fromkeys(found))
