"""Whether two groups of people differ by more than chance, in the share of those who did something."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from insight.analysis.indicators import wilson

FEWEST_EXPECTED = 5
"""The normal approximation holds where each of four expected counts is at least this (Cochran, Biometrics 10, 1954)."""
ALPHA = 0.05


@dataclass(frozen=True)
class Rate:
    """`count` of `base` people. `low` and `high` bound the share at 95 %; all three are None where there is nobody."""

    count: int
    base: int
    share: float | None
    low: float | None
    high: float | None

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


@dataclass(frozen=True)
class Difference:
    """A share less that of the group it is compared with (0.02 are two percentage points), and its bounds at 95 %.

    `p` is the chance of a difference at least this great between groups that do not differ. `few`: too few people to
    say anything; then `p` and `significant` mean nothing and are None.
    """

    points: float
    low: float
    high: float
    p: float | None
    significant: bool | None
    few: bool

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def rate(count: int, base: int) -> Rate:
    """A share with Wilson's score interval (Wilson, JASA 22, 1927), see `insight.analysis.indicators.wilson`."""
    if not base:
        return Rate(count, base, None, None, None)
    low, high = wilson(count, base)
    return Rate(count, base, count / base, low, high)


def compare(ours: Rate, other: Rate) -> Difference | None:
    """How our share differs from the other one; None where one of the groups has nobody."""
    if ours.share is None or other.share is None:
        return None
    low, high = newcombe(ours, other)
    few = fewest_expected(ours, other) < FEWEST_EXPECTED
    p = None if few else p_value(ours, other)
    return Difference(ours.share - other.share, low, high, p, None if p is None else p < ALPHA, few)


def p_value(ours: Rate, other: Rate) -> float:
    """Two-sided p of the z-test of two proportions with the pooled share (Fleiss, Levin & Paik, Statistical Methods for
    Rates and Proportions, 3rd ed., 2003, section 3.1, without continuity correction):

    z = (p₁ − p₂) ÷ √(p(1 − p)(1/n₁ + 1/n₂)) with p = (x₁ + x₂) ÷ (n₁ + n₂); 2 · (1 − Φ(|z|)) = erfc(|z| ÷ √2).
    1 where nobody or everybody of both did it.
    """
    assert ours.share is not None and other.share is not None
    pooled = (ours.count + other.count) / (ours.base + other.base)
    error = math.sqrt(pooled * (1 - pooled) * (1 / ours.base + 1 / other.base))
    return math.erfc(abs(ours.share - other.share) / error / math.sqrt(2)) if error else 1.0


def fewest_expected(ours: Rate, other: Rate) -> float:
    """The least of the four counts that one would expect if the groups did not differ."""
    pooled = (ours.count + other.count) / (ours.base + other.base)
    return min(ours.base, other.base) * min(pooled, 1 - pooled)


def newcombe(ours: Rate, other: Rate) -> tuple[float, float]:
    """Bounds of the difference of two independent shares at 95 %, from Wilson's bounds l, u of each (method 10 of
    Newcombe, Statistics in Medicine 17, 1998, 873-890):

    d − √((p₁ − l₁)² + (u₂ − p₂)²) to d + √((u₁ − p₁)² + (p₂ − l₂)²) with d = p₁ − p₂.
    """
    assert ours.share is not None and ours.low is not None and ours.high is not None
    assert other.share is not None and other.low is not None and other.high is not None
    points = ours.share - other.share
    low = points - math.hypot(ours.share - ours.low, other.high - other.share)
    high = points + math.hypot(ours.high - ours.share, other.share - other.low)
    return low, high
