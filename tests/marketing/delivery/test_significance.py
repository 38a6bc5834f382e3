"""Rates, their bounds and differences, against slow and obvious references."""

from __future__ import annotations

import math
from itertools import product
from statistics import NormalDist

import pytest

from marketing.delivery import significance
from marketing.delivery.significance import compare, rate

NORMAL = NormalDist()
GROUPS = [(0, 40), (1, 40), (12, 40), (40, 40), (200, 1000), (260, 1000), (3, 9000), (512, 9000)]


def reference_bounds(count: int, base: int) -> tuple[float, float]:
    """The shares that a test would not reject, tried one by one (Wilson's interval is that test turned round)."""
    z, steps = NORMAL.inv_cdf(0.975), 200_000
    share = count / base
    kept = [
        step / steps
        for step in range(steps + 1)
        if abs(share - step / steps) <= z * math.sqrt(step / steps * (1 - step / steps) / base) + 1e-12
    ]
    return kept[0], kept[-1]


@pytest.mark.parametrize(("count", "base"), [(0, 40), (12, 40), (40, 40), (260, 1000)])
def test_the_bounds_of_a_share_are_those_that_a_test_would_not_reject(count: int, base: int) -> None:
    found = rate(count, base)
    low, high = reference_bounds(count, base)
    assert found.share == count / base
    assert found.low == pytest.approx(low, abs=2e-5) and found.high == pytest.approx(high, abs=2e-5)


def reference_p(x1: int, n1: int, x2: int, n2: int) -> float:
    pooled = (x1 + x2) / (n1 + n2)
    variance = pooled * (1 - pooled) / n1 + pooled * (1 - pooled) / n2
    if variance == 0:
        return 1.0
    return 2 * NORMAL.cdf(-abs(x1 / n1 - x2 / n2) / variance**0.5)


@pytest.mark.parametrize(("ours", "other"), list(product(GROUPS, GROUPS)))
def test_p_is_that_of_the_normal_distribution(ours: tuple[int, int], other: tuple[int, int]) -> None:
    found = significance.p_value(rate(*ours), rate(*other))
    assert found == pytest.approx(reference_p(*ours, *other), abs=1e-12)


def test_p_is_close_to_the_exact_chance_where_groups_are_large() -> None:
    """Of all ways to deal 46 openings among two groups of 100, how often at least as far apart as 30 and 16."""
    apart, ways, total = 30 - 16, 0, 0
    for first in range(47):
        number = math.comb(100, first) * math.comb(100, 46 - first)
        total += number
        # Half of those exactly as far apart: the normal distribution knows no steps.
        distance = abs(first - (46 - first))
        ways += number if distance > apart else number / 2 if distance == apart else 0
    assert significance.p_value(rate(30, 100), rate(16, 100)) == pytest.approx(ways / total, abs=0.003)


@pytest.mark.parametrize(("ours", "other"), list(product(GROUPS, GROUPS)))
def test_too_few_people_are_said_to_be_too_few(ours: tuple[int, int], other: tuple[int, int]) -> None:
    (x1, n1), (x2, n2) = ours, other
    whole = n1 + n2
    expected = [n * part / whole for n in (n1, n2) for part in (x1 + x2, whole - x1 - x2)]
    found = compare(rate(*ours), rate(*other))
    assert found is not None and found.few == (min(expected) < 5)
    assert (found.p is None) == (found.significant is None) == found.few


def test_the_bounds_of_a_difference_are_those_of_the_published_example() -> None:
    """Newcombe 1998, table II: 56/70 against 48/80 gives 0.0524 to 0.3339 by method 10."""
    found = compare(rate(56, 70), rate(48, 80))
    assert found is not None
    assert (round(found.low, 4), round(found.high, 4)) == (0.0524, 0.3339)
    assert found.points == pytest.approx(0.2) and found.significant


@pytest.mark.parametrize(("ours", "other"), list(product(GROUPS, GROUPS)))
def test_a_difference_lies_between_its_bounds_and_turns_round_with_its_groups(
    ours: tuple[int, int], other: tuple[int, int]
) -> None:
    there, back = compare(rate(*ours), rate(*other)), compare(rate(*other), rate(*ours))
    assert there is not None and back is not None
    assert -1 <= there.low <= there.points <= there.high <= 1
    assert there.low == pytest.approx(-back.high) and there.p == back.p


def test_a_group_of_nobody_has_no_share_and_no_difference() -> None:
    empty = rate(0, 0)
    assert (empty.share, empty.low, empty.high) == (None, None, None)
    assert compare(empty, rate(1, 2)) is None and compare(rate(1, 2), empty) is None
