"""Policies of periodic work.

A policy is `{"every": "off"}`, `{"every": "hour", "hours": 6}` (counted from midnight),
`{"every": "day", "at": "05:00"}`, `{"every": "week", "weekday": 1, "at": "05:00"}` (Monday is 1) or
`{"every": "month", "day": 31, "at": "05:00"}` (the last day where the month is shorter). Times are those of the
workspace's clock.
"""

from __future__ import annotations

import re
from calendar import monthrange
from collections.abc import Iterable, Iterator
from datetime import date, datetime, time, timedelta
from typing import Any

from django.utils.dates import WEEKDAYS
from django.utils.translation import gettext as _

from cdp.core.errors import ValidationFailed
from cdp.core.timezones import zone

PARTS = {"off": (), "hour": ("hours",), "day": ("at",), "week": ("weekday", "at"), "month": ("day", "at")}
DEFAULTS: dict[str, Any] = {"hours": 6, "at": "05:00", "weekday": 1, "day": 1}
_CLOCK = re.compile(r"([01][0-9]|2[0-3]):[0-5][0-9]")
_RANGES = {"hours": 23, "weekday": 7, "day": 31}
DAYS_AHEAD = 62


def check(policy: Any, cycles: Iterable[str] = PARTS) -> dict[str, Any]:
    """A policy of one of the `cycles` in its stored form. Raises ValidationFailed with paths below `refresh`."""
    if not isinstance(policy, dict):
        raise ValidationFailed(errors={"refresh": [_("An object is needed here.")]})
    every = policy.get("every", "off")
    if not isinstance(every, str) or every not in cycles:
        raise wrong("every", _("Choose one of %(kinds)s.") % {"kinds": ", ".join(cycles)})
    for name in sorted(map(str, set(policy) - {"every", *PARTS[every]})):
        raise wrong(name, _("This field is not used here."))
    return {"every": every, **{name: _part(name, policy.get(name)) for name in PARTS[every]}}


def _part(name: str, value: Any) -> Any:
    if value is None:
        return DEFAULTS[name]
    if name == "at":
        if not isinstance(value, str) or not _CLOCK.fullmatch(value):
            raise wrong(name, _("Give the time as hh:mm."))
        return value
    if type(value) is not int or not 1 <= value <= _RANGES[name]:
        raise wrong(name, _("Use a whole number from 1 to %(most)d.") % {"most": _RANGES[name]})
    return value


def wrong(part: str, message: str) -> ValidationFailed:
    """A failure at a part of a policy."""
    return ValidationFailed(message, errors={f"refresh/{part}": [message]})


def describe(policy: dict[str, Any]) -> str:
    """The policy in words; empty where there is none."""
    every, values = policy.get("every"), {**policy, "time": policy.get("at")}
    if every == "hour":
        return _("Every %(hours)d hours") % values if policy["hours"] > 1 else _("Every hour")
    if every == "day":
        return _("Every day at %(time)s") % values
    if every == "week":
        return _("Every %(weekday)s at %(time)s") % {**values, "weekday": WEEKDAYS[policy["weekday"] - 1]}
    if every == "month":
        return _("Every month on day %(day)d at %(time)s") % values
    return ""


def next_time(policy: dict[str, Any], workspace: Any, after: datetime) -> datetime | None:
    """The first moment of the policy later than `after` (aware), by the workspace's clock; None where there is none."""
    if policy.get("every", "off") == "off":
        return None
    clock = zone(workspace)
    today = after.astimezone(clock).date()
    for number in range(DAYS_AHEAD):
        for moment in _moments(policy, today + timedelta(days=number)):
            due = datetime.combine(moment.date(), moment.time(), tzinfo=clock)
            if due > after:
                return due
    raise ValueError(f"This policy names no moment: {policy}")


def _moments(policy: dict[str, Any], day: date) -> Iterator[datetime]:
    """The local times of a day at which the policy wants a refresh."""
    if policy["every"] == "hour":
        for hour in range(0, 24, policy["hours"]):
            yield datetime.combine(day, time(hour))
        return
    if policy["every"] == "week" and day.isoweekday() != policy["weekday"]:
        return
    if policy["every"] == "month" and day.day != min(policy["day"], monthrange(day.year, day.month)[1]):
        return
    yield datetime.combine(day, time.fromisoformat(policy["at"]))
