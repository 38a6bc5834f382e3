"""Paths: what people did next, and next, after a starting behaviour.

A person's path starts with their first record of the starting type in the period. Each level is their next record in
time, at most so long after the one before; records of one type at one moment count once, types at one moment stand in
the order of their names. A path ends with the first longer pause, or after the last level. Who went no further is at
the next level all the same, with no type.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import ibis
from django.utils.translation import gettext as _

from cdp.core.errors import ValidationFailed
from insight.behaviour_analysis.asking import USER, Ground, choice, whole

MOST_LEVELS = 5
TOP = 8
OTHER = ""
"""Stands for all types of a level but the most frequent ones; no type is empty."""
UNITS = ("minutes", "hours", "days")
_MOST = {"minutes": 24 * 60, "hours": 24 * 30, "days": 366}


@dataclass(frozen=True)
class Paths:
    """What is asked: the starting type, the longest pause between two records, the number of levels after the start."""

    ground: Ground
    start: str
    pause: timedelta
    levels: int


def paths_of(ground: Ground, given: Mapping[str, Any]) -> Paths:
    """What `start`, `within`, `unit` and `levels` ask for. Raises ValidationFailed."""
    start = str(given.get("start") or "")
    if not start:
        message = _("Choose the type of behaviour that paths start with.")
        raise ValidationFailed(message, errors={"start": [message]})
    unit = choice(given.get("unit", "days"), "unit", UNITS)
    within = whole(given.get("within", 7), "within", 1, _MOST[unit])
    levels = whole(given.get("levels", 4), "levels", 1, MOST_LEVELS)
    return Paths(ground, start, timedelta(**{unit: within}), levels)


def steps(asked: Paths) -> ibis.Table:
    """A row per person with a start: user_unique_id, and types from `level_0` (the start) on, null after the end."""
    ground, table = asked.ground, asked.ground.rows
    late = ground.end + asked.pause * asked.levels
    seconds = int(asked.pause.total_seconds())
    within = (table["at"] >= ibis.literal(ground.start)) & (table["at"] < ibis.literal(late))
    records = table.filter([within, table["type"].notnull(), table["type"] != ""])
    records = records.select(USER, "at", "type").distinct()
    starting = records.filter([records["type"] == asked.start, ground.in_period(records["at"])])
    starts = starting.group_by(USER).aggregate(began=starting["at"].min()).rename(person=USER)
    later = records.join(starts, records[USER] == starts["person"])
    later = later.filter(later["at"] > later["began"])
    order = ibis.window(group_by=USER, order_by=["at", "type"])
    later = later.mutate(
        place=ibis.row_number().over(order) + 1,
        before=ibis.coalesce(later["at"].lag().over(order), later["began"]),
    )
    later = later.filter(later["place"] <= asked.levels)
    late = later["at"] > later["before"] + ibis.interval(seconds=seconds)
    broken = ibis.ifelse(late, 1, 0)
    later = later.mutate(broken=broken.cumsum(group_by=USER, order_by="place"))
    later = later.filter(later["broken"] == 0)
    levels = {
        f"level_{level}": later["type"].max(where=later["place"] == level)
        for level in range(1, asked.levels + 1)
    }
    found = later.group_by(USER).aggregate(**levels)
    joined = starts.left_join(found, starts["person"] == found[USER])
    return joined.select(
        **{USER: joined["person"]},
        level_0=ibis.literal(asked.start),
        **{name: joined[name] for name in levels},
    )


def paths(asked: Paths) -> dict[str, Any]:
    """`{"people", "nodes": [...], "links": [...]}`.

    A node is a level and a type (`""`: all but the eight most frequent of the level; None: those whose path ended with
    the level before) with its people; a link counts those who went from one to the next.
    """
    people = steps(asked)
    counted = [
        people.group_by(before=f"level_{level - 1}", after=f"level_{level}")
        .aggregate(users=lambda rows: rows.count())
        .mutate(level=ibis.literal(level))
        for level in range(1, asked.levels + 1)
    ]
    everybody = people.aggregate(users=people.count()).select(
        before=ibis.null("string"),
        after=ibis.literal(asked.start),
        users="users",
        level=ibis.literal(0),
    )
    rows = asked.ground.run(
        ibis.union(
            everybody.select("before", "after", "users", "level"),
            *(table.select("before", "after", "users", "level") for table in counted),
        )
    )
    return _folded(asked, rows)


def _folded(asked: Paths, rows: list[dict[str, Any]]) -> dict[str, Any]:
    totals: dict[int, dict[str, int]] = {}
    for row in rows:
        if row["after"] is not None:
            level = totals.setdefault(row["level"], {})
            level[row["after"]] = level.get(row["after"], 0) + row["users"]
    kept = {level: _top(found) for level, found in totals.items()}

    def name(level: int, value: str | None) -> str | None:
        return value if value is None or value in kept[level] else OTHER

    nodes: dict[tuple[int, str | None], int] = {}
    links: dict[tuple[int, str | None, str | None], int] = {}
    for row in rows:
        level = row["level"]
        if not row["users"] or (level and row["before"] is None):
            continue
        after = name(level, row["after"])
        nodes[level, after] = nodes.get((level, after), 0) + row["users"]
        if level:
            key = level, name(level - 1, row["before"]), after
            links[key] = links.get(key, 0) + row["users"]
    labels: dict[str | None, str] = dict(
        asked.ground.type_labels(sorted({value for _level, value in nodes if value}))
    )
    labels |= {OTHER: _("Other"), None: _("No further")}
    return {
        "people": nodes.get((0, asked.start), 0),
        "nodes": [
            {"level": level, "type": value, "label": labels[value], "users": users}
            for (level, value), users in sorted(
                nodes.items(), key=lambda item: (item[0][0], _rank(item[0][1]), -item[1], item[0][1] or "")
            )
        ],
        "links": [
            {"level": level, "from": before, "to": after, "users": users}
            for (level, before, after), users in sorted(
                links.items(), key=lambda item: (item[0][0], -item[1], item[0][1] or "", _rank(item[0][2]))
            )
        ],
    }


def _rank(value: str | None) -> int:
    """Types first, then the other ones, then the end."""
    return 2 if value is None else int(value == OTHER)


def _top(found: Mapping[str, int]) -> frozenset[str]:
    return frozenset(sorted(found, key=lambda value: (-found[value], value))[:TOP])


def part_of(
    asked: Paths, level: Any, after: str | None, before: str | None = None
) -> tuple[int, str | None, str | None]:
    """A node (`before` None) or the link that leads to it; `after` None is the end of the path.

    Raises ValidationFailed.
    """
    place = whole(level, "level", 0, asked.levels)
    if not place and (before is not None or after is None):
        message = (
            _("Nothing leads to the start.") if after is not None else _("No path ends before its start.")
        )
        raise ValidationFailed(message, errors={"from" if after is not None else "type": [message]})
    return place, after, before


def people_at(asked: Paths, level: Any, after: str | None, before: str | None = None) -> ibis.Table:
    """Who is at a node, or went along a link. Raises ValidationFailed."""
    place, value, source = part_of(asked, level, after, before)
    people = steps(asked)
    if value is None:
        people = people.filter([people[f"level_{place - 1}"].notnull(), people[f"level_{place}"].isnull()])
    wanted = [(number, name) for number, name in ((place, value), (place - 1, source)) if name is not None]
    shown = paths(asked)["nodes"] if any(name == OTHER for _number, name in wanted) else []
    for number, name in wanted:
        column = people[f"level_{number}"]
        if name == OTHER:
            top = [node["type"] for node in shown if node["level"] == number and node["type"]]
            people = people.filter(column.notnull() & ~column.isin(top))
        else:
            people = people.filter(column == name)
    return people.select(USER)


def part_words(asked: Paths, level: Any, after: str | None, before: str | None = None) -> str:
    place, value, source = part_of(asked, level, after, before)

    def called(name: str | None) -> str:
        if name is None:
            return _("No further")
        return asked.ground.type_label(name) if name else _("Other")

    step = called(value) if source is None else f"{called(source)} → {called(value)}"
    return _(
        "Paths of %(dataset)s that start with %(start)s: %(step)s as step %(place)d (from %(first)s to %(last)s)"
    ) % {
        "dataset": asked.ground.dataset.name,
        "start": called(asked.start),
        "step": step,
        "place": place,
        "first": asked.ground.first,
        "last": asked.ground.last,
    }
