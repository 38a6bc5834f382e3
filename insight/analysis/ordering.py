"""The order of a chart's values, and percentages that add up."""

from __future__ import annotations

import re
from collections.abc import Sequence

_NUMBER = r"(?:\d{1,3}(?:,\d{3})+|\d+)(?:\.\d+)?"
_SUFFIX = r"\s*(?P<{0}>[^\d\s.,<>~\-–—]{{0,6}}|\+)"
_RANGE = re.compile(
    rf"^(?P<sign><=|>=|[<>≤≥])?\s*(?P<low>-?{_NUMBER}){_SUFFIX.format('unit')}"
    rf"(?:\s*(?:~|～|-|–|—|至|to)\s*(?P<high>{_NUMBER}){_SUFFIX.format('more')})?$"
)
_BELOW = ("<", "<=", "≤")
_BELOW_WORDS = ("以下", "以内", "below", "under")


def natural_key(value: str) -> tuple[float, float] | None:
    """The bounds of a number or range such as `18-24`, `200~500`, `<18`, `65+`, `60岁以上`; None for other text."""
    found = _RANGE.match(value.strip())
    if found is None:
        return None
    low = float(found["low"].replace(",", ""))
    if found["high"]:
        return low, float(found["high"].replace(",", ""))
    if found["sign"] in _BELOW or found["unit"].endswith(_BELOW_WORDS):
        return float("-inf"), low
    if found["sign"] or found["unit"]:
        return low, float("inf") if found["sign"] or found["unit"] == "+" else low
    return low, low


def ordered(rows: Sequence[tuple[str, int]]) -> list[tuple[str, int]]:
    """(value, people) by size where all values are numbers or ranges, otherwise the most frequent first."""
    keys = {value: natural_key(value) for value, _count in rows}
    if all(key is not None for key in keys.values()):
        return sorted(rows, key=lambda row: (*(keys[row[0]] or (0.0, 0.0)), row[0]))
    return sorted(rows, key=lambda row: (-row[1], row[0]))


def percentages(counts: Sequence[int]) -> list[float]:
    """Percentages with one decimal that add up to exactly 100, by the method of the largest remainder.

    All nought where there is nobody.
    """
    total = sum(counts)
    if not total:
        return [0.0] * len(counts)
    floors = [count * 1000 // total for count in counts]
    remainders = sorted(range(len(counts)), key=lambda place: (-(counts[place] * 1000 % total), place))
    for place in remainders[: 1000 - sum(floors)]:
        floors[place] += 1
    return [floor / 10 for floor in floors]
