"""TGI, its interval, orders and percentages against worked examples and plain references."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cdp.core.percentages import in_percent, parts_in_percent, percentages
from insight.analysis import indicators
from insight.analysis.ordering import natural_key, ordered

counts = st.integers(0, 1000)


def test_a_worked_tgi() -> None:
    # 300 of 1,000 against 2,000 of 10,000: 30 % against 20 %.
    found = indicators.compare(300, 1000, 2000, 10_000, everybody=True, percent=20.0)
    assert (found.tgi, found.difference, found.share) == (150, 10.0, 0.2)
    low, high = (300 + 1.920729) / 1003.841459, 0.0
    half = 1.959964 * math.sqrt(0.3 * 0.7 * 1000 + 0.960365) / 1003.841459
    low, high = low - half, low + half
    assert (found.low, found.high) == (
        pytest.approx(100 * low / 0.2, abs=0.06),
        pytest.approx(100 * high / 0.2, abs=0.06),
    )
    assert not found.few


def test_a_worked_ratio_of_two_audiences() -> None:
    # 15 of 105 against 30 of 100: ratio 0.476, 95 % interval 0.273 to 0.831 by Katz.
    found = indicators.compare(15, 105, 30, 100, everybody=False, percent=30.0)
    error = math.sqrt(1 / 15 - 1 / 105 + 1 / 30 - 1 / 100)
    ratio = (15 / 105) / 0.3
    assert found.tgi == 48
    assert found.low == pytest.approx(100 * ratio * math.exp(-1.959964 * error), abs=0.06)
    assert found.high == pytest.approx(100 * ratio * math.exp(1.959964 * error), abs=0.06)


@given(counts, counts, counts, counts, st.booleans())
def test_index_and_interval_fit_the_definition(
    a: int, more_a: int, b: int, more_b: int, everybody: bool
) -> None:
    n, m = a + more_a, b + more_b
    found = indicators.compare(a, n, b, m, everybody=everybody, percent=0.0)
    if not b or not n:
        assert (found.tgi, found.low, found.high) == (None, None, None)
        return
    assert found.low is not None and found.high is not None
    exact = 100 * Fraction(a, n) / Fraction(b, m)
    assert found.tgi == math.floor(exact + Fraction(1, 2))
    assert found.low <= float(exact) + 0.06 and found.high >= float(exact) - 0.06 and found.low >= 0


def test_an_index_ends_in_a_half_and_is_rounded_up() -> None:
    assert indicators.index(1, 8, 1, 1) == 13


@pytest.mark.parametrize(
    ("numbers", "few"),
    [
        ((5, 30, 5, 30), False),
        ((4, 30, 5, 30), True),
        ((5, 29, 5, 30), True),
        ((5, 30, 4, 30), True),
        ((5, 30, 5, 29), True),
    ],
)
def test_few_people_are_marked(numbers: tuple[int, int, int, int], few: bool) -> None:
    assert indicators.compare(*numbers, everybody=False, percent=0.0).few is few


@given(st.lists(st.integers(0, 10**9), min_size=1, max_size=300))
def test_percentages_add_up_to_a_hundred_and_are_next_to_the_exact_ones(numbers: list[int]) -> None:
    found, total = percentages(numbers), sum(numbers)
    assert sum(round(10 * percent) for percent in found) == (1000 if total else 0)
    for number, percent in zip(numbers, found, strict=True):
        assert not total or abs(percent - 100 * number / total) < 0.1 + 1e-9


@given(st.lists(st.floats(0, 1e9, allow_subnormal=False), min_size=1, max_size=20))
def test_percentages_of_amounts_add_up_too(amounts: list[float]) -> None:
    assert sum(round(10 * percent) for percent in percentages(amounts)) == (1000 if sum(amounts) else 0)


def test_what_are_no_few_parts_of_a_whole_is_rounded_one_by_one() -> None:
    assert percentages([110.0, -10.0]) == [110.0, -10.0], "a refund is no part"
    assert percentages([-3.0, 1.0]) == [0.0, 0.0]
    assert parts_in_percent([1, 1, 1]) == [33.4, 33.3, 33.3]
    assert set(parts_in_percent([1] * 300)) == {0.3}
    assert (in_percent(None), in_percent(0.98765), in_percent(0)) == (None, 98.8, 0.0)


@given(st.lists(st.integers(0, 10**6), min_size=2, max_size=50))
def test_nobody_with_more_people_gets_a_smaller_percentage(numbers: list[int]) -> None:
    pairs = sorted(zip(numbers, percentages(numbers), strict=True))
    assert all(a[1] <= b[1] for a, b in pairwise(pairs) if a[0] < b[0])


@pytest.mark.parametrize(
    ("value", "bounds"),
    [
        ("7", (7, 7)),
        ("-3.5", (-3.5, -3.5)),
        ("0~200", (0, 200)),
        ("200-500", (200, 500)),
        ("1,000–2,000", (1000, 2000)),
        ("18 to 24", (18, 24)),
        ("18至24岁", (18, 24)),
        ("65+", (65, math.inf)),
        (">500", (500, math.inf)),
        ("<18", (-math.inf, 18)),
        ("30%", (30, 30)),
    ],
)
def test_numbers_and_ranges_are_understood(value: str, bounds: tuple[float, float]) -> None:
    assert natural_key(value) == bounds


@pytest.mark.parametrize("value", ["Oslo", "v12", "", "a-b", "2024-01-05x", "1.2.3"])
def test_other_text_is_no_number(value: str) -> None:
    assert natural_key(value) is None


def test_ranges_come_by_size_and_other_values_by_frequency() -> None:
    ages = [("25-34", 9), ("65+", 8), ("<18", 7), ("18-24", 6), ("100", 1)]
    assert [value for value, _n in ordered(ages)] == ["<18", "18-24", "25-34", "65+", "100"]
    cities = [("Bergen", 3), ("Oslo", 9), ("25-34", 9)]
    assert [value for value, _n in ordered(cities)] == ["25-34", "Oslo", "Bergen"]
