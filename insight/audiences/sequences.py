"""Compiling conditions on the order of behaviour.

Each step is bound to the one before only: by the time between them, by values they share, and by what may not lie in
between. So of all records that can stand for the step before, the latest one is always the best: it leaves the shortest
time and the least in between. One running maximum per step finds it, whatever the number of records.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import ibis
import ibis.expr.types as ir

from insight.audiences.behaviour import USER, in_window, record_conditions
from insight.audiences.catalog import BehaviourDataset
from insight.audiences.leaves import Records
from insight.audiences.predicates import all_of, any_of, certain
from insight.audiences.sequence_leaves import Barrier, SequenceLeaf, Step


def people_in_order(leaf: SequenceLeaf, dataset: BehaviourDataset, today: date) -> ibis.Table:
    """Distinct identifiers of everybody with records of all steps, each strictly later than the one before."""
    rows = _marked(leaf, dataset, today)
    rows = rows.mutate(reached=rows["s0"])
    for place, step in enumerate(leaf.steps[1:], start=1):
        rows = _next_step(rows, f"s{place}", step, dataset)
    return rows.filter(rows["reached"]).select(USER).distinct()


def sequence_rows(leaf: SequenceLeaf, dataset: BehaviourDataset, today: date) -> ibis.Table:
    """The records that could stand for one of the steps."""
    table = dataset.table
    steps = any_of([_matches(step, dataset, table) for step in leaf.steps])
    return table.filter([*in_window(leaf.window, table, today), steps])


def shared_column(name: str, dataset: BehaviourDataset) -> str | None:
    """The column that holds the value of an object that steps share; None where there is no such object."""
    found = dataset.object_column(name)
    return "object_value" if found is not None and dataset.form == "key_value" else found


def _marked(leaf: SequenceLeaf, dataset: BehaviourDataset, today: date) -> ibis.Table:
    """The records of any step or barrier, with what each can stand for, their times in ranks, and values to share."""
    table = dataset.table
    parts: dict[str, Step | Barrier] = {f"s{place}": step for place, step in enumerate(leaf.steps)}
    for place, step in enumerate(leaf.steps):
        parts |= {f"s{place}_b{number}": barrier for number, barrier in enumerate(step.not_between or ())}
    matches = {name: _matches(part, dataset, table) for name, part in parts.items()}
    columns = {_column(name, dataset) for part in parts.values() for name in part.same or ()}
    values = {f"v_{column}": table[column] for column in sorted(columns)}
    rows = table.filter([*in_window(leaf.window, table, today), any_of(list(matches.values()))])
    marks = {name: certain(match) for name, match in matches.items()}
    rows = rows.select(USER, "at", **marks, **values)
    return rows.mutate(rank=ibis.dense_rank().over(group_by=USER, order_by="at"))


def _matches(asked: Records, dataset: BehaviourDataset, table: ibis.Table) -> ir.BooleanValue:
    conditions = list(record_conditions(asked, dataset, table))
    return all_of(conditions) if conditions else ibis.literal(True)


def _column(name: str, dataset: BehaviourDataset) -> str:
    found = shared_column(name, dataset)
    assert found is not None
    return found


def _next_step(rows: ibis.Table, mark: str, step: Step, dataset: BehaviourDataset) -> ibis.Table:
    """The records with `reached` for this step, which was that of the step before."""
    keys = _keys(step, dataset)
    barriers = {f"_{mark}_b{number}": barrier for number, barrier in enumerate(step.not_between or ())}
    latest = {"_before": _latest(rows, rows["reached"], keys)}
    latest |= {
        name: _latest(rows, rows[name.removeprefix("_")], _keys(barrier, dataset))
        for name, barrier in barriers.items()
    }
    seen = rows.mutate(**latest)
    before = seen["_before"]
    conditions = [seen[mark], before.notnull()]
    conditions += [seen[key].notnull() & (seen[key] != "") for key in keys]
    conditions += [seen[name].isnull() | (seen[name] <= before) for name in barriers]
    if step.within is not None:
        seconds = int(step.within.length.total_seconds())
        conditions.append(seen["at"] <= before + ibis.interval(seconds=seconds))
    kept = [name for name in rows.columns if name != "reached"]
    return seen.select(*kept, reached=certain(all_of(conditions)))


def _keys(part: Step | Barrier, dataset: BehaviourDataset) -> list[str]:
    return list(dict.fromkeys(f"v_{_column(name, dataset)}" for name in part.same or ()))


def _latest(rows: ibis.Table, wanted: Any, keys: Sequence[str]) -> Any:
    """The time of the person's latest wanted record that is earlier than this one and has the same values."""
    earlier = ibis.window(group_by=[USER, *keys], order_by="rank", range=(None, -1))
    return ibis.ifelse(wanted, rows["at"], ibis.null("timestamp")).max().over(earlier)
