"""Phrases that sentences about rules are made of: stretches of time, lists of values, numbers.

Every pattern is a whole phrase with named places, so that translations can order the parts as their language does.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime
from functools import reduce
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from insight.audiences import windows

SHOWN_VALUES = 5

_PERIOD = {
    ("day", 0): gettext_lazy("today"),
    ("day", -1): gettext_lazy("yesterday"),
    ("day", 1): gettext_lazy("tomorrow"),
    ("week", 0): gettext_lazy("this week"),
    ("week", -1): gettext_lazy("last week"),
    ("week", 1): gettext_lazy("next week"),
    ("month", 0): gettext_lazy("this month"),
    ("month", -1): gettext_lazy("last month"),
    ("month", 1): gettext_lazy("next month"),
    ("quarter", 0): gettext_lazy("this quarter"),
    ("quarter", -1): gettext_lazy("last quarter"),
    ("quarter", 1): gettext_lazy("next quarter"),
    ("year", 0): gettext_lazy("this year"),
    ("year", -1): gettext_lazy("last year"),
    ("year", 1): gettext_lazy("next year"),
}


def fold(pattern: str, parts: Iterable[str]) -> str:
    return reduce(lambda left, right: pattern % {"left": left, "right": right}, parts)


def window_words(window: Any) -> str:
    """A window in words that follow "is" or end a sentence, such as "in the last 7 days before today"."""
    match window:
        case windows.Between(from_=first, to=last):
            return _("between %(first)s and %(last)s") % {"first": plain(first), "last": plain(last)}
        case windows.Before(at=at):
            return _("before %(moment)s") % {"moment": plain(at)}
        case windows.After(at=at):
            return _("after %(moment)s") % {"moment": plain(at)}
        case windows.LastDays() | windows.NextDays():
            return _run_of_days(window)
        case windows.Period(unit=unit, offset=offset):
            named = _PERIOD.get((unit, offset))
            return str(named) if named is not None else _shifted(unit, offset)
        case windows.Relative(from_=begin, to=end):
            return _("from %(begin)s to %(end)s") % {
                "begin": shifted_day(begin.unit, begin.offset),
                "end": shifted_day(end.unit, end.offset),
            }
    return _("at any time")


def _run_of_days(window: windows.LastDays | windows.NextDays) -> str:
    back = isinstance(window, windows.LastDays)
    if window.days == 1:
        # No plural forms of these: they would share one entry of the catalogue, whatever follows from "today".
        return _("today") if window.include_today else _("yesterday") if back else _("tomorrow")
    pattern = {
        (True, True): _("in the %(days)d days up to today"),
        (True, False): _("in the %(days)d days before today"),
        (False, True): _("in the %(days)d days from today"),
        (False, False): _("in the %(days)d days after today"),
    }[back, window.include_today]
    return pattern % {"days": window.days}


def _shifted(unit: str, offset: int) -> str:
    """A whole calendar unit, two or more away from this one."""
    if offset < 0:
        pattern = {
            "day": ngettext("%(n)d day ago", "%(n)d days ago", -offset),
            "week": ngettext("in the week %(n)d week ago", "in the week %(n)d weeks ago", -offset),
            "month": ngettext("in the month %(n)d month ago", "in the month %(n)d months ago", -offset),
            "quarter": ngettext(
                "in the quarter %(n)d quarter ago", "in the quarter %(n)d quarters ago", -offset
            ),
            "year": ngettext("in the year %(n)d year ago", "in the year %(n)d years ago", -offset),
        }[unit]
        return pattern % {"n": -offset}
    pattern = {
        "day": ngettext("%(n)d day from now", "%(n)d days from now", offset),
        "week": ngettext("in the week %(n)d week from now", "in the week %(n)d weeks from now", offset),
        "month": ngettext("in the month %(n)d month from now", "in the month %(n)d months from now", offset),
        "quarter": ngettext(
            "in the quarter %(n)d quarter from now", "in the quarter %(n)d quarters from now", offset
        ),
        "year": ngettext("in the year %(n)d year from now", "in the year %(n)d years from now", offset),
    }[unit]
    return pattern % {"n": offset}


def shifted_day(unit: str, offset: int) -> str:
    """A single day, some calendar units away from today."""
    if not offset:
        return _("today")
    if offset < 0:
        pattern = {
            "day": ngettext("%(n)d day ago", "%(n)d days ago", -offset),
            "week": ngettext("%(n)d week ago", "%(n)d weeks ago", -offset),
            "month": ngettext("%(n)d month ago", "%(n)d months ago", -offset),
            "quarter": ngettext("%(n)d quarter ago", "%(n)d quarters ago", -offset),
            "year": ngettext("%(n)d year ago", "%(n)d years ago", -offset),
        }[unit]
        return pattern % {"n": -offset}
    pattern = {
        "day": ngettext("%(n)d day from now", "%(n)d days from now", offset),
        "week": ngettext("%(n)d week from now", "%(n)d weeks from now", offset),
        "month": ngettext("%(n)d month from now", "%(n)d months from now", offset),
        "quarter": ngettext("%(n)d quarter from now", "%(n)d quarters from now", offset),
        "year": ngettext("%(n)d year from now", "%(n)d years from now", offset),
    }[unit]
    return pattern % {"n": offset}


def values_words(values: Sequence[str], *, either: bool = True) -> str:
    """A list in words; the first few, and how many more, where it is long."""
    shown = list(values[:SHOWN_VALUES])
    more = len(values) - len(shown)
    comma = _("%(left)s, %(right)s")
    if more:
        pattern = ngettext("%(shown)s and %(more)d more", "%(shown)s and %(more)d more", more)
        return pattern % {"shown": fold(comma, shown), "more": more}
    if len(shown) == 1:
        return shown[0]
    last = _("%(left)s or %(right)s") if either else _("%(left)s and %(right)s")
    return last % {"left": fold(comma, shown[:-1]), "right": shown[-1]}


def plain(value: Any) -> str:
    """A number without a needless “.0”, a moment in ISO form with a space before the time."""
    if isinstance(value, datetime):
        return value.isoformat(sep=" ")
    if isinstance(value, date):
        return value.isoformat()
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
