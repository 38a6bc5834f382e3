"""A behaviour dataset of given records, and the slow way to answer what funnels, retention and paths ask."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta
from statistics import median
from typing import Any

import pyarrow as pa

from cdp import lake
from insight.datasets.models import Dataset
from tests.insight.audiences.world import make_behaviour_dataset

Record = tuple[str, datetime, str]
DAY = timedelta(days=1)


def dataset_of(workspace: Any, records: Sequence[Record]) -> Dataset:
    """Records as a wide behaviour dataset with the channels and categories that all have."""
    dataset = make_behaviour_dataset(workspace, f"Records {Dataset.objects.count()}")
    write(dataset, records)
    return dataset


def write(dataset: Dataset, records: Sequence[Record]) -> None:
    rows = [(user, at, kind, "web", 1.0, 10.0, "coats") for user, at, kind in records]
    names = ["user_unique_id", "at", "type", "channel", "count", "amount", "category"]
    kinds = [
        pa.string(),
        pa.timestamp("us"),
        pa.string(),
        pa.string(),
        pa.float64(),
        pa.float64(),
        pa.string(),
    ]
    columns: list[Any] = list(zip(*rows, strict=True)) if rows else [[] for _ in names]
    table = pa.table(
        {name: pa.array(list(column), kind) for name, column, kind in zip(names, columns, kinds, strict=True)}
    )
    with lake.cursor() as handle:
        handle.register("incoming", table)
        path = lake.table_path(dataset.workspace, f"{dataset.pk}_v{dataset.version}")
        handle.execute(f"CREATE OR REPLACE TABLE {path} AS FROM incoming")
        handle.unregister("incoming")


def of_person(records: Sequence[Record]) -> dict[str, list[tuple[datetime, str]]]:
    found: dict[str, list[tuple[datetime, str]]] = {}
    for user, at, kind in records:
        found.setdefault(user, []).append((at, kind))
    return {user: sorted(rows) for user, rows in found.items()}


def inside(at: datetime, first: date, last: date) -> bool:
    return datetime.combine(first, time()) <= at < datetime.combine(last + DAY, time())


def funnel_reference(
    records: Sequence[Record], steps: Sequence[str], first: date, last: date, days: int
) -> dict[str, int]:
    """How many steps each person reached: every chain of records is tried."""
    reached = {}
    for user, rows in of_person(records).items():
        best = 0
        chains = [[at] for at, kind in rows if kind == steps[0] and inside(at, first, last)]
        while chains:
            best = max(best, len(chains[0]))
            if best == len(steps):
                break
            chains = [
                [*chain, at]
                for chain in chains
                for at, kind in rows
                if kind == steps[best] and chain[-1] < at <= chain[0] + days * DAY
            ]
        if best:
            reached[user] = best
    return reached


def median_gap(
    records: Sequence[Record], steps: Sequence[str], first: date, last: date, days: int, place: int
) -> float | None:
    """Median seconds between a step and the one before, at everybody's first arrival there."""
    gaps = []
    for rows in of_person(records).values():
        chains = [[at] for at, kind in rows if kind == steps[0] and inside(at, first, last)]
        for step in steps[1 : place + 1]:
            chains = [
                [*chain, at]
                for chain in chains
                for at, kind in rows
                if kind == step and chain[-1] < at <= chain[0] + days * DAY
            ]
        if chains:
            arrival = min(chain[-1] for chain in chains)
            before = max(chain[-2] for chain in chains if chain[-1] == arrival)
            gaps.append((arrival - before).total_seconds())
    return median(gaps) if gaps else None


def start_of(day: date, unit: str) -> date:
    return day - timedelta(days=day.isoweekday() - 1) if unit == "week" else date(day.year, day.month, 1)


def number_of(start: date, unit: str) -> int:
    """Consecutive numbers of weeks or months."""
    return start.toordinal() // 7 if unit == "week" else start.year * 12 + start.month


def retention_reference(
    records: Sequence[Record], first_type: str | None, back_type: str | None, unit: str
) -> tuple[Counter[date], Counter[tuple[date, int]]]:
    """People per cohort, and those who came back by cohort and periods later; of all time."""
    sizes: Counter[date] = Counter()
    back: Counter[tuple[date, int]] = Counter()
    for rows in of_person(records).values():
        firsts = [at for at, kind in rows if first_type in (None, kind)]
        if not firsts:
            continue
        cohort = start_of(min(firsts).date(), unit)
        sizes[cohort] += 1
        later = {
            number_of(start_of(at.date(), unit), unit) - number_of(cohort, unit)
            for at, kind in rows
            if back_type in (None, kind)
        }
        back.update((cohort, offset) for offset in later if offset > 0)
    return sizes, back


def paths_reference(
    records: Sequence[Record], start: str, first: date, last: date, pause: timedelta, levels: int
) -> dict[str, list[str]]:
    """The path of each person, the start included."""
    found = {}
    for user, rows in of_person(records).items():
        starts = [at for at, kind in rows if kind == start and inside(at, first, last)]
        if not starts:
            continue
        path, now = [start], min(starts)
        for at, kind in sorted({row for row in rows if row[0] > now}):
            if len(path) > levels or at - now > pause:
                break
            path.append(kind)
            now = at
        found[user] = path
    return found
