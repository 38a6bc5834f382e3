"""The stages of an AIPL model's users, day by day.

Two tables where the model lives, written as one: `<dataset>_days` (day, user_unique_id, stage) with at most one row per
user and day, and `<dataset>_day_counts` (day, stage, users) with four rows for every day that was computed, also where
nobody was at a stage: so a day without users is told from one that was never computed.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any
from uuid import uuid4

from django.core.cache import cache
from django.utils.translation import gettext as _

from cdp.core import locks
from cdp.core.errors import Conflict, NotFound, ValidationFailed
from cdp.lake.names import literal
from cdp.warehouse import Transaction, get_engine
from insight.datasets.models import Dataset

STAGES = ("A", "I", "P", "L")
"""Aware, interested, purchased, loyal."""
KEPT_DAYS = 400
TREND_DAYS = 30
USER = "user_unique_id"


def days_table(dataset_id: str) -> str:
    return f"{dataset_id}_days"


def counts_table(dataset_id: str) -> str:
    return f"{dataset_id}_day_counts"


def mark(dataset_id: str) -> str:
    """Tells apart the days before and after one of them was computed anew, which makes no version of the model."""
    return str(cache.get(f"aipl-days:{dataset_id}", ""))


def days_changed(dataset_id: str) -> None:
    """Give the days another mark, so that nobody goes on with what was counted before."""
    cache.set(f"aipl-days:{dataset_id}", uuid4().hex, None)


@contextmanager
def writing(model: Dataset) -> Iterator[Transaction]:
    """A transaction where the model lives, for one writer of its days at a time.

    Two of the same new day would both find nothing to replace, and the day would hold everybody twice.
    """
    with (
        locks.alone(f"aipl-days:{model.pk}"),
        get_engine(model.source).transaction(model.workspace) as work,
    ):
        yield work


def replace_day(work: Transaction, dataset_id: str, day: date, source: str) -> dict[str, int]:
    """Put the stages of one day in the place of those it had, inside the caller's transaction.

    `source` is a relation in the engine's SQL with user_unique_id and stage, one row per user. Returns the users of
    every stage. Days more than 400 before the latest one are forgotten.
    """
    days, counts = days_table(dataset_id), counts_table(dataset_id)
    work.keep_table(days, {"day": "DATE", USER: "VARCHAR", "stage": "VARCHAR"}, key="day")
    work.keep_table(counts, {"day": "DATE", "stage": "VARCHAR", "users": "BIGINT"})
    this = f"day = {_day(day)}"
    ordered = f"SELECT {_day(day)}, {USER}, stage FROM {source} found ORDER BY stage, {USER}"
    work.replace(days, this, ordered)
    counted = work.rows(f"SELECT stage, count(*) FROM {work.path(days)} WHERE {this} GROUP BY 1")
    users = dict.fromkeys(STAGES, 0) | dict(counted)
    rows = ", ".join(f"({_day(day)}, {literal(stage)}, {users[stage]})" for stage in STAGES)
    work.replace(counts, this, f"VALUES {rows}")
    for table in (days, counts):
        oldest = f"(SELECT max(day) FROM {work.path(counts)}) - {KEPT_DAYS}"
        work.rows(f"DELETE FROM {work.path(table)} WHERE day < {oldest}")
    return users


def computed_days(model: Dataset) -> list[date]:
    """The days that were computed, earliest first; none where the model never was."""
    rows = _rows(model, f"SELECT DISTINCT day FROM {_path(model, counts_table(model.pk))} ORDER BY 1")
    return [day for (day,) in rows]


def _path(model: Dataset, table: str) -> str:
    return get_engine(model.source).path(model.workspace, table)


def _rows(model: Dataset, statement: str) -> list[tuple[Any, ...]]:
    """What a SELECT over the days gives; nothing before the first one was computed."""
    try:
        return get_engine(model.source).rows(statement)
    except NotFound as error:
        if error.code != "table_missing":
            raise
        return []


def nearest_days(computed: Sequence[date], day: date) -> list[date]:
    """The last day before and the first one after `day`, as far as there are such; `computed` is in order."""
    place = bisect_left(computed, day)
    return [*computed[max(0, place - 1) : place], *computed[place : place + 1]]


def trend(model: Dataset, last: date, days: int = TREND_DAYS) -> list[tuple[date, dict[str, int]]]:
    """Users of every stage on the computed ones of the `days` days that end with `last`, earliest first."""
    counts, since = _path(model, counts_table(model.pk)), last - timedelta(days=days - 1)
    query = f"SELECT day, stage, users FROM {counts} WHERE day BETWEEN {_day(since)} AND {_day(last)} ORDER BY day"
    found: dict[date, dict[str, int]] = {}
    for day, stage, users in _rows(model, query):
        found.setdefault(day, dict.fromkeys(STAGES, 0))[stage] = users
    return list(found.items())


@dataclass(frozen=True)
class StageFlow:
    """What became of the users of one stage, and where its users of the last day came from.

    `converted` and `arrived` count users by the other stage; `new` had no stage on the first day.
    """

    stage: str
    start: int
    stayed: int
    converted: Mapping[str, int]
    lost: int
    end: int
    arrived: Mapping[str, int]
    new: int

    @property
    def difference(self) -> int:
        return self.end - self.start

    @property
    def loss_rate(self) -> float | None:
        """Lost users per user of the first day, 0 to 1; None where there were none."""
        return self.lost / self.start if self.start else None


@dataclass(frozen=True)
class Flow:
    """`matrix[before, after]` counts users; None stands for no stage: lost after, new before."""

    first: date
    last: date
    matrix: Mapping[tuple[str | None, str | None], int]
    stages: Mapping[str, StageFlow]

    def as_json(self) -> dict[str, Any]:
        return {
            "from": str(self.first),
            "to": str(self.last),
            "stages": [
                {
                    "stage": item.stage,
                    "start": item.start,
                    "stayed": item.stayed,
                    "converted": dict(item.converted),
                    "lost": item.lost,
                    "loss_rate": item.loss_rate,
                    "end": item.end,
                    "difference": item.difference,
                    "arrived": dict(item.arrived),
                    "new": item.new,
                }
                for item in self.stages.values()
            ],
        }


def flow(model: Dataset, first: date, last: date) -> Flow:
    """How stages changed from one day to another. Raises Conflict `model_day_missing`, ValidationFailed."""
    computed = computed_days(model)
    missing = [day for day in (first, last) if day not in computed]
    if missing:
        raise day_missing(computed, missing[0])
    if first >= last:
        message = _("The first day must be before the last one.")
        raise ValidationFailed(message, errors={"to": [message]})
    days = _path(model, days_table(model.pk))
    query = (
        f"SELECT before.stage, after.stage, count(*) "
        f"FROM (SELECT {USER}, stage FROM {days} WHERE day = {_day(first)}) before "
        f"FULL JOIN (SELECT {USER}, stage FROM {days} WHERE day = {_day(last)}) after USING ({USER}) GROUP BY 1, 2"
    )
    matrix = {(before, after): users for before, after, users in _rows(model, query)}
    return Flow(first, last, matrix, {stage: _of_stage(stage, matrix) for stage in STAGES})


def day_missing(computed: Sequence[date], day: date) -> Conflict:
    """The error for a day on which a model was not computed."""
    nearest = [str(found) for found in nearest_days(computed, day)]
    return Conflict(missing_text(day, nearest), code="model_day_missing", nearest_days=nearest)


def missing_text(day: date, nearest: Sequence[str]) -> str:
    if not nearest:
        return _("The model was not computed on %(day)s, nor on any other day.") % {"day": day}
    return _("The model was not computed on %(day)s. The nearest days: %(nearest)s.") % {
        "day": day,
        "nearest": ", ".join(nearest),
    }


def _of_stage(stage: str, matrix: Mapping[tuple[str | None, str | None], int]) -> StageFlow:
    others = [other for other in STAGES if other != stage]
    stayed, lost, new = (matrix.get(key, 0) for key in ((stage, stage), (stage, None), (None, stage)))
    converted = {other: matrix.get((stage, other), 0) for other in others}
    arrived = {other: matrix.get((other, stage), 0) for other in others}
    start = stayed + sum(converted.values()) + lost
    end = stayed + sum(arrived.values()) + new
    return StageFlow(stage, start, stayed, converted, lost, end, arrived, new)


def _day(day: date) -> str:
    return f"DATE {literal(str(day))}"
