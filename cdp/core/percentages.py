"""Percentages as people read them: with one decimal, and those of a whole's parts adding up to 100."""

from __future__ import annotations

from collections.abc import Sequence

FEW_PARTS = 50
"""Above, rounding up some of many tiny shares to make a sum of 100 would say something wrong of each."""


def percentages(numbers: Sequence[float]) -> list[float]:
    """Percentages with one decimal that add up to exactly 100, by the method of the largest remainder.

    All nought where the sum is. Where a number is negative, as amounts can be after refunds, there are no parts of a
    whole, and each percentage is rounded by itself.
    """
    total = sum(numbers)
    if total <= 0:
        return [0.0] * len(numbers)
    if min(numbers) < 0:
        return [round(100 * number / total, 1) for number in numbers]
    floors = [int(number * 1000 // total) for number in numbers]
    remainders = sorted(range(len(numbers)), key=lambda place: (-(numbers[place] * 1000 % total), place))
    for place in remainders[: max(0, 1000 - sum(floors))]:
        floors[place] += 1
    return [floor / 10 for floor in floors]


def parts_in_percent(numbers: Sequence[float]) -> list[float]:
    """The same; each rounded by itself where there are very many parts."""
    total = sum(numbers)
    if len(numbers) <= FEW_PARTS or not total:
        return percentages(numbers)
    return [round(100 * number / total, 1) for number in numbers]


def in_percent(share: float | None) -> float | None:
    """A share (0 to 1) in per cent with one decimal, as pages show it; None of none."""
    return None if share is None else float(f"{100 * share:.1f}")
