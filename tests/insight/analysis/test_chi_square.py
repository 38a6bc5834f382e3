"""The chi-square distribution against printed tables, the test against the formula, the correction against its rule."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from insight.analysis import chi_square


@pytest.mark.parametrize(
    ("statistic", "df", "p"),
    [
        # Critical values as tables print them (NIST/SEMATECH e-Handbook, 1.3.6.7.4).
        (3.841, 1, 0.05),
        (6.635, 1, 0.01),
        (10.828, 1, 0.001),
        (5.991, 2, 0.05),
        (18.307, 10, 0.05),
        (23.209, 10, 0.01),
        (43.773, 30, 0.05),
        (124.342, 100, 0.05),
        (149.449, 100, 0.001),
        (77.929, 100, 0.95),
        (2.706, 1, 0.10),
    ],
)
def test_critical_values_of_tables(statistic: float, df: int, p: float) -> None:
    assert chi_square.survival(statistic, df) == pytest.approx(p, rel=2e-3)


@given(st.floats(0.001, 1400))
def test_with_one_and_two_degrees_of_freedom_there_are_closed_forms(statistic: float) -> None:
    assert chi_square.survival(statistic, 2) == pytest.approx(math.exp(-statistic / 2), rel=1e-9)
    assert chi_square.survival(statistic, 1) == pytest.approx(math.erfc(math.sqrt(statistic / 2)), rel=1e-9)


@given(st.floats(0.001, 3000), st.integers(1, 700))
def test_even_degrees_of_freedom_are_a_poisson_sum(statistic: float, half: int) -> None:
    x, total = statistic / 2, 0.0
    for k in range(half):
        total += math.exp(k * math.log(x) - x - math.lgamma(k + 1))
    assert chi_square.survival(statistic, 2 * half) == pytest.approx(total, rel=1e-8, abs=1e-12)


def test_nothing_exceeds_what_cannot_be_and_everything_exceeds_nought() -> None:
    assert chi_square.survival(0, 5) == 1 and chi_square.survival(10_000_000, 1) == 0


def plain(ours: list[int], rest: list[int]) -> float:
    n, m = sum(ours), sum(rest)
    found = 0.0
    for a, b in zip(ours, rest, strict=True):
        for seen, size in ((a, n), (b, m)):
            expected = (a + b) * size / (n + m)
            found += (seen - expected) ** 2 / expected
    return found


@given(st.lists(st.tuples(st.integers(200, 900), st.integers(200, 900)), min_size=2, max_size=12))
def test_without_small_values_the_statistic_is_the_textbook_one(cells: list[tuple[int, int]]) -> None:
    ours, rest = [a for a, _b in cells], [b for _a, b in cells]
    test = chi_square.independence(ours, rest)
    assert test.statistic == pytest.approx(plain(ours, rest), abs=1e-9) and test.df == len(cells) - 1
    assert test.effect == pytest.approx(math.sqrt(test.statistic / (sum(ours) + sum(rest))))
    assert 0 <= test.effect <= 1 and 0 <= test.p <= 1


def test_values_of_which_few_are_expected_are_put_together() -> None:
    test = chi_square.independence([50, 50, 1, 2, 3], [500, 450, 20, 15, 12])
    assert test.df == 2
    assert test.statistic == pytest.approx(plain([50, 50, 6], [500, 450, 47]))


def test_a_pool_that_is_still_too_small_takes_the_next_smallest_value() -> None:
    test = chi_square.independence([60, 40, 1], [500, 400, 2])
    assert test.df == 1 and test.statistic == pytest.approx(plain([60, 41], [500, 402]))


@pytest.mark.parametrize(
    ("ours", "rest"), [([], []), ([5], [90]), ([0, 0], [5, 5]), ([5, 5], [0, 0]), ([1, 1], [1, 1])]
)
def test_what_cannot_be_tested_is_not_significant(ours: list[int], rest: list[int]) -> None:
    assert chi_square.independence(ours, rest) == chi_square.NOTHING


def slow_correction(p_values: list[float]) -> list[float]:
    """min over all p as large or larger of p·m / rank, the definition read aloud."""
    m = len(p_values)
    ranks = sorted(p_values)
    return [
        min(min(1.0, p * m / (place + 1)) for place, p in enumerate(ranks) if p >= own) for own in p_values
    ]


@given(st.lists(st.floats(0, 1), max_size=30))
def test_corrected_values_follow_benjamini_and_hochberg(p_values: list[float]) -> None:
    found = chi_square.corrected(p_values)
    # Of equal p-values the last rank counts, which the definition above takes as the smallest of theirs.
    assert found == pytest.approx(slow_correction(p_values), rel=1e-12, abs=1e-300)


def test_the_printed_example_of_benjamini_and_hochberg() -> None:
    p_values = [0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240]
    p_values += [0.4262, 0.5719, 0.6528, 0.7590, 1.0]
    found = chi_square.corrected(p_values)
    assert [q <= 0.05 for q in found] == [True] * 4 + [False] * 11
