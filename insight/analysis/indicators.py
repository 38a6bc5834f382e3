"""How a share differs from that of a group it is compared with: difference in points, TGI and its interval."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

Z = 1.959963984540054
"""The normal quantile of a two-sided interval of 95 %."""
FEW_PEOPLE = 30
FEW_OF_A_VALUE = 5


@dataclass(frozen=True)
class Comparison:
    """A value in the group it is compared with. `difference` is in percentage points; `tgi`, `low` and `high` are
    None where nobody there has the value. `few`: too few people for the figures to mean much.
    """

    count: int
    share: float
    percent: float
    difference: float
    tgi: int | None
    low: float | None
    high: float | None
    few: bool

    def as_json(self) -> dict[str, Any]:
        return dict(vars(self))


def compare(
    people: int, base: int, others: int, others_base: int, *, everybody: bool, percent: float
) -> Comparison:
    """`people` of `base` have a value here, `others` of `others_base` there; `everybody`: there is the population.

    TGI (target group index) = 100 × share here ÷ share there, rounded half up; 100 is the same share.
    """
    here, there = _share(people, base), _share(others, others_base)
    low, high = interval(people, base, others, others_base, everybody=everybody)
    return Comparison(
        others,
        round(there, 6),
        percent,
        round(100 * (here - there), 4),
        index(people, base, others, others_base),
        low,
        high,
        base < FEW_PEOPLE or others_base < FEW_PEOPLE or min(people, others) < FEW_OF_A_VALUE,
    )


def index(people: int, base: int, others: int, others_base: int) -> int | None:
    """The TGI, rounded half up in whole numbers, so that no rounding error decides."""
    if not others or not base:
        return None
    return (2 * 100 * people * others_base + base * others) // (2 * base * others)


def interval(
    people: int, base: int, others: int, others_base: int, *, everybody: bool
) -> tuple[float | None, float | None]:
    """The 95 % confidence interval of the TGI, with one decimal.

    Against everybody, the other share is known and only ours could have come out otherwise: Wilson's score interval
    of our share (Wilson, JASA 22, 1927), (p + z²/2n ± z √(p(1−p)/n + z²/4n²)) ÷ (1 + z²/n), divided by that share.
    Against another group, the interval of a ratio of two shares (Katz et al., Biometrics 34, 1978):
    exp(ln(p₁/p₂) ± z √(1/x₁ − 1/n₁ + 1/x₂ − 1/n₂)), with half a person more on both sides where a count is nought
    (Walter, Biometrika 62, 1975). People who are in both groups make that interval wider than it needs to be.
    """
    if not others or not base:
        return None, None
    if everybody:
        share = others / others_base
        low, high = wilson(people, base)
        return round(100 * low / share, 1), round(100 * high / share, 1)
    more = 0.0 if people else 0.5
    x1, n1, x2, n2 = people + more, base + more, others + more, others_base + more
    middle = math.log((x1 / n1) / (x2 / n2))
    width = Z * math.sqrt(max(0.0, 1 / x1 - 1 / n1 + 1 / x2 - 1 / n2))
    low, high = math.exp(middle - width), math.exp(middle + width)
    return round(100 * (low if people else 0.0), 1), round(100 * high, 1)


def wilson(people: int, base: int) -> tuple[float, float]:
    """Wilson's score interval of a share, at 95 %."""
    p, square = people / base, Z * Z
    middle = p + square / (2 * base)
    width = Z * math.sqrt(p * (1 - p) / base + square / (4 * base * base))
    return max(0.0, (middle - width) / (1 + square / base)), min(1.0, (middle + width) / (1 + square / base))


def _share(count: int, base: int) -> float:
    return count / base if base else 0.0
