"""The chi-square test of independence for two groups, and its distribution.

Sources: the regularised incomplete gamma function by its series (Abramowitz and Stegun 6.5.29) and its continued
fraction (6.5.31, evaluated by the method of Lentz); Cramér's V after Cramér, Mathematical Methods of Statistics, 1946.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

LEAST_EXPECTED = 5
_TERMS = 100_000
_PRECISION = 1e-15
_TINY = 1e-300


@dataclass(frozen=True)
class Outcome:
    """A statistic, its degrees of freedom, its p-value, and how strong the association is (Cramér's V, 0 to 1)."""

    statistic: float
    df: int
    p: float
    effect: float


NOTHING = Outcome(0.0, 0, 1.0, 0.0)
"""What a test says where there is nothing to be tested."""


def survival(statistic: float, df: int) -> float:
    """The probability that a chi-square variable with `df` degrees of freedom exceeds `statistic`."""
    if df < 1 or statistic <= 0:
        return 1.0
    a, x = df / 2, statistic / 2
    front = math.exp(a * math.log(x) - x - math.lgamma(a))
    found = 1 - front * _series(a, x) if x < a + 1 else front * _fraction(a, x)
    return min(1.0, max(0.0, found))


def _series(a: float, x: float) -> float:
    term = total = 1 / a
    for number in range(1, _TERMS):
        term *= x / (a + number)
        total += term
        if term < total * _PRECISION:
            break
    return total


def _fraction(a: float, x: float) -> float:
    b = x + 1 - a
    c, d = 1 / _TINY, 1 / b
    total = d
    for number in range(1, _TERMS):
        top = -number * (number - a)
        b += 2
        d = 1 / (top * d + b or _TINY)
        c = b + top / c or _TINY
        total *= d * c
        if abs(d * c - 1) < _PRECISION:
            break
    return total


def independence(ours: Sequence[int], rest: Sequence[int]) -> Outcome:
    """Whether two groups spread over the same values alike; `ours[i]` and `rest[i]` are their people of value i.

    Values of which fewer than five people of either group would be expected are put together, and so is the next
    smallest as long as even they are too few, since the distribution is good enough only above that.
    """
    cells = [(a, b) for a, b in zip(ours, rest, strict=True) if a + b]
    n, other = sum(a for a, _b in cells), sum(b for _a, b in cells)
    total = n + other
    if not n or not other:
        return NOTHING
    least = LEAST_EXPECTED * total / min(n, other)
    cells = _pooled(cells, least)
    if len(cells) < 2:
        return NOTHING
    statistic = 0.0
    for a, b in cells:
        for found, size in ((a, n), (b, other)):
            expected = (a + b) * size / total
            statistic += (found - expected) ** 2 / expected
    df = len(cells) - 1
    return Outcome(statistic, df, survival(statistic, df), math.sqrt(statistic / total))


def _pooled(cells: list[tuple[int, int]], least: float) -> list[tuple[int, int]]:
    """The cells with at least `least` people; the others as one, which takes the smallest while it is too small."""
    large = sorted((cell for cell in cells if sum(cell) >= least), key=sum)
    small = [cell for cell in cells if sum(cell) < least]
    if not small:
        return large
    pool = (sum(a for a, _b in small), sum(b for _a, b in small))
    while sum(pool) < least and large:
        next_smallest = large.pop(0)
        pool = (pool[0] + next_smallest[0], pool[1] + next_smallest[1])
    return [*large, pool]


def corrected(p_values: Sequence[float]) -> list[float]:
    """q-values after Benjamini and Hochberg (1995), in the order of the p-values: among all with q ≤ 0.05 about one
    in twenty is there by chance.
    """
    order = sorted(range(len(p_values)), key=lambda place: p_values[place], reverse=True)
    found = [1.0] * len(p_values)
    lowest = 1.0
    for before, place in enumerate(order):
        lowest = min(lowest, p_values[place] * len(p_values) / (len(p_values) - before))
        found[place] = lowest
    return found
