"""Retention: of those who came first in a week or month, how many came back in each of the following ones.

Weeks begin on Monday, and all days are those of the workspace. A person belongs to the period of their first record
ever of the starting behaviour; they came back in a later period if they have a record of the returning behaviour in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import ibis
from django.utils.translation import gettext as _

from cdp.core import timezones
from cdp.core.errors import ValidationFailed
from insight.behaviour_analysis.asking import USER, Ground, Records, choice, records_of, whole, with_audience
from insight.behaviour_analysis.funnel import ALWAYS
from insight.behaviour_analysis.splitting import Split, split_of, value_of

UNITS = ("week", "month")
MOST_PERIODS = 60
ALL = "all"
"""All cohorts together."""
_CUT: dict[str, Any] = {"week": "W", "month": "M"}


@dataclass(frozen=True)
class Retention:
    """What is asked. Cohorts are the whole weeks or months that the ground's period touches."""

    ground: Ground
    first: Records
    back: Records
    unit: str
    split: Split | None = None

    @property
    def cohorts(self) -> list[date]:
        found = [start_of(self.ground.first, self.unit)]
        while (following := shifted(found[-1], 1, self.unit)) <= self.ground.last:
            found.append(following)
        return found


def retention_of(ground: Ground, given: Mapping[str, Any]) -> Retention:
    """What `unit`, `first`, `return` and `split` ask for; the behaviours may be left out: any.

    Raises ValidationFailed.
    """
    unit = choice(given.get("unit", "week"), "unit", UNITS)
    first = records_of(ground, given.get("first") or {}, "first")
    back = records_of(ground, given.get("return") or {}, "return")
    asked = Retention(ground, first, back, unit, split_of(ground, given.get("split")))
    if len(asked.cohorts) > MOST_PERIODS:
        message = _("Choose a period of at most %(most)d weeks or months.") % {"most": MOST_PERIODS}
        raise ValidationFailed(message, errors={"from": [message]})
    return asked


def start_of(day: date, unit: str) -> date:
    """The first day of the day's week or month."""
    return day - timedelta(days=day.weekday()) if unit == "week" else day.replace(day=1)


def shifted(start: date, offset: int, unit: str) -> date:
    """The start of the week or month so many after one that begins on `start`."""
    if unit == "week":
        return start + timedelta(weeks=offset)
    month = start.month - 1 + offset
    return date(start.year + month // 12, month % 12 + 1, 1)


def _ends(start: date, unit: str) -> date:
    return shifted(start, 1, unit) - timedelta(days=1)


def members(asked: Retention) -> ibis.Table:
    """user_unique_id and `cohort` (a date) of everybody whose first record lies in a cohort."""
    table = asked.ground.rows
    rows = table.filter(asked.first.match(asked.ground, table))
    firsts = rows.group_by(USER).aggregate(first=rows["at"].min())
    cohorts = asked.cohorts
    found = firsts.select(USER, cohort=firsts["first"].truncate(_CUT[asked.unit]).date())
    return found.filter(found["cohort"].between(ibis.literal(cohorts[0]), ibis.literal(cohorts[-1])))


def returns(asked: Retention) -> ibis.Table:
    """user_unique_id, `cohort` and `period` of everybody who came back, once for each later period."""
    table = asked.ground.rows
    rows = table.filter(asked.back.match(asked.ground, table))
    visits = rows.select(person=rows[USER], period=rows["at"].truncate(_CUT[asked.unit]).date()).distinct()
    people = members(asked)
    joined = people.join(visits, people[USER] == visits["person"])
    return joined.filter(joined["period"] > joined["cohort"]).select(USER, "cohort", "period")


def retention(asked: Retention) -> dict[str, Any]:
    """`{"unit", "cohorts": [{"start", "users", "periods": [{"users", "share", "open"}]}], "average": [share | None],
    "split": [{"value", "label", "users", "cohorts", "average"}] | None}`.

    `periods[0]` is the one after the cohort's own; those that have not begun are left out, one that has not ended is
    marked `open`. The average weighs cohorts by their users and leaves out periods that have not ended.
    """
    people, back = members(asked), returns(asked)
    everybody = {"value": ibis.null("string")}
    counts = _counts(asked, people.mutate(**everybody), back.mutate(**everybody))
    cohorts = _cohorts(asked, counts.get(None, {}))
    return {
        "unit": asked.unit,
        "cohorts": cohorts,
        "average": _average(cohorts),
        "split": _by_value(asked, people, back) if asked.split else None,
    }


Counts = dict[tuple[date, date | None], int]
"""People by cohort and the period in which they came back; all of the cohort at None."""


def _counts(asked: Retention, people: ibis.Table, back: ibis.Table) -> dict[str | None, Counts]:
    """The counts of each `value`."""
    sizes = people.group_by(["value", "cohort"]).aggregate(users=people.count())
    counts = back.group_by(["value", "cohort", "period"]).aggregate(users=back.count())
    together = ibis.union(
        sizes.select("value", "cohort", period=ibis.null("date"), users=sizes["users"]),
        counts.select("value", "cohort", "period", "users"),
    )
    found: dict[str | None, Counts] = {}
    for row in asked.ground.run(together):
        found.setdefault(row["value"], {})[row["cohort"], row["period"]] = row["users"]
    return found


def _cohorts(asked: Retention, counts: Counts) -> list[dict[str, Any]]:
    today = timezones.today(asked.ground.access.workspace)
    cohorts = []
    for start in asked.cohorts:
        size = counts.get((start, None), 0)
        periods = []
        for offset in range(1, len(asked.cohorts)):
            period = shifted(start, offset, asked.unit)
            if period > min(today, asked.ground.last):
                break
            users = counts.get((start, period), 0)
            periods.append(
                {
                    "users": users,
                    "share": users / size if size else None,
                    "open": _ends(period, asked.unit) >= today,
                }
            )
        cohorts.append({"start": str(start), "users": size, "periods": periods})
    return cohorts


def _by_value(asked: Retention, people: ibis.Table, back: ibis.Table) -> list[dict[str, Any]]:
    """The cohorts of the values with most people, then of those without one."""
    assert asked.split is not None
    split, ground = asked.split, asked.ground
    counts = _counts(asked, split.of(people, ground), split.of(back, ground))
    cohorts = {value: _cohorts(asked, found) for value, found in counts.items()}
    users = {value: sum(row["users"] for row in rows) for value, rows in cohorts.items()}
    shown = split.shown(users)
    labels = split.labels(ground, shown)
    return [
        {
            "value": value,
            "label": labels[value],
            "users": users[value],
            "cohorts": cohorts[value],
            "average": _average(cohorts[value]),
        }
        for value in shown
    ]


def _average(cohorts: list[dict[str, Any]]) -> list[float | None]:
    found: list[float | None] = []
    for place in range(max((len(cohort["periods"]) for cohort in cohorts), default=0)):
        ended = [
            (cohort["users"], cohort["periods"][place]["users"])
            for cohort in cohorts
            if len(cohort["periods"]) > place and not cohort["periods"][place]["open"]
        ]
        users = sum(size for size, _back in ended)
        found.append(sum(back for _size, back in ended) / users if users else None)
    return found


def cell_of(asked: Retention, cohort: Any, offset: Any) -> tuple[date, int]:
    """A cohort by its first day, and how many periods later (0: all of the cohort). Raises ValidationFailed."""
    starts = {str(start): start for start in asked.cohorts}
    choice(cohort, "cohort", tuple(starts))
    return starts[cohort], whole(offset, "offset", 0, len(asked.cohorts) - 1)


def rule_at(asked: Retention, cohort: Any, offset: Any, value: Any = None) -> dict[str, Any]:
    """The rule of exactly the people in a cell, or of ALL cohorts; with a value of what is split by only theirs."""
    wanted = value_of(asked.split, value)
    rule = _rule(asked, cohort, offset)
    return rule if wanted is None or asked.split is None else asked.split.condition(rule, wanted)


def _rule(asked: Retention, cohort: Any, offset: Any) -> dict[str, Any]:
    if cohort == ALL:
        start, later = asked.cohorts[0], whole(offset, "offset", 0, 0)
        ends = [str(start), str(_ends(asked.cohorts[-1], asked.unit))]
    else:
        start, later = cell_of(asked, cohort, offset)
        ends = [str(start), str(_ends(start, asked.unit))]
    came = asked.first.condition(having={"measure": "first_at", "operator": "between", "value": ends})
    if not later:
        return with_audience(asked.ground, came)
    period = shifted(start, later, asked.unit)
    window = {"kind": "between", "from": str(period), "to": str(_ends(period, asked.unit))}
    back = asked.back.condition(window=window, having=ALWAYS)
    return with_audience(asked.ground, {"op": "intersect", "items": [came, back]})
