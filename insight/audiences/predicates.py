"""Conditions on single columns as Ibis booleans.

A value that is missing matches `empty` only: NULL, for text and enum also the empty text, for multi-value tags also a
list without parts. The booleans may be NULL where the value is missing, which filters and counts treat as false;
whoever negates one makes it false first (`certain`).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime, time
from functools import reduce
from operator import and_, or_
from typing import Any

import ibis
import ibis.expr.types as ir

from insight.audiences.catalog import TagColumn
from insight.audiences.leaves import TagLeaf
from insight.audiences.windows import Bounds, anniversaries, bounds

FEW_PARTS = 8
"""Up to this many values, one look into the list for each is several times faster than comparing two lists."""
FEW_TEXTS = 30
"""Up to this many, a constant list is searched once per dictionary entry; a longer one is hashed as a set of rows."""


@ibis.udf.scalar.builtin  # type: ignore[untyped-decorator]
def list_has_any(values: list[str], wanted: list[str]) -> bool:  # type: ignore[empty-body]
    """DuckDB: whether two lists share a value."""


@ibis.udf.scalar.builtin  # type: ignore[untyped-decorator]
def list_has_all(values: list[str], wanted: list[str]) -> bool:  # type: ignore[empty-body]
    """DuckDB: whether the first list holds every value of the second."""


@ibis.udf.scalar.builtin  # type: ignore[untyped-decorator]
def prefix(value: str, start: str) -> bool:  # type: ignore[empty-body]
    """DuckDB: whether a text begins with another; half the time of STARTS_WITH."""


def certain(condition: ir.BooleanValue) -> ir.BooleanValue:
    """The condition with NULL as false, so that it can be negated."""
    return condition.fill_null(False)  # type: ignore[no-any-return]


def any_of(conditions: list[ir.BooleanValue]) -> ir.BooleanValue:
    return reduce(or_, conditions)


def all_of(conditions: list[ir.BooleanValue]) -> ir.BooleanValue:
    return reduce(and_, conditions)


def tag_condition(leaf: TagLeaf, column: TagColumn, value: Any, today: date) -> ir.BooleanValue:
    """The condition of a tag leaf on the tag's column."""
    if column.type in ("enum", "text"):
        return text_condition(value, leaf.operator, leaf.value, ignore_case=leaf.ignore_case)
    if column.type == "multi":
        return _multi_condition(value, leaf.operator, leaf.value)
    if column.type == "number":
        return _number_condition(value, leaf.operator, leaf.value)
    return _date_condition(value, leaf, today)


def text_condition(
    value: Any, operator: str, wanted: tuple[str, ...] | None, *, ignore_case: bool = False
) -> ir.BooleanValue:
    """A condition on a text column; an empty text counts as no value."""
    present = value.notnull() & (value != "")
    if operator == "empty":
        return ~present  # type: ignore[no-any-return]
    if operator == "not_empty":
        return present  # type: ignore[no-any-return]
    positive = operator.removeprefix("not_")
    texts: list[Any] = list(wanted or ())
    if ignore_case:
        # The engine folds both sides: Python and the engine differ on letters such as the final sigma.
        value = value.lower()
        texts = [text.lower() if text.isascii() else ibis.literal(text).lower() for text in texts]
    if operator == "not_in":
        return ~one_of(value, ["", *texts])  # type: ignore[no-any-return]
    matches = _text_match(value, positive, texts)
    if positive == operator:
        return matches
    return (value != "") & ~matches  # type: ignore[no-any-return]


def _text_match(value: Any, operator: str, texts: list[Any]) -> ir.BooleanValue:
    if operator == "in":
        return one_of(value, texts)
    test: Callable[[Any], Any] = {
        "contains": value.contains,
        "starts_with": lambda text: prefix(value, text),
        "ends_with": value.endswith,
    }[operator]
    return any_of([test(text) for text in texts])


def one_of(value: Any, texts: list[Any]) -> ir.BooleanValue:
    """Whether a text is one of some. The engine's own IN is many times slower wherever it is not a filter of a scan."""
    wanted = ibis.array(texts)
    if len(texts) <= FEW_TEXTS:
        return wanted.contains(value)  # type: ignore[no-any-return]
    return value.isin(wanted.unnest().name("wanted").as_table()["wanted"])  # type: ignore[no-any-return]


def _multi_condition(value: Any, operator: str, wanted: tuple[str, ...] | None) -> ir.BooleanValue:
    present = value.notnull() & (value.length() > 0)
    if operator == "empty":
        return ~certain(present)
    if operator == "not_empty":
        return present  # type: ignore[no-any-return]
    parts = list(wanted or ())
    if operator == "contains_all":
        return _holds_all(value, parts)
    shared = _holds_any(value, parts)
    return shared if operator == "contains" else present & ~shared  # type: ignore[no-any-return]


def _holds_any(value: Any, parts: list[str]) -> ir.BooleanValue:
    if len(parts) > FEW_PARTS:
        return list_has_any(value, ibis.array(parts))  # type: ignore[no-any-return, arg-type]
    return any_of([value.contains(part) for part in parts])


def _holds_all(value: Any, parts: list[str]) -> ir.BooleanValue:
    if len(parts) > FEW_PARTS:
        return list_has_all(value, ibis.array(parts))  # type: ignore[no-any-return, arg-type]
    return all_of([value.contains(part) for part in parts])


def _number_condition(value: Any, operator: str, wanted: Any) -> ir.BooleanValue:
    if operator == "empty":
        return value.isnull()  # type: ignore[no-any-return]
    if operator == "not_empty":
        return value.notnull()  # type: ignore[no-any-return]
    if operator in ("between", "not_between"):
        inside = value.between(*wanted)
        return inside if operator == "between" else ~inside  # type: ignore[no-any-return]
    return compare(value, operator, wanted)


def compare(value: Any, operator: str, wanted: Any) -> ir.BooleanValue:
    """value = != > >= < <= wanted."""
    condition: ir.BooleanValue = {
        "=": lambda: value == wanted,
        "!=": lambda: value != wanted,
        ">": lambda: value > wanted,
        ">=": lambda: value >= wanted,
        "<": lambda: value < wanted,
        "<=": lambda: value <= wanted,
    }[operator]()
    return condition


def _date_condition(value: Any, leaf: TagLeaf, today: date) -> ir.BooleanValue:
    if leaf.operator == "empty":
        return value.isnull()  # type: ignore[no-any-return]
    if leaf.operator == "not_empty":
        return value.notnull()  # type: ignore[no-any-return]
    if leaf.operator == "anniversary_within":
        days = anniversaries(today, leaf.value.days)
        return (value.month() * 100 + value.day()).isin(days)  # type: ignore[no-any-return]
    inside = in_bounds(value, bounds(leaf.value, today))
    return inside if leaf.operator == "within" else ~inside


def in_bounds(value: Any, limits: Bounds) -> ir.BooleanValue:
    """Whether a DATE or TIMESTAMP lies in the stretch of time; NULL where there is no value."""
    conditions: list[ir.BooleanValue] = []
    if limits.lower is not None:
        lower = _moment(limits.lower, value)
        conditions.append(value >= lower if limits.lower_included else value > lower)
    if limits.upper is not None:
        upper = _moment(limits.upper, value)
        conditions.append(value <= upper if limits.upper_included else value < upper)
    if not conditions:
        return value.notnull().nullif(False)  # type: ignore[no-any-return]
    return all_of(conditions)


def _moment(moment: datetime, compared: Any) -> Any:
    """The moment as a literal; as a date beside dates, so that the engine can skip parts of the table by it."""
    if compared.type().is_date() and moment.time() == time():
        return ibis.literal(moment.date(), type="date")
    return ibis.literal(moment, type="timestamp")
