"""Compiling behaviour conditions: filter rows, total them per person, keep whose totals fit."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date
from typing import Any

import ibis
import ibis.expr.types as ir

from insight.audiences.catalog import BehaviourDataset
from insight.audiences.leaves import (
    BehaviourLeaf,
    Comparison,
    Having,
    HavingGroup,
    ObjectFilter,
    Records,
)
from insight.audiences.predicates import all_of, any_of, compare, in_bounds, text_condition
from insight.audiences.windows import AnyTime, Bounds, Moment, bounds, end_of, start_of

USER = "user_unique_id"
_AT_LEAST_ONCE = Comparison(measure="times", operator=">=", value=1)


def people_who_did(leaf: BehaviourLeaf, dataset: BehaviourDataset, today: date) -> ibis.Table:
    """Distinct identifiers of everybody whose rows satisfy the condition (without regard to `did`)."""
    rows = matching_rows(leaf, dataset, today)
    having = leaf.having or _AT_LEAST_ONCE
    if having == _AT_LEAST_ONCE and not dataset.has_count:
        return rows.select(USER).distinct()
    measures = {name: MEASURES[name](rows, dataset) for name in sorted(set(_measures(having)))}
    totals = rows.group_by(USER).aggregate(**measures)
    return totals.filter(_having(having, totals, today)).select(USER)


def matching_rows(leaf: BehaviourLeaf, dataset: BehaviourDataset, today: date) -> ibis.Table:
    """The records that the condition is about, before they are totalled per person."""
    table = dataset.table
    conditions = [*in_window(leaf.window, table, today), *record_conditions(leaf, dataset, table)]
    return table.filter(conditions) if conditions else table


def in_window(window: Any, table: ibis.Table, today: date) -> list[ir.BooleanValue]:
    """The condition that records lie in a window; none where any time will do."""
    return [] if isinstance(window, AnyTime) else [in_bounds(table["at"], bounds(window, today))]


def record_conditions(
    asked: Records, dataset: BehaviourDataset, table: ibis.Table
) -> Iterator[ir.BooleanValue]:
    """What records must satisfy, apart from their time; all of it."""
    if asked.type is not None:
        yield table["type"].isin(list(asked.type))
    if asked.channel is not None:
        yield table["channel"].isin(list(asked.channel))
    if dataset.form == "key_value":
        yield from _key_value_conditions(asked, dataset, table)
        return
    for item in asked.objects or ():
        if item.operator != "any":
            column = dataset.object_column(item.name)
            assert column is not None
            yield _object_condition(dataset, table[column], item)


def _key_value_conditions(
    asked: Records, dataset: BehaviourDataset, table: ibis.Table
) -> Iterator[ir.BooleanValue]:
    """Exactly one attribute is fixed: the same behaviour has a row for each attribute."""
    if not asked.objects:
        yield table["object_key"] == dataset.base_attribute
        return
    [item] = asked.objects
    yield table["object_key"] == dataset.object_column(item.name)
    if item.operator != "any":
        holds_ids = dataset.is_item_tag(item.name) and "object_value_id" in table.columns
        yield _object_condition(dataset, table["object_value_id" if holds_ids else "object_value"], item)


def _object_condition(dataset: BehaviourDataset, column: Any, item: ObjectFilter) -> ir.BooleanValue:
    """A condition on an object's value, or on a tag of the item that the value names."""
    if dataset.items is not None and dataset.is_item_tag(item.name):
        return dataset.items.condition(column, item.name, item.operator, item.value)
    return text_condition(column, item.operator, item.value)


def _times(rows: ibis.Table, dataset: BehaviourDataset) -> Any:
    return rows["count"].fill_null(1).sum() if dataset.has_count else rows.count()


def _amount(rows: ibis.Table, dataset: BehaviourDataset) -> Any:
    return rows["amount"].fill_null(0).sum()


MEASURES: dict[str, Callable[[ibis.Table, BehaviourDataset], Any]] = {
    "times": _times,
    "amount": _amount,
    "days": lambda rows, dataset: rows["at"].date().nunique(),
    # Divided by nothing is no value: such people do not match.
    "amount_per_time": lambda rows, dataset: _amount(rows, dataset) / _times(rows, dataset).nullif(0),
    "last_at": lambda rows, dataset: rows["at"].max(),
    "first_at": lambda rows, dataset: rows["at"].min(),
}


def _measures(node: Having) -> Iterator[str]:
    if isinstance(node, HavingGroup):
        for item in node.items:
            yield from _measures(item)
    else:
        yield node.measure


def _having(node: Having, totals: ibis.Table, today: date) -> ir.BooleanValue:
    if isinstance(node, HavingGroup):
        parts = [_having(item, totals, today) for item in node.items]
        return all_of(parts) if node.op == "and" else any_of(parts)
    value = totals[node.measure]
    if node.measure in ("last_at", "first_at"):
        return _moment_condition(value, node, today)
    if node.operator == "between":
        return value.between(*node.value)  # type: ignore[no-any-return]
    return compare(value, node.operator, node.value)


def _moment_condition(value: Any, node: Comparison, today: date) -> ir.BooleanValue:
    if node.operator == "within":
        return in_bounds(value, bounds(node.value, today))
    if node.operator == "between":
        first, last = node.value
        end, included = end_of(last)
        return in_bounds(value, Bounds(start_of(first), end, upper_included=included))
    whole = _whole(node.value)
    limits = {
        "=": whole,
        "!=": whole,
        ">=": Bounds(lower=whole.lower),
        ">": Bounds(lower=whole.upper, lower_included=not whole.upper_included),
        "<": Bounds(upper=whole.lower),
        "<=": Bounds(upper=whole.upper, upper_included=whole.upper_included),
    }[node.operator]
    inside = in_bounds(value, limits)
    return ~inside if node.operator == "!=" else inside


def _whole(moment: Moment) -> Bounds:
    """The stretch that a day or a moment covers."""
    end, included = end_of(moment)
    return Bounds(start_of(moment), end, upper_included=included)
