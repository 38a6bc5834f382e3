"""When hours of the day next begin and end, compared with looking at a clock minute by minute."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from marketing.delivery import windows
from marketing.delivery.windows import Hours, next_span

MINUTE = timedelta(minutes=1)
# With and without summer time, by half an hour (Lord Howe), at midnight (Beirut), odd offsets, a day that was left out.
ZONES = (
    "Europe/London",
    "America/New_York",
    "Australia/Lord_Howe",
    "Asia/Beirut",
    "Asia/Kathmandu",
    "Asia/Shanghai",
    "America/Santiago",
    "Africa/Casablanca",
)
CHANGES = [
    datetime(2026, 3, 8, tzinfo=UTC),
    datetime(2026, 3, 29, tzinfo=UTC),
    datetime(2026, 4, 4, tzinfo=UTC),
    datetime(2026, 10, 3, tzinfo=UTC),
    datetime(2026, 10, 25, tzinfo=UTC),
    datetime(2026, 11, 1, tzinfo=UTC),
    datetime(2026, 6, 15, tzinfo=UTC),
]


def reference(
    hours: Hours, zone: ZoneInfo, after: datetime, until: datetime
) -> tuple[datetime, datetime] | None:
    """Look at the wall clock of every minute."""

    def shows(moment: datetime) -> bool:
        clock = moment.astimezone(zone)
        minute = clock.hour * 60 + clock.minute

        def inside(start: time, end: time) -> bool:
            first, last = start.hour * 60 + start.minute, end.hour * 60 + end.minute
            return any(first <= at < last + (1440 if last < first else 0) for at in (minute, minute + 1440))

        return inside(hours.start, hours.end) and not (hours.quiet and inside(*hours.quiet))

    begin = after
    while not shows(begin):
        begin += MINUTE
        if begin >= until:
            return None
    end = begin
    while shows(end) and end < until + timedelta(days=2):
        end += MINUTE
    return begin, end


_clocks = st.builds(time, st.integers(0, 23), st.integers(0, 59))
_pairs = st.tuples(_clocks, _clocks).filter(lambda pair: pair[0] != pair[1])


@settings(max_examples=150, deadline=None)
@given(
    pair=_pairs,
    quiet=st.none() | _pairs,
    zone=st.sampled_from(ZONES),
    day=st.sampled_from(CHANGES),
    minutes=st.integers(-1440, 1440),
    wait=st.integers(1, 48),
)
def test_hours_begin_and_end_when_the_persons_clock_says_so(
    pair: tuple[time, time], quiet: Any, zone: str, day: datetime, minutes: int, wait: int
) -> None:
    hours, clock, after = Hours(*pair, quiet), ZoneInfo(zone), day + minutes * MINUTE
    until = after + timedelta(hours=wait)
    assert next_span(hours, clock, after, until) == reference(hours, clock, after, until)


def test_hours_that_the_clock_jumps_over_are_those_of_the_next_day() -> None:
    """In London at 1:00 of 29 March the clock is put to 2:00."""
    hours, after = Hours(time(1, 15), time(1, 45)), datetime(2026, 3, 28, 12, tzinfo=UTC)
    span = next_span(hours, ZoneInfo("Europe/London"), after, after + timedelta(hours=48))
    assert span == (datetime(2026, 3, 30, 0, 15, tzinfo=UTC), datetime(2026, 3, 30, 0, 45, tzinfo=UTC))
    assert next_span(hours, ZoneInfo("Europe/London"), after, after + timedelta(hours=24)) is None


@pytest.mark.parametrize(
    ("value", "name"),
    [
        ("Europe/Paris", "Europe/Paris"),
        (" europe/paris ", "Europe/Paris"),
        (["Asia/Tokyo"], "Asia/Tokyo"),
        ("UTC", "UTC"),
        ("+08:00", "+08:00"),
        ("+8", "+08:00"),
        ("UTC+5:30", "+05:30"),
        ("gmt-0330", "-03:30"),
        (8, "+08:00"),
        (Decimal("-3.5"), "-03:30"),
        (5.75, "+05:45"),
        ("+15", ""),
        (15, ""),
        (float("nan"), ""),
        (True, ""),
        ("Paris", ""),
        ("../../etc/passwd", ""),
        (["Asia/Tokyo", "Europe/Paris"], ""),
        ("", ""),
        (None, ""),
    ],
)
def test_a_tag_names_a_zone_or_an_offset_or_none(value: Any, name: str) -> None:
    assert windows.zone_name(value) == name
    assert not name or windows.clock_of(name).utcoffset(datetime(2026, 1, 1)) is not None


@pytest.mark.parametrize(
    "window",
    [
        [],
        {"start": "09:00"},
        {"start": "9:00", "end": "20:00"},
        {"start": "09:00", "end": "09:00"},
        {"start": "09:00", "end": "24:00"},
        {"start": "09:00", "end": "20:00", "hours": 0},
        {"start": "09:00", "end": "20:00", "hours": True},
        {"start": "09:00", "end": "20:00", "tag": "zone"},
        {"start": "09:00", "end": "20:00", "zone": "UTC"},
    ],
)
def test_what_is_no_window_is_refused(window: Any) -> None:
    assert windows.problems(window)
