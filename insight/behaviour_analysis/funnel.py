"""Funnels: how many people take one step after another, each within some days of their first step.

A person reaches a step with a record of it that is later than one with which they reached the step before, and at most
so many days (of 24 hours) after the first step that both belong to. The first step lies in the period; the others may
follow after it. Of all ways that lead to a record the one with the latest first step is the best: it leaves the most
time. So one running maximum per step finds everybody's progress, however many records there are.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import ibis
from django.utils.translation import gettext as _

from cdp.core.errors import ValidationFailed
from insight.audiences.predicates import any_of, certain
from insight.behaviour_analysis.asking import USER, Ground, Records, choice, records_of, whole, with_audience
from insight.behaviour_analysis.splitting import UNKNOWN, Split, split_of, value_of

LEAST_STEPS, MOST_STEPS = 2, 8
MOST_WINDOW = 366
OUTCOMES = ("reached", "dropped")
ALWAYS = {"measure": "days", "operator": ">=", "value": 1}
"""Somebody with any record at all, whatever its count column says."""


@dataclass(frozen=True)
class Funnel:
    """What a funnel asks."""

    ground: Ground
    steps: tuple[Records, ...]
    days: int
    split: Split | None = None


def funnel_of(ground: Ground, given: Mapping[str, Any]) -> Funnel:
    """The funnel that `steps`, `days` and `split` describe. Raises ValidationFailed."""
    steps = given.get("steps")
    if not isinstance(steps, list) or not LEAST_STEPS <= len(steps) <= MOST_STEPS:
        message = _("Give %(least)d to %(most)d steps.") % {"least": LEAST_STEPS, "most": MOST_STEPS}
        raise ValidationFailed(message, errors={"steps": [message]})
    found = tuple(records_of(ground, step, f"steps/{place}") for place, step in enumerate(steps))
    days = whole(given.get("days", 30), "days", 1, MOST_WINDOW)
    return Funnel(ground, found, days, split_of(ground, given.get("split")))


def progress(funnel: Funnel) -> ibis.Table:
    """A row per person with a first step: user_unique_id, `reached` (number of steps), `gap_1` … in seconds.

    `gap_k` is the time from the step before to when the person first reached step k, counted from 0; null where they
    did not.
    """
    ground, table = funnel.ground, funnel.ground.rows
    marks = {f"s{place}": step.match(ground, table) for place, step in enumerate(funnel.steps)}
    marks["s0"] &= ground.in_period(table["at"])
    late = ground.end + timedelta(days=funnel.days)
    within = (table["at"] >= ibis.literal(ground.start)) & (table["at"] < ibis.literal(late))
    rows = table.filter([within, any_of(list(marks.values()))])
    rows = rows.select(USER, "at", **{name: certain(mark) for name, mark in marks.items()})
    rows = rows.mutate(
        rank=ibis.dense_rank().over(group_by=USER, order_by="at"),
        start_0=ibis.ifelse(rows["s0"], rows["at"], ibis.null("timestamp")),
    )
    window = ibis.interval(days=1) * funnel.days
    earlier = ibis.window(group_by=USER, order_by="rank", range=(None, -1))
    for place in range(1, len(funnel.steps)):
        before = rows[f"start_{place - 1}"]
        rows = rows.mutate(
            began=before.max().over(earlier),
            came=ibis.ifelse(before.notnull(), rows["at"], ibis.null("timestamp")).max().over(earlier),
        )
        arrived = rows[f"s{place}"] & rows["began"].notnull() & (rows["at"] <= rows["began"] + window)
        seconds = rows["at"].epoch_seconds() - rows["came"].epoch_seconds()
        rows = rows.mutate(
            **{
                f"start_{place}": ibis.ifelse(certain(arrived), rows["began"], ibis.null("timestamp")),
                f"gap_{place}": seconds,
            }
        )
    steps = range(1, len(funnel.steps))
    best = ibis.greatest(
        *(ibis.ifelse(rows[f"start_{place}"].notnull(), place + 1, 0) for place in range(len(funnel.steps)))
    )
    people = rows.group_by(USER).aggregate(
        reached=best.max(),
        **{
            f"gap_{place}": rows[f"gap_{place}"].argmin(rows["at"], where=rows[f"start_{place}"].notnull())
            for place in steps
        },
    )
    return people.filter(people["reached"] > 0)


def funnel(asked: Funnel) -> dict[str, Any]:
    """`{"people", "steps": [...], "split": [{"value", "label", "people", "steps"}] | None}`.

    A step has `users`, its `share` of the first step and `rate` of the step before (0 to 1, None of nothing), `dropped`
    (reached it and no further; None for the last one), and `median_seconds` since the step before.
    """
    people = progress(asked)
    [row] = asked.ground.run(people.aggregate(**_measures(people, asked)))
    return {
        "people": row["users_0"],
        "steps": _steps(asked, row),
        "split": _by_value(asked, people) if asked.split else None,
    }


def _measures(people: ibis.Table, asked: Funnel) -> dict[str, Any]:
    places = range(len(asked.steps))
    found: dict[str, Any] = {f"users_{place}": (people["reached"] > place).sum() for place in places}
    found |= {f"gap_{place}": people[f"gap_{place}"].median() for place in places if place}
    return found


def _steps(asked: Funnel, row: dict[str, Any]) -> list[dict[str, Any]]:
    users = [row[f"users_{place}"] or 0 for place in range(len(asked.steps))]
    return [
        {
            "label": step.label(asked.ground),
            "users": users[place],
            "share": users[place] / users[0] if users[0] else None,
            "rate": users[place] / users[place - 1] if place and users[place - 1] else None,
            "dropped": users[place] - users[place + 1] if place + 1 < len(users) else None,
            "median_seconds": row[f"gap_{place}"] if place else None,
        }
        for place, step in enumerate(asked.steps)
    ]


def _by_value(asked: Funnel, people: ibis.Table) -> list[dict[str, Any]]:
    """The most frequent values, then those without one."""
    assert asked.split is not None
    valued = asked.split.of(people, asked.ground)
    found = asked.ground.run(valued.group_by("value").aggregate(**_measures(valued, asked)))
    rows = {row["value"]: row for row in found}
    shown = asked.split.shown({value: row["users_0"] for value, row in rows.items()})
    labels = asked.split.labels(asked.ground, shown)
    return [
        {
            "value": value,
            "label": labels[value],
            "people": rows[value]["users_0"],
            "steps": _steps(asked, rows[value]),
        }
        for value in shown
    ]


def people_at(asked: Funnel, step: Any, outcome: Any, value: Any = None) -> ibis.Table:
    """Who reached a step (counted from 1), or reached it and no further (`dropped`); with a value of what is split by
    only those who have it. Raises ValidationFailed.
    """
    place, way = part_of(asked, step, outcome)
    wanted, people = value_of(asked.split, value), progress(asked)
    if wanted is not None and asked.split is not None:
        valued = asked.split.of(people, asked.ground)
        has = valued["value"].isnull() if wanted == UNKNOWN else valued["value"] == wanted
        people = valued.filter(has)
    reached = people["reached"]
    return people.filter(reached >= place if way == "reached" else reached == place).select(USER)


def part_of(asked: Funnel, step: Any, outcome: Any) -> tuple[int, str]:
    place, way = whole(step, "step", 1, len(asked.steps)), choice(outcome, "outcome", OUTCOMES)
    if way == "dropped" and place == len(asked.steps):
        message = _("Nobody drops out after the last step.")
        raise ValidationFailed(message, errors={"step": [message]})
    return place, way


def part_words(asked: Funnel, step: Any, outcome: Any, value: Any = None) -> str:
    place, way, wanted = *part_of(asked, step, outcome), value_of(asked.split, value)
    steps = " → ".join(item.label(asked.ground) for item in asked.steps[:place])
    text = (
        _("Funnel of %(dataset)s: reached %(steps)s")
        if way == "reached"
        else _("Funnel of %(dataset)s: reached %(steps)s and no further")
    )
    days = _("from %(first)s to %(last)s, within %(days)d days") % {
        "first": asked.ground.first,
        "last": asked.ground.last,
        "days": asked.days,
    }
    said = f"{text % {'dataset': asked.ground.dataset.name, 'steps': steps}} ({days})"
    if wanted is None or asked.split is None:
        return said
    key = wanted or None
    return f"{said} · {asked.split.labels(asked.ground, [key])[key]}"


def rule_at(asked: Funnel, step: Any, outcome: Any, value: Any = None) -> dict[str, Any] | None:
    """The rule of exactly the people of `people_at`; None where no rule can say it."""
    place, way, wanted = *part_of(asked, step, outcome), value_of(asked.split, value)
    if (place, way) != (1, "reached"):
        return None
    window = {"kind": "between", "from": str(asked.ground.first), "to": str(asked.ground.last)}
    rule = with_audience(asked.ground, asked.steps[0].condition(window=window, having=ALWAYS))
    return rule if wanted is None or asked.split is None else asked.split.condition(rule, wanted)
