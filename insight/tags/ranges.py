"""Values of a custom tag from ranges of a number or a date, so that charts can show it."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

from django.utils.translation import gettext as _

from cdp.core.access import Access
from cdp.core.errors import ValidationFailed
from insight.datasets.models import DatasetField
from insight.tags import rights
from insight.tags.definition import MOST_VALUES

DAY = timedelta(days=1)


def values(
    access: Access, dataset: str, column: str, bounds: Any, *, below: bool = False
) -> list[dict[str, Any]]:
    """`[{"value", "remark", "rule"}]` for the ranges between the bounds, in ascending order.

    0, 200, 500 makes "0-200" (0 belongs to it, 200 does not), "200-500" and "500+"; `below` puts "<0" before them.
    Raises NotFound for a tag that is not there, ValidationFailed for another type and for bad bounds.
    """
    item = rights.get_tag(access, dataset, column)
    if item.tag_type == DatasetField.TagType.NUMBER:
        ends = _numbers(bounds)
        made = _of_numbers(ends, below)
    elif item.tag_type == DatasetField.TagType.DATE:
        made = _of_days(_days(bounds), below)
    else:
        raise ValidationFailed(errors={"tag": [_("Choose a tag that is a number or a date.")]})
    leaf = {"kind": "tag", "dataset": dataset, "tag": column}
    found = [
        {"value": name, "remark": "", "rule": _rule([{**leaf, **condition} for condition in conditions])}
        for name, conditions in made
    ]
    if len(found) > MOST_VALUES:
        raise _wrong(_("At most %(most)d values.") % {"most": MOST_VALUES})
    return found


def _rule(leaves: list[dict[str, Any]]) -> dict[str, Any]:
    return leaves[0] if len(leaves) == 1 else {"op": "intersect", "items": leaves}


def _of_numbers(ends: list[int | float], below: bool) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    def at_least(end: int | float) -> dict[str, Any]:
        return {"operator": ">=", "value": end}

    def under(end: int | float) -> dict[str, Any]:
        return {"operator": "<", "value": end}

    if below:
        yield f"<{ends[0]}", [under(ends[0])]
    for low, high in itertools.pairwise(ends):
        yield f"{low}-{high}", [at_least(low), under(high)]
    yield f"{ends[-1]}+", [at_least(ends[-1])]


def _of_days(ends: list[date], below: bool) -> Iterator[tuple[str, list[dict[str, Any]]]]:
    def within(**window: Any) -> list[dict[str, Any]]:
        return [{"operator": "within", "value": window}]

    if below:
        yield f"<{ends[0]}", within(kind="before", at=str(ends[0]))
    for first, following in itertools.pairwise(ends):
        last = following - DAY
        yield f"{first} – {last}", within(**{"kind": "between", "from": str(first), "to": str(last)})
    yield f"{ends[-1]}+", within(kind="after", at=str(ends[-1] - DAY))


def _numbers(bounds: Any) -> list[int | float]:
    found = []
    for bound in _listed(bounds):
        try:
            number = float(bound)
        except (TypeError, ValueError, OverflowError):
            number = math.nan
        if isinstance(bound, bool) or not math.isfinite(number):
            raise _wrong(_("“%(bound)s” is no number.") % {"bound": bound})
        found.append(int(number) if number == int(number) else number)
    return _ascending(found)


def _days(bounds: Any) -> list[date]:
    found = []
    for bound in _listed(bounds):
        try:
            found.append(date.fromisoformat(str(bound).strip()))
        except ValueError:
            raise _wrong(_("“%(bound)s” is no day such as 2026-01-31.") % {"bound": bound}) from None
    return _ascending(found)


def _listed(bounds: Any) -> list[Any]:
    if not isinstance(bounds, list) or not bounds:
        raise _wrong(_("Give at least one bound."))
    return bounds


def _ascending(found: list[Any]) -> list[Any]:
    if any(low >= high for low, high in itertools.pairwise(found)):
        raise _wrong(_("Give the bounds from the smallest to the largest, each once."))
    return found


def _wrong(message: str) -> ValidationFailed:
    return ValidationFailed(message, errors={"bounds": [message]})
