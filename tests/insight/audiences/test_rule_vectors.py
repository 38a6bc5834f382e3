"""Hand-worked examples of the rule language, for the compiler and the reference alike."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest

from tests.insight.audiences.engine import TODAY, Engine
from tests.insight.audiences.reference import World

_PEOPLE = [
    ("u1", "男", "上海", ["a", "b"], 0, "2021-12-16T00:00:00"),
    ("u2", "女", "北京", ["b"], 99.99, "2021-12-15T23:59:59"),
    ("u3", "女", "上海浦东", ["a", "b"], 100, "2021-12-09T12:00:00"),
    ("u4", "男", None, None, 500, "2021-11-16T08:00:00"),
    ("u5", None, "", [], 500.01, None),
    ("u6", "女", "南京", ["c"], None, "2021-09-17T00:00:00"),
    ("u7", "男", "上海", ["a", "b", "c"], -5, "2020-12-16T09:00:00"),
    ("u8", "女", "Shanghai", ["ab"], 100, "2021-12-17T10:00:00"),
]
_ACTS = [
    ("u1", "购买", "2021-12-01", 1, 100, "官网", {"一级类目": "女装", "商品": "A"}),
    ("u1", "购买", "2021-12-10", 2, 300, "app", {"一级类目": "女装", "商品": "B"}),
    ("u2", "购买", "2021-12-10", 1, 50, "app", {"一级类目": "男装", "商品": "C"}),
    ("u3", "浏览", "2021-12-11", 9, 900, "官网", {"一级类目": "女装", "商品": "A"}),
    ("u4", "购买", "2021-06-01", 5, 5000, "官网", {"一级类目": "女装", "商品": "A"}),
]
WORLD = World(
    {
        "people": {
            "kind": "tags",
            "types": {
                "gender": "enum",
                "city": "text",
                "interests": "multi",
                "spend": "number",
                "joined": "date",
            },
            "rows": [
                {
                    "user_unique_id": user,
                    "gender": gender,
                    "city": city,
                    "interests": interests,
                    "spend": spend,
                    "joined": datetime.fromisoformat(joined) if joined else None,
                }
                for user, gender, city, interests, spend, joined in _PEOPLE
            ],
        },
        "acts": {
            "kind": "behaviour",
            "form": "key_value",
            "base_attribute": "商品",
            "rows": [
                {
                    "user_unique_id": user,
                    "type": kind,
                    "at": datetime.fromisoformat(at),
                    "count": count,
                    "amount": amount,
                    "channel": channel,
                    "object_key": key,
                    "object_value": value,
                }
                for user, kind, at, count, amount, channel, objects in _ACTS
                for key, value in objects.items()
            ],
        },
    },
    {"A": ["1", "4", "7"], "B": ["1", "3", "7"], "C": ["4", "5"]},
    TODAY,
)


@pytest.fixture(scope="module")
def engine() -> Engine:
    return Engine(WORLD)


def tag(name: str, operator: str, value: Any = None) -> dict[str, Any]:
    leaf = {"kind": "tag", "dataset": "people", "tag": name, "operator": operator}
    return leaf if value is None else {**leaf, "value": value}


def agree(engine: Engine, rule: Any, expected: list[str]) -> None:
    assert engine.people(rule) == expected
    assert sorted(WORLD.people(rule)) == expected


@pytest.mark.parametrize(
    ("name", "operator", "value", "expected"),
    [
        ("gender", "in", ["男"], "1 4 7"),
        ("gender", "not_in", ["男"], "2 3 6 8"),
        ("gender", "empty", None, "5"),
        ("city", "in", ["上海"], "1 7"),
        ("city", "not_in", ["上海"], "2 3 6 8"),
        ("city", "contains", ["上海", "京"], "1 2 3 6 7"),
        ("city", "not_contains", ["上海", "京"], "8"),
        ("city", "starts_with", ["上海"], "1 3 7"),
        ("city", "not_starts_with", ["上海"], "2 6 8"),
        ("city", "ends_with", ["京"], "2 6"),
        ("city", "not_ends_with", ["京"], "1 3 7 8"),
        ("city", "empty", None, "4 5"),
        ("city", "not_empty", None, "1 2 3 6 7 8"),
        ("interests", "contains", ["a", "c"], "1 3 6 7"),
        ("interests", "contains_all", ["a", "b"], "1 3 7"),
        ("interests", "contains_none", ["a"], "2 6 8"),
        ("interests", "empty", None, "4 5"),
        ("interests", "not_empty", None, "1 2 3 6 7 8"),
        ("spend", "between", [100, 500], "3 4 8"),
        ("spend", "not_between", [100, 500], "1 2 5 7"),
        ("spend", ">", 100, "4 5"),
        ("spend", ">=", 100, "3 4 5 8"),
        ("spend", "<", 0, "7"),
        ("spend", "<=", 0, "1 7"),
        ("spend", "=", 100, "3 8"),
        ("spend", "!=", 100, "1 2 4 5 7"),
        ("spend", "empty", None, "6"),
    ],
)
def test_tag_operators(engine: Engine, name: str, operator: str, value: Any, expected: str) -> None:
    agree(engine, tag(name, operator, value), [f"u{n}" for n in expected.split()])


@pytest.mark.parametrize(
    ("operator", "value", "expected"),
    [("in", "上海", "1 7"), ("not_in", "上海", "2 3 6 8"), ("in", "nowhere", "")],
)
def test_long_lists_of_values(engine: Engine, operator: str, value: str, expected: str) -> None:
    listed = [value, *(f"elsewhere {number}" for number in range(500))]
    agree(engine, tag("city", operator, listed), [f"u{n}" for n in expected.split()])
    rule = group("subtract", tag("city", "not_empty"), tag("city", operator, listed))
    assert engine.counts(rule)["items/1"] == len(expected.split())
    assert engine.counts(rule)[""] == 6 - len(expected.split())


@pytest.mark.parametrize(
    ("window", "expected"),
    [
        ({"kind": "period", "unit": "day", "offset": 0}, "1"),
        ({"kind": "period", "unit": "day", "offset": -1}, "2"),
        ({"kind": "period", "unit": "week", "offset": 0}, "1 2 8"),
        ({"kind": "period", "unit": "week", "offset": -1}, "3"),
        ({"kind": "period", "unit": "month", "offset": 0}, "1 2 3 8"),
        ({"kind": "period", "unit": "month", "offset": -1}, "4"),
        ({"kind": "period", "unit": "quarter", "offset": 0}, "1 2 3 4 8"),
        ({"kind": "period", "unit": "quarter", "offset": -1}, "6"),
        ({"kind": "period", "unit": "year", "offset": 0}, "1 2 3 4 6 8"),
        ({"kind": "period", "unit": "year", "offset": -1}, "7"),
        ({"kind": "last_days", "days": 7}, "2 3"),
        ({"kind": "last_days", "days": 7, "include_today": True}, "1 2"),
        ({"kind": "last_days", "days": 90}, "2 3 4 6"),
        ({"kind": "next_days", "days": 7}, "8"),
        (
            {"kind": "relative", "from": {"offset": -30, "unit": "day"}, "to": {"offset": -7, "unit": "day"}},
            "3 4",
        ),
        (
            {"kind": "relative", "from": {"offset": -1, "unit": "month"}, "to": {"offset": 0, "unit": "day"}},
            "1 2 3 4",
        ),
        ({"kind": "before", "at": "2021-12-09"}, "4 6 7"),
        ({"kind": "after", "at": "2021-12-09"}, "1 2 8"),
        ({"kind": "any"}, "1 2 3 4 6 7 8"),
        ({"kind": "between", "from": "2021-12-09", "to": "2021-12-15"}, "2 3"),
        ({"kind": "between", "from": "2021-12-09", "to": "2021-12-15T23:59:58"}, "3"),
        ({"kind": "before", "at": "2021-12-09T12:00:00"}, "4 6 7"),
        ({"kind": "after", "at": "2021-12-15T23:59:59"}, "1 8"),
    ],
)
def test_windows(engine: Engine, window: Any, expected: str) -> None:
    agree(engine, tag("joined", "within", window), [f"u{n}" for n in expected.split()])
    others = [u for u in ("u1", "u2", "u3", "u4", "u6", "u7", "u8") if u[1:] not in expected.split()]
    agree(engine, tag("joined", "not_within", window), others)


def test_anniversaries(engine: Engine) -> None:
    agree(engine, tag("joined", "anniversary_within", {"days": 7}), ["u1", "u7", "u8"])


def act(**parts: Any) -> dict[str, Any]:
    return {"kind": "behaviour", "dataset": "acts", "type": ["购买"], **parts}


_LAST_30 = {"kind": "last_days", "days": 30}
_WOMEN = [{"name": "一级类目", "operator": "in", "value": ["女装"]}]
_ANY_CATEGORY = [{"name": "一级类目", "operator": "any"}]


def having(measure: str, operator: str, value: Any) -> dict[str, Any]:
    return {"measure": measure, "operator": operator, "value": value}


@pytest.mark.parametrize(
    ("leaf", "expected"),
    [
        (act(window=_LAST_30, objects=_WOMEN, having=having("times", ">=", 2)), "1"),
        (act(window=_LAST_30, objects=_WOMEN, having=having("amount", ">=", 400)), "1"),
        (act(window=_LAST_30, objects=_WOMEN, having=having("amount", ">", 400)), ""),
        (act(window=_LAST_30, objects=_ANY_CATEGORY, channel=["app"], having=having("times", ">=", 2)), "1"),
        (act(objects=_ANY_CATEGORY, having=having("amount", ">", 1000)), "4"),
        (act(did=False, window=_LAST_30, objects=_ANY_CATEGORY), "3 4"),
        (act(window=_LAST_30, having=having("times", ">=", 4)), ""),
        (act(window=_LAST_30, having=having("times", ">=", 3)), "1"),
        (act(did=False, base="people", objects=_ANY_CATEGORY), "3 5 6 7 8"),
        (act(objects=_ANY_CATEGORY, having=having("days", "=", 2)), "1"),
        (act(objects=_ANY_CATEGORY, having=having("amount_per_time", ">", 130)), "1 4"),
        (act(objects=_ANY_CATEGORY, having=having("last_at", "<", "2021-12-10")), "4"),
        (act(objects=_ANY_CATEGORY, having=having("first_at", "=", "2021-12-01")), "1"),
    ],
)
def test_behaviour(engine: Engine, leaf: Any, expected: str) -> None:
    agree(engine, leaf, [f"u{n}" for n in expected.split()])


def members(name: str) -> dict[str, Any]:
    return {"kind": "audience", "audience": name}


def group(op: str, *items: Any) -> dict[str, Any]:
    return {"op": op, "items": list(items)}


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (group("intersect", group("union", members("A"), members("B")), members("C")), "4"),
        (group("union", members("A"), group("intersect", members("B"), members("C"))), "1 4 7"),
        (group("subtract", members("A"), members("B"), members("C")), ""),
        (group("subtract", members("A"), group("subtract", members("B"), members("C"))), "4"),
    ],
)
def test_set_algebra(engine: Engine, rule: Any, expected: str) -> None:
    agree(engine, rule, expected.split())


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (group("subtract", tag("gender", "not_empty"), tag("city", "in", ["上海"])), "2 3 4 6 8"),
        (
            group(
                "subtract", tag("city", "empty"), tag("spend", ">", 500), tag("interests", "contains", ["a"])
            ),
            "4",
        ),
        (
            group(
                "subtract",
                tag("gender", "not_empty"),
                group("union", tag("spend", "<", 0), tag("city", "empty")),
            ),
            "1 2 3 6 8",
        ),
        (
            group(
                "union",
                tag("spend", "empty"),
                group("intersect", tag("gender", "in", ["男"]), tag("spend", ">=", 0)),
            ),
            "1 4 6",
        ),
    ],
)
def test_people_without_a_value_are_not_subtracted(engine: Engine, rule: Any, expected: str) -> None:
    users = [f"u{n}" for n in expected.split()]
    agree(engine, rule, users)
    assert engine.counts(rule)[""] == len(users)


def test_every_part_of_a_rule_is_counted(engine: Engine) -> None:
    rule = group(
        "subtract", group("union", tag("gender", "in", ["女"]), tag("spend", ">", 100)), act(objects=_WOMEN)
    )
    assert engine.counts(rule) == {
        "": 5,
        "items/0": 6,
        "items/0/items/0": 4,
        "items/0/items/1": 2,
        "items/1": 2,
    }
