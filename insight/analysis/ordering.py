"""The order of a chart's values."""

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
