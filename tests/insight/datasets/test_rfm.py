"""RFM models against the printed example, boundaries, and a slow reference."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from cdp import lake
from cdp.warehouse import get_engine
from insight.datasets import rfm
from tests.factories import make_workspace

TODAY = date(2026, 11, 1)
BANDS: dict[str, Any] = {
    "r": {"bounds": [30, 60, 90, 180], "scores": [5, 4, 3, 2, 1]},
    "f": {"bounds": [2, 3, 5, 10], "scores": [1, 2, 3, 4, 5]},
    "m": {"bounds": [100, 300, 500, 1000], "scores": [1, 2, 3, 4, 5]},
}
CUSTOMERS = [
    ("c1", 5, 12, 2400.0, (5, 5, 5), "high_value"),
    ("c2", 200, 6, 1500.0, (1, 4, 5), "key_keep"),
    ("c3", 20, 1, 1000.0, (5, 1, 5), "key_develop"),
    ("c4", 120, 1, 800.0, (2, 1, 4), "key_win_back"),
    ("c5", 29, 3, 299.99, (5, 3, 2), "general_value"),
    ("c6", 95, 4, 120.0, (2, 3, 2), "general_keep"),
    ("c7", 30, 1, 99.99, (4, 1, 1), "general_develop"),
    ("c8", 365, 1, 100.0, (1, 1, 2), "potential"),
]
COLUMNS = {"key": "who", "user": "who", "time": '"at"', "amount": "amount", "count": "n", "phone": "phone"}


@pytest.fixture
def workspace(db: None) -> Any:
    found = make_workspace()
    lake.ensure_schema(found)
    return found


def run(
    workspace: Any, rows: list[tuple[Any, ...]], model: dict[str, Any], **more: Any
) -> tuple[dict[str, Any], Any]:
    """The figures, and the rows by user."""
    with lake.cursor() as handle:
        handle.execute(
            f"CREATE OR REPLACE TABLE {lake.table_path(workspace, 'source')} "
            '(who VARCHAR, "at" TIMESTAMP, amount DOUBLE, n BIGINT, phone VARCHAR)'
        )
        if rows:
            handle.executemany(
                f"INSERT INTO {lake.table_path(workspace, 'source')} VALUES (?, ?, ?, ?, ?)", rows
            )
    stats = rfm.compute(
        get_engine(),
        workspace,
        rfm.Model.model_validate(model),
        source=lake.table_path(workspace, "source"),
        columns=COLUMNS,
        table="model",
        **{"ids": {"phone": "phone"}, "today": TODAY, **more},
    )
    with lake.cursor() as handle:
        table = handle.execute(f"SELECT * FROM {lake.table_path(workspace, 'model')}").to_arrow_table()
    return stats, {row["user_unique_id"]: row for row in table.to_pylist()}


def day(ago: int) -> date:
    return TODAY - timedelta(days=ago)


def test_the_eight_groups_of_the_printed_example(workspace: Any) -> None:
    given_rows = [(who, day(ago), money, often, f"p-{who}") for who, ago, often, money, _s, _t in CUSTOMERS]
    stats, rows = run(workspace, given_rows, {"input": "customers", "bands": BANDS})
    for who, ago, often, money, scores, kind in CUSTOMERS:
        row = rows[who]
        assert (row["r_days"], row["f"], row["m"], row["type"]) == (ago, often, money, kind)
        assert (row["rs"], row["fs"], row["ms"]) == scores and row["phone"] == f"p-{who}"
    assert stats["means"] == {"r": 3.125, "f": 2.375, "m": 3.25}
    assert stats["users"] == 8 and stats["amount"] == pytest.approx(6319.98)
    assert [group["users"] for group in stats["groups"]] == [1] * 8


def test_rows_without_time_or_amount_are_excluded_and_counted(workspace: Any) -> None:
    rows = [("a", day(3), 10.0, 1, None), ("b", None, 10.0, 1, None), ("c", day(3), None, 1, None)]
    stats, found = run(
        workspace, [*rows, (None, day(1), 1.0, 1, None)], {"input": "customers", "bands": BANDS}
    )
    assert set(found) == {"a"} and stats["excluded"] == 3


def test_amounts_that_are_no_numbers_are_excluded_and_an_empty_count_is_none(workspace: Any) -> None:
    rows = [
        ("a", day(3), float("nan"), 1, None),
        ("b", day(3), float("inf"), 1, None),
        ("c", day(3), 10.0, None, None),
    ]
    stats, found = run(workspace, rows, {"input": "customers", "bands": BANDS})
    assert {who: (row["f"], row["fs"]) for who, row in found.items()} == {"c": (0, 1)}
    assert stats["excluded"] == 2


def test_the_orders_of_the_printed_example(workspace: Any) -> None:
    rows = [
        ("a0001", datetime(2019, 6, 24, 12, 56, 54), 124.0, None, "b0001"),
        ("a0002", datetime(2019, 8, 23, 12, 36, 54), 222.55, None, "b0002"),
        ("a0003", datetime(2018, 7, 12, 16, 36, 54), 356.1, None, "b0003"),
    ]
    stats, found = run(workspace, rows, {}, today=date(2019, 8, 31))
    assert {who: (row["r_days"], row["f"], row["m"]) for who, row in found.items()} == {
        "a0001": (68, 1, 124.0),
        "a0002": (8, 1, 222.55),
        "a0003": (415, 1, 356.1),
    }
    assert stats["amount"] / stats["users"] == pytest.approx(234.2167, abs=1e-4)


@pytest.mark.parametrize(
    ("ago", "money", "scores"),
    [
        (29, 99.99, (5, 1)),
        (30, 100.0, (4, 2)),
        (59, 299.99, (4, 2)),
        (60, 300.0, (3, 3)),
        (179, 999.99, (2, 4)),
        (180, 1000.0, (1, 5)),
    ],
)
def test_bands_include_their_lower_end_only(
    workspace: Any, ago: int, money: float, scores: tuple[int, int]
) -> None:
    _stats, found = run(workspace, [("a", day(ago), money, None, None)], {"bands": BANDS})
    assert (found["a"]["rs"], found["a"]["ms"]) == scores


def test_transactions_refunds_and_period(workspace: Any) -> None:
    rows = [
        ("a", day(0), 100.0, None, None),
        ("a", day(10), 50.0, None, None),
        ("a", day(2), -30.0, None, None),
        ("b", day(40), 70.0, None, None),
        ("c", day(-1), 70.0, None, None),
        ("d", day(1), -5.0, None, None),
    ]
    _stats, found = run(workspace, rows, {"bands": BANDS})
    assert {who: (row["r_days"], row["f"], row["m"]) for who, row in found.items()} == {
        "a": (0, 2, 120.0),
        "b": (40, 1, 70.0),
    }
    _stats, found = run(workspace, rows, {"bands": BANDS, "days": 10})
    assert {who: (row["f"], row["m"]) for who, row in found.items()} == {"a": (1, 70.0)}


def test_typed_comparison_values_count_equality_as_high(workspace: Any) -> None:
    rows = [("a", day(70), 250.0, 2, None), ("b", day(70), 250.0, 1, None)]
    model = {"input": "customers", "bands": BANDS, "compare": {"r": 3, "f": 2, "m": 2}}
    _stats, found = run(workspace, rows, model)
    assert (found["a"]["type"], found["b"]["type"]) == ("high_value", "key_develop")


def test_quintiles_of_the_data_score_one_to_five(workspace: Any) -> None:
    rows = [(f"u{n:03d}", day(n), float(n), n, None) for n in range(1, 101)]
    stats, found = run(workspace, rows, {"input": "customers"})
    for name, newest in (("r", "u001"), ("f", "u100"), ("m", "u100")):
        assert found[newest][f"{name}s"] == 5
        counts = [sum(row[f"{name}s"] == score for row in found.values()) for score in range(1, 6)]
        assert all(count == 20 for count in counts), (name, counts)
    assert stats["means"]["r"] == 3
    same, rows_same = run(
        workspace, [(f"u{n}", day(1), 5.0, 1, None) for n in range(4)], {"input": "customers"}
    )
    assert {row["type"] for row in rows_same.values()} == {"high_value"} and same["users"] == 4


def test_nobody_at_all_is_an_empty_model(workspace: Any) -> None:
    stats, found = run(workspace, [], {"bands": BANDS})
    assert (stats["users"], stats["groups"], found) == (0, [], {})


@pytest.mark.parametrize(
    "model",
    [
        {"bands": {"r": {"bounds": [30], "scores": [5]}}},
        {"bands": {"r": {"bounds": [30, 30], "scores": [5, 4, 3]}}},
        {"bands": {"x": {"bounds": [30], "scores": [5, 4]}}},
        {"input": "customers", "days": 30},
        {"days": 0},
        {"input": "guesses"},
        {"bands": {"r": {"bounds": [float("inf")], "scores": [5, 4]}}},
        {"compare": {"r": float("nan")}},
        {"more": 1},
    ],
)
def test_models_that_make_no_sense_are_refused(model: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        rfm.Model.model_validate(model)


def reference(orders: list[tuple[str, int, int]]) -> dict[str, tuple[int, int, float, str]]:
    """Plain Python: R, F, M and the group of everybody, with the printed bands and the mean scores."""
    by_user: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for who, ago, money in orders:
        by_user[who].append((ago, money))
    values = {}
    for who, found in by_user.items():
        bought = [ago for ago, money in found if money >= 0]
        if bought:
            values[who] = (min(bought), len(bought), float(sum(money for _ago, money in found)))

    def score(name: str, value: float) -> int:
        bounds, scores = BANDS[name]["bounds"], BANDS[name]["scores"]
        return int(scores[sum(value >= bound for bound in bounds)])

    scores = {who: tuple(score(n, v) for n, v in zip("rfm", row, strict=True)) for who, row in values.items()}
    means = [sum(row[i] for row in scores.values()) / len(scores) for i in range(3)] if scores else []
    names = {
        (True, True, True): "high_value",
        (False, True, True): "key_keep",
        (True, False, True): "key_develop",
        (False, False, True): "key_win_back",
        (True, True, False): "general_value",
        (False, True, False): "general_keep",
        (True, False, False): "general_develop",
        (False, False, False): "potential",
    }
    return {
        who: (*row, names[tuple(scores[who][i] >= means[i] for i in range(3))])  # type: ignore[index,misc]
        for who, row in values.items()
    }


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.tuples(st.sampled_from("abcdefgh"), st.integers(0, 400), st.integers(-200, 1500)), max_size=40
    )
)
def test_any_orders_give_what_plain_python_gives(workspace: Any, orders: list[tuple[str, int, int]]) -> None:
    rows = [(who, day(ago), float(money), None, None) for who, ago, money in orders]
    _stats, found = run(workspace, rows, {"bands": BANDS})
    assert {
        who: (row["r_days"], int(row["f"]), row["m"], row["type"]) for who, row in found.items()
    } == reference(orders)
