"""Rules in words."""

from __future__ import annotations

from typing import Any

import pytest

from insight.audiences.leaves import OPERATORS
from insight.audiences.rules import parse_rule
from insight.audiences.summary import summarise
from tests.insight.audiences.engine import TODAY, Engine
from tests.insight.audiences.reference import World


@pytest.fixture(scope="module")
def engine() -> Engine:
    types = {"age_band": "enum", "city": "text", "interests": "multi", "spend": "number", "joined": "date"}
    wide = {"kind": "behaviour", "form": "wide", "objects": ["category"], "rows": []}
    return Engine(
        World({"people": {"kind": "tags", "types": types, "rows": []}, "orders": wide}, {"aud_1": []}, TODAY)
    )


def tag(name: str, operator: str, value: Any = None) -> dict[str, Any]:
    leaf = {"kind": "tag", "dataset": "people", "tag": name, "operator": operator}
    return leaf if value is None else {**leaf, "value": value}


def did(**more: Any) -> dict[str, Any]:
    return {"kind": "behaviour", "dataset": "orders", "type": ["purchase"], **more}


def total(measure: str, operator: str, value: Any) -> dict[str, Any]:
    return {"measure": measure, "operator": operator, "value": value}


AGE = tag("age_band", "in", ["25-34", "35-44"])
SPENT = tag("spend", "between", [100, 500.5])
MEMBER = {"kind": "audience", "audience": "aud_1"}


@pytest.mark.parametrize(
    ("rule", "words"),
    [
        (AGE, "Age_Band is 25-34 or 35-44"),
        (tag("age_band", "not_in", ["a", "b", "c"]), "Age_Band is not a, b or c"),
        (tag("city", "contains", list("abcdefg")), "City contains a, b, c, d, e and 2 more"),
        (tag("interests", "contains_all", ["a", "b"]), "Interests contains all of a and b"),
        (SPENT, "Spend is between 100 and 500.5"),
        (tag("spend", ">=", 3.0), "Spend is at least 3"),
        (tag("joined", "empty"), "Joined has no value"),
        (tag("joined", "within", {"kind": "last_days", "days": 7}), "Joined is in the 7 days before today"),
        (tag("joined", "within", {"kind": "last_days", "days": 1}), "Joined is yesterday"),
        (
            tag("joined", "not_within", {"kind": "period", "unit": "month", "offset": -1}),
            "Joined is not last month",
        ),
        (
            tag("joined", "within", {"kind": "after", "at": "2021-12-16T08:30:00"}),
            "Joined is after 2021-12-16 08:30:00",
        ),
        (
            tag("joined", "anniversary_within", {"days": 7}),
            "the day and month of Joined come today or in the next 7 days",
        ),
        (
            did(
                objects=[{"name": "category", "operator": "in", "value": ["SOFT DRINKS"]}],
                window={"kind": "between", "from": "2017-03-01", "to": "2017-05-31"},
                having={"op": "and", "items": [total("times", ">=", 2), total("amount", ">", 20)]},
            ),
            "did purchase (orders), category is SOFT DRINKS, "
            "at least 2 times and for an amount of more than 20 in total, between 2017-03-01 and 2017-05-31",
        ),
        (did(did=False, base="people"), "did not do purchase (orders), out of everybody in people"),
        (
            did(having=total("last_at", "<", "2021-12-01")),
            "did purchase (orders), the last time before 2021-12-01",
        ),
        (
            {
                "kind": "sequence",
                "dataset": "orders",
                "steps": [
                    {"type": ["view"]},
                    {
                        "type": ["purchase"],
                        "channel": ["app"],
                        "within": {"days": 7},
                        "same": ["category"],
                        "not_between": [{"type": ["return"], "same": ["category"]}, {}],
                    },
                    {"within": {"hours": 1}},
                ],
                "window": {"kind": "last_days", "days": 90},
            },
            "did view, then purchase [channel is app, within 7 days, the same category, "
            "no return [the same category] in between, no anything in between], then anything [within 1 hour] "
            "(orders), in the 90 days before today",
        ),
        (
            {"kind": "aipl", "dataset": "model", "stages": ["P", "L"]},
            "is at the stage Purchased or Loyal in the AIPL model model",
        ),
        (
            {
                "kind": "aipl",
                "dataset": "model",
                "flow": {
                    "from": {"offset": -30, "unit": "day"},
                    "to": "2021-12-15",
                    "transitions": [
                        {"from": "A", "to": ["I", "lost"]},
                        {"from": "L", "to": ["converted"]},
                        {"from": "none", "to": ["A"]},
                    ],
                },
            },
            "moved from Aware to Interested or no stage any more or from Loyal to any other stage "
            "or from no stage to Aware between 30 days ago and 2021-12-15 in the AIPL model model",
        ),
        (
            {"kind": "rfm", "dataset": "model", "min_scores": {"r": 3, "m": 2}},
            "recency score at least 3 and amount score at least 2 in the RFM model model",
        ),
        (
            {"kind": "rfm", "dataset": "model", "ranges": {"r_days": [0, 30], "m": [1000, None]}},
            "days since the last purchase 0 to 30 and amount at least 1000 in the RFM model model",
        ),
        (MEMBER, "is in the audience aud_1"),
        ({**MEMBER, "snapshot": 3}, "is in the snapshot 3 of the audience aud_1"),
        ({**MEMBER, "audience": "aud_9"}, "is in the audience aud_9"),
        (
            {"op": "union", "items": [AGE, {"op": "subtract", "items": [SPENT, MEMBER]}]},
            "Age_Band is 25-34 or 35-44, OR (Spend is between 100 and 500.5, BUT NOT is in the audience aud_1)",
        ),
        ({"op": "intersect", "items": [{"op": "union", "items": [AGE]}]}, "Age_Band is 25-34 or 35-44"),
    ],
)
def test_a_rule_reads_like_a_sentence(engine: Engine, rule: Any, words: str) -> None:
    assert summarise(parse_rule(rule), engine) == words


_VALUES: dict[str, Any] = {
    "empty": None,
    "not_empty": None,
    "between": [1, 2],
    "not_between": [1, 2],
    "within": {"kind": "any"},
    "not_within": {"kind": "any"},
    "anniversary_within": {"days": 0},
    **dict.fromkeys(("=", "!=", "<", "<=", ">", ">="), 1),
}


@pytest.mark.parametrize("operator", sorted(frozenset().union(*OPERATORS.values())))
def test_every_operator_has_words(engine: Engine, operator: str) -> None:
    assert "City" in summarise(parse_rule(tag("city", operator, _VALUES.get(operator, ["x"]))), engine)


@pytest.mark.parametrize("unit", ["day", "week", "month", "quarter", "year"])
@pytest.mark.parametrize("offset", [-3, -1, 0, 1, 3])
def test_every_period_and_shift_has_words(engine: Engine, unit: str, offset: int) -> None:
    end = {"offset": offset, "unit": unit}
    for window in ({"kind": "period", **end}, {"kind": "relative", "from": end, "to": end}):
        assert "%" not in summarise(parse_rule(tag("joined", "within", window)), engine)
