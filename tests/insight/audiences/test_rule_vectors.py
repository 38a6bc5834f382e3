"""Hand-worked examples of the rule language, for the compiler and the reference alike."""

from __future__ import annotations

from datetime import date, datetime
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


_PATHS = {
    "a": [("view", "01T10:00", "x"), ("buy", "03T10:00", "x")],
    "b": [("view", "01T10:00", "x"), ("buy", "03T10:00:01", "y")],
    "c": [("buy", "01T10:00", "x"), ("view", "03T10:00", "x")],
    "d": [("view", "01T10:00", "x"), ("return", "02T10:00", "x"), ("buy", "02T12:00", "x")],
    "e": [("view", "01T10:00", "x"), ("buy", "01T10:00", "x")],
    "f": [
        ("view", "01T10:00", "x"),
        ("return", "02T10:00", "x"),
        ("view", "02T11:00", "y"),
        ("buy", "02T12:00", "x"),
    ],
    "g": [
        ("view", "01T10:00", None),
        ("view", "01T10:30", ""),
        ("buy", "02T11:00", None),
        ("buy", "02T11:00", ""),
        ("buy", "03T10:00", "x"),
    ],
    "h": [
        ("view", "01T10:00", "x"),
        ("return", "01T10:00", "x"),
        ("buy", "01T11:00", "x"),
        ("view", "05T10:00", "x"),
    ],
}
_ORDER = World(
    {
        "wide": {
            "kind": "behaviour",
            "form": "wide",
            "objects": ["category"],
            "rows": [
                {
                    "user_unique_id": user,
                    "type": kind,
                    "at": datetime.fromisoformat(f"2021-12-{at}"),
                    "channel": None,
                    "count": 1,
                    "amount": None,
                    "category": category,
                }
                for user, path in _PATHS.items()
                for kind, at, category in path
            ],
        }
    },
    {},
    TODAY,
)


@pytest.fixture(scope="module")
def order() -> Engine:
    return Engine(_ORDER)


_RETURN = {"type": ["return"]}


@pytest.mark.parametrize(
    ("following", "expected"),
    [
        ([{}], "a b d f g h"),
        ([{"within": {"days": 2}}], "a d f g h"),
        ([{"within": {"hours": 1}}], "f h"),
        ([{"within": {"minutes": 59}}], ""),
        ([{"same": ["category"]}], "a d f h"),
        ([{"not_between": [_RETURN]}], "a b f g h"),
        ([{"not_between": [_RETURN], "same": ["category"]}], "a h"),
        ([{"not_between": [{**_RETURN, "same": ["category"]}], "same": ["category"]}], "a h"),
        ([{"not_between": [{}]}], "a b f g h"),
        ([{}, {}], "g"),
        ([{}, {"type": ["view"]}], "h"),
        ([{}, {"type": ["view"], "same": ["category"], "within": {"days": 4}}], "h"),
        ([{}, {"type": ["view"], "same": ["category"], "within": {"days": 3}}], ""),
    ],
)
def test_sequences(order: Engine, following: list[Any], expected: str) -> None:
    steps = [{"type": ["view"]}, *({"type": ["buy"], **step} for step in following)]
    leaf = {"kind": "sequence", "dataset": "wide", "steps": steps}
    assert order.people(leaf) == expected.split()
    assert sorted(_ORDER.people(leaf)) == expected.split()


@pytest.mark.parametrize(
    ("window", "expected"),
    [
        ({"kind": "between", "from": "2021-12-01", "to": "2021-12-02"}, "d f g h"),
        ({"kind": "after", "at": "2021-12-01"}, "f"),
    ],
)
def test_a_sequence_lies_in_its_window(order: Engine, window: Any, expected: str) -> None:
    steps = [{"type": ["view"]}, {"type": ["buy"]}]
    leaf = {"kind": "sequence", "dataset": "wide", "steps": steps, "window": window}
    assert order.people(leaf) == sorted(_ORDER.people(leaf)) == expected.split()


_STAGES = {
    "2021-12-01": {**dict.fromkeys("abcd", "A"), "e": "I", "f": "I", "g": "P", "h": "P", "i": "L", "j": "L"},
    "2021-12-15": {
        "a": "A",
        "b": "I",
        "c": "P",
        "e": "I",
        "f": "L",
        "g": "P",
        "h": "A",
        "i": "L",
        "k": "A",
        "l": "P",
    },
}
_SCORES = [
    ("c1", 5, 12, 2400, 5, 5, 5, "high_value"),
    ("c2", 200, 6, 1500, 1, 4, 5, "key_keep"),
    ("c3", 20, 1, 1000, 5, 1, 5, "key_develop"),
    ("c4", 120, 1, 800, 2, 1, 4, "key_win_back"),
    ("c5", 29, 3, 299.99, 5, 3, 2, "general_value"),
    ("c6", 95, 4, 120, 2, 3, 2, "general_keep"),
    ("c7", 30, 1, 99.99, 4, 1, 1, "general_develop"),
    ("c8", 365, 1, 100, 1, 1, 2, "potential"),
]
_MODELS = World(
    {
        "aipl": {
            "kind": "aipl",
            "computed": [date.fromisoformat(day) for day in _STAGES],
            "rows": [
                {"day": date.fromisoformat(day), "user_unique_id": user, "stage": stage}
                for day, stages in _STAGES.items()
                for user, stage in stages.items()
            ],
        },
        "rfm": {
            "kind": "rfm",
            "rows": [
                dict(zip(("user_unique_id", "r_days", "f", "m", "rs", "fs", "ms", "type"), row, strict=True))
                for row in _SCORES
            ],
        },
    },
    {},
    TODAY,
)


@pytest.fixture(scope="module")
def models() -> Engine:
    return Engine(_MODELS)


@pytest.mark.parametrize(
    ("before", "targets", "expected"),
    [
        ("A", ["A"], "a"),
        ("A", ["I"], "b"),
        ("A", ["I", "P"], "b c"),
        ("A", ["converted"], "b c"),
        ("A", ["lost"], "d"),
        ("I", ["converted"], "f"),
        ("I", ["lost"], ""),
        ("P", ["A"], "h"),
        ("L", ["lost"], "j"),
        ("L", ["converted"], ""),
        ("L", ["L", "lost"], "i j"),
        ("none", ["A"], "k"),
        ("none", ["P", "L"], "l"),
        ("none", ["converted"], "k l"),
    ],
)
def test_how_stages_changed(models: Engine, before: str, targets: list[str], expected: str) -> None:
    for first, last in (
        ("2021-12-01", "2021-12-15"),
        ({"offset": -15, "unit": "day"}, {"offset": -1, "unit": "day"}),
    ):
        flow = {"from": first, "to": last, "transitions": [{"from": before, "to": targets}]}
        leaf = {"kind": "aipl", "dataset": "aipl", "flow": flow}
        assert models.people(leaf) == sorted(_MODELS.people(leaf)) == expected.split()


def test_several_transitions_are_united(models: Engine) -> None:
    moves = [{"from": "A", "to": ["I", "P"]}, {"from": "L", "to": ["lost"]}]
    flow = {"from": "2021-12-01", "to": "2021-12-15", "transitions": moves}
    assert models.people({"kind": "aipl", "dataset": "aipl", "flow": flow}) == ["b", "c", "j"]
    flow["transitions"] = [*moves, {"from": "none", "to": ["A"]}]
    assert models.people({"kind": "aipl", "dataset": "aipl", "flow": flow}) == ["b", "c", "j", "k"]


def test_stages_are_those_of_the_latest_day(models: Engine) -> None:
    assert models.people({"kind": "aipl", "dataset": "aipl", "stages": ["P", "L"]}) == list("cfgil")


@pytest.mark.parametrize(
    ("way", "expected"),
    [
        ({"types": ["high_value", "key_keep"]}, "1 2"),
        ({"min_scores": {"r": 3, "f": 2, "m": 1}}, "1 5"),
        ({"min_scores": {"m": 4}}, "1 2 3 4"),
        ({"ranges": {"r_days": [0, 30], "f": [1, None], "m": [1000, None]}}, "1 3"),
        ({"ranges": {"r_days": [30, 120]}}, "4 6 7"),
        ({"ranges": {"m": [None, 99.99]}}, "7"),
    ],
)
def test_scores_and_types(models: Engine, way: Any, expected: str) -> None:
    leaf = {"kind": "rfm", "dataset": "rfm", **way}
    users = [f"c{number}" for number in expected.split()]
    assert models.people(leaf) == sorted(_MODELS.people(leaf)) == users


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
