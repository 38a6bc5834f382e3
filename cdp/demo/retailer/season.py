"""When people buy: the year's peaks, the week, and the hours of the day."""

from __future__ import annotations

from datetime import date, timedelta

from cdp.demo.retailer.dice import spread
from cdp.demo.retailer.profiles import HISTORY_DAYS, first_day

SLOTS_PER_DAY = 12
SPRING_FESTIVAL = {2023: (1, 22), 2024: (2, 10), 2025: (1, 29), 2026: (2, 17), 2027: (2, 6), 2028: (1, 26)}
WEEK = (0.93, 0.9, 0.92, 0.96, 1.05, 1.16, 1.08)
HOURS = (1, 0.5, 0.3, 0.2, 0.2, 0.4, 1, 2, 3, 4, 5, 5, 6, 5, 4.5, 4.5, 4.5, 5, 6, 7, 9, 10, 8, 4)


def weight(day: date) -> float:
    """How much is bought on a day, 1 being usual."""
    factor = WEEK[day.weekday()]
    if (day.month, day.day) in ((6, 18), (11, 11)):
        return factor * 5
    if date(day.year, 6, 10) <= day <= date(day.year, 6, 19) or date(day.year, 11, 4) <= day <= date(
        day.year, 11, 12
    ):
        return factor * 1.8
    if day.year in SPRING_FESTIVAL:
        before = (date(day.year, *SPRING_FESTIVAL[day.year]) - day).days
        if 3 <= before <= 20:
            return factor * 1.7
        if -6 <= before <= 2:
            return factor * 0.5
    return factor


def day_slots(as_of: date) -> list[int]:
    """The day of each of HISTORY_DAYS * SLOTS_PER_DAY equal parts of the business done."""
    weights = [weight(first_day(as_of) + timedelta(days=number)) for number in range(HISTORY_DAYS)]
    total, passed, slots = sum(weights), 0.0, []
    for day, share in enumerate(weights):
        passed += share
        slots += [day] * (round(HISTORY_DAYS * SLOTS_PER_DAY * passed / total) - len(slots))
    return slots


def is_warm(day_expression: str, as_of: date) -> str:
    """SQL: whether a day number lies between March and August."""
    return f"month(DATE '{first_day(as_of)}' + ({day_expression})::INTEGER) BETWEEN 3 AND 8"


HOUR_SLOTS = [int(hour) for hour in spread({str(hour): share for hour, share in enumerate(HOURS)})]
