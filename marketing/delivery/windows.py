"""Hours of the day in which people get a message, by their own clocks.

A window is `{"start": "09:00", "end": "20:00"}`, with `dataset` and `tag` where a tag says in which time zone people
live, and `hours` (24 unless given): whoever's hours do not come within so many hours from the start gets nothing.
Hours may reach over midnight. Without a tag, and for people whose tag says nothing usable, the workspace's zone counts.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, timezone, tzinfo
from decimal import Decimal
from functools import cache
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

from django.utils.translation import gettext as _

LONGEST = 168
DEFAULT_HOURS = 24
FIELDS = ("start", "end", "dataset", "tag", "hours")
_CLOCK = re.compile(r"(?:[01][0-9]|2[0-3]):[0-5][0-9]")
_OFFSET = re.compile(r"(?:UTC|GMT)?\s*([+\-−])\s*(\d{1,2})(?::?([0-5]\d))?", re.IGNORECASE)
_EASTMOST, _WESTMOST = 14 * 60, -12 * 60
_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True)
class Hours:
    """From `start` until before `end`, on every day of a clock, without the quiet hours."""

    start: time
    end: time
    quiet: tuple[time, time] | None = None

    def hold(self, clock: time) -> bool:
        """Whether a clock that shows this is within the hours."""
        return _within(clock, self.start, self.end) and not (self.quiet and _within(clock, *self.quiet))

    @property
    def bounds(self) -> tuple[time, ...]:
        return (self.start, self.end, *(self.quiet or ()))


def _within(clock: time, start: time, end: time) -> bool:
    return start <= clock < end if start <= end else clock >= start or clock < end


def next_span(
    hours: Hours, zone: tzinfo, after: datetime, until: datetime
) -> tuple[datetime, datetime] | None:
    """When the hours next hold from `after` on, and when they end: (begin, end) in UTC; None if not before `until`.

    A clock that is put forward may jump over the hours; one that is put back may show them twice.
    """
    after, begin = after.astimezone(UTC), None
    # One day more than is asked for, so that the end of what begins last is among the moments.
    for moment in _moments(hours, zone, after, until + timedelta(days=2)):
        holds = hours.hold(moment.astimezone(zone).time())
        if begin is None and holds:
            begin = moment
        elif begin is not None and not holds:
            return (begin, moment) if begin < until else None
        if begin is None and moment >= until:
            return None
    # Hours that never end, as far as was looked.
    return (begin, until + timedelta(days=2)) if begin is not None and begin < until else None


def _moments(hours: Hours, zone: tzinfo, after: datetime, until: datetime) -> Iterator[datetime]:
    """`after`, and every later moment at which the hours may begin or end: between two of them nothing changes."""
    found = {after}
    day, last = after.astimezone(zone).date() - timedelta(days=1), until.astimezone(zone).date()
    while day <= last:
        for bound in hours.bounds:
            for fold in (0, 1):
                found.add(datetime.combine(day, bound, tzinfo=zone).replace(fold=fold).astimezone(UTC))
        found |= _changes(zone, datetime.combine(day, time(), tzinfo=UTC))
        day += timedelta(days=1)
    yield from sorted(moment for moment in found if moment >= after)


def _changes(zone: tzinfo, start: datetime) -> set[datetime]:
    """When the clock is put forward or back in the 24 hours from `start` (UTC)."""
    low, high = start, start + timedelta(days=1)
    before = low.astimezone(zone).utcoffset()
    if high.astimezone(zone).utcoffset() == before:
        return set()
    while high - low > _MINUTE:
        middle = low + ((high - low) // _MINUTE // 2) * _MINUTE
        low, high = (middle, high) if middle.astimezone(zone).utcoffset() == before else (low, middle)
    return {high}


def hours_of(window: dict[str, Any], quiet: tuple[time, time] | None = None) -> Hours:
    return Hours(time.fromisoformat(window["start"]), time.fromisoformat(window["end"]), quiet)


def validity(window: dict[str, Any]) -> timedelta:
    """For how long after the start people are waited for."""
    return timedelta(hours=window.get("hours") or DEFAULT_HOURS)


def zone_name(value: Any) -> str:
    """The time zone that a tag's value names, in one form: an IANA name, or an offset (+08:00); empty for none.

    Offsets are `+8`, `UTC+8`, `GMT-03:30`, `+0800` or a number of hours.
    """
    if isinstance(value, list):
        value = value[0] if len(value) == 1 else None
    if isinstance(value, bool) or value is None:
        return ""
    if isinstance(value, int | float | Decimal):
        minutes = Decimal(str(value)) * 60
        return _offset(int(minutes)) if minutes.is_finite() and minutes == int(minutes) else ""
    text = str(value).strip()
    given = _OFFSET.fullmatch(text)
    if given is None:
        return _names().get(text.lower(), "")
    sign = 1 if given[1] == "+" else -1
    return _offset(sign * (int(given[2]) * 60 + int(given[3] or 0)))


def _offset(minutes: int) -> str:
    if not _WESTMOST <= minutes <= _EASTMOST:
        return ""
    return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}:{abs(minutes) % 60:02}"


@cache
def _names() -> dict[str, str]:
    return {name.lower(): name for name in available_timezones()}


def clock_of(name: str) -> tzinfo:
    """The time zone of a `zone_name`."""
    if name[0] not in "+-":
        return ZoneInfo(name)
    minutes = int(name[1:3]) * 60 + int(name[4:6])
    return timezone(timedelta(minutes=-minutes if name[0] == "-" else minutes))


def problems(window: Any) -> list[str]:
    """What keeps a window from being saved, apart from its tag."""
    if window == {}:
        return []
    if not isinstance(window, dict):
        return [_("An object is needed here.")]
    if unknown := sorted(map(str, set(window) - set(FIELDS))):
        return [_("There are no such fields: %(fields)s") % {"fields": ", ".join(unknown)}]
    clocks = [window.get("start"), window.get("end")]
    if not all(isinstance(clock, str) and _CLOCK.fullmatch(clock) for clock in clocks):
        return [_("Give the first and the last time of day as hh:mm.")]
    if clocks[0] == clocks[1]:
        return [_("The hours must not begin and end at the same time.")]
    hours = window.get("hours", DEFAULT_HOURS)
    if type(hours) is not int or not 1 <= hours <= LONGEST:
        return [_("Wait from 1 to %(most)d hours for people's hours.") % {"most": LONGEST}]
    names = [window.get("dataset", ""), window.get("tag", "")]
    if not all(isinstance(name, str) for name in names) or bool(names[0]) != bool(names[1]):
        return [_("Name the tag that holds the time zone by its dataset and its column.")]
    return []


def describe(window: dict[str, Any]) -> str:
    """The window in words; empty where there is none."""
    if not window:
        return ""
    if window.get("tag"):
        return _("Between %(start)s and %(end)s in each person's time zone") % window
    return _("Between %(start)s and %(end)s in the workspace's time zone") % window
