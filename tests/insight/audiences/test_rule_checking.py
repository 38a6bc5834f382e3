"""Rules against what datasets have."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest

from insight.audiences.checking import ModelDayMissing, check
from insight.audiences.rules import RuleInvalid, parse_rule
from tests.insight.audiences.engine import TODAY, Engine
from tests.insight.audiences.reference import World

TYPES = {"enum": "enum", "text": "text", "multi": "multi", "number": "number", "date": "date"}


@pytest.fixture(scope="module")
def engine() -> Engine:
    wide = {"kind": "behaviour", "form": "wide", "objects": ["category"], "rows": []}
    return Engine(
        World(
            {
                "tags": {"kind": "tags", "types": TYPES, "rows": [], "lost": frozenset({"gone"})},
                "wide": wide,
                "bare": {**wide, "has_channel": False, "has_amount": False},
                "pairs": {"kind": "behaviour", "form": "key_value", "rows": []},
                "rfm": {"kind": "rfm", "rows": []},
                "aipl": {
                    "kind": "aipl",
                    "computed": [date(2021, 12, day) for day in (1, 10, 15)],
                    "rows": [],
                },
                "never": {"kind": "aipl", "computed": [TODAY], "rows": []},
                "based": {"kind": "behaviour", "form": "key_value", "base_attribute": "product", "rows": []},
            },
            {"aud_1": []},
            TODAY,
        )
    )


def tag(name: str, operator: str, value: Any = None, **more: Any) -> dict[str, Any]:
    leaf = {"kind": "tag", "dataset": "tags", "tag": name, "operator": operator, **more}
    return leaf if value is None else {**leaf, "value": value}


def did(dataset: str, **more: Any) -> dict[str, Any]:
    return {"kind": "behaviour", "dataset": dataset, **more}


def flow(first: Any, last: Any, dataset: str = "aipl") -> dict[str, Any]:
    moves = [{"from": "A", "to": ["lost"]}]
    return {"kind": "aipl", "dataset": dataset, "flow": {"from": first, "to": last, "transitions": moves}}


def order(following: dict[str, Any], dataset: str = "wide") -> dict[str, Any]:
    return {"kind": "sequence", "dataset": dataset, "steps": [{}, following]}


CATEGORY = {"name": "category", "operator": "in", "value": ["x"]}
AMOUNT = {"measure": "amount", "operator": ">", "value": 1}


@pytest.mark.parametrize(
    ("leaf", "path"),
    [
        ({**tag("enum", "empty"), "dataset": "nowhere"}, "dataset"),
        ({**tag("enum", "empty"), "dataset": "wide"}, "dataset"),
        (tag("colour", "empty"), "tag"),
        (tag("gone", "empty"), "tag"),
        (tag("enum", "contains", ["x"]), "operator"),
        (tag("text", "contains_all", ["x"]), "operator"),
        (tag("multi", "in", ["x"]), "operator"),
        (tag("number", "in", ["1"]), "operator"),
        (tag("date", "between", [1, 2]), "operator"),
        (tag("enum", "in", ["x"], ignore_case=True), "ignore_case"),
        (did("nowhere"), "dataset"),
        (did("tags"), "dataset"),
        (did("wide", did=False, base="nowhere"), "base"),
        (did("bare", channel=["app"]), "channel"),
        (did("bare", having=AMOUNT), "having/measure"),
        (
            did("bare", having={"op": "or", "items": [{**AMOUNT, "measure": "times"}, AMOUNT]}),
            "having/items/1/measure",
        ),
        (did("wide", objects=[CATEGORY, {**CATEGORY, "name": "colour"}]), "objects/1/name"),
        (did("pairs"), "objects"),
        (did("pairs", objects=[CATEGORY, CATEGORY]), "objects"),
        ({"kind": "audience", "audience": "aud_2"}, "audience"),
        ({"kind": "rfm", "dataset": "tags", "types": ["potential"]}, "dataset"),
        ({"kind": "rfm", "dataset": "aipl", "types": ["potential"]}, "dataset"),
        ({"kind": "aipl", "dataset": "rfm", "stages": ["A"]}, "dataset"),
        ({"kind": "aipl", "dataset": "nowhere", "stages": ["A"]}, "dataset"),
        (flow({"offset": -1, "unit": "month"}, {"offset": -30, "unit": "day"}), "flow"),
        (order({}, dataset="tags"), "dataset"),
        (order({}, dataset="nowhere"), "dataset"),
        (order({"channel": ["app"]}, dataset="bare"), "steps/1/channel"),
        (order({"objects": [{**CATEGORY, "name": "colour"}]}), "steps/1/objects/0/name"),
        (order({"same": ["category", "colour"]}), "steps/1/same/1"),
        (order({"not_between": [{"channel": ["app"]}]}, dataset="bare"), "steps/1/not_between/0/channel"),
        (order({"not_between": [{"same": ["category"]}]}), "steps/1/not_between/0/same"),
        (order({"same": ["category"], "not_between": [{"same": ["x"]}]}), "steps/1/not_between/0/same/0"),
        (order({"same": ["category"]}, dataset="based"), "steps/1/same/0"),
        (order({"objects": [CATEGORY], "same": ["category"]}, dataset="based"), "steps/1/same/0"),
    ],
)
def test_what_does_not_fit_is_named(engine: Engine, leaf: Any, path: str) -> None:
    with pytest.raises(RuleInvalid) as caught:
        check(parse_rule({"op": "union", "items": [leaf]}), engine, today=TODAY)
    assert list(caught.value.errors) == [f"items/0/{path}"]


@pytest.mark.parametrize(
    "leaf",
    [
        tag("text", "contains", ["x"], ignore_case=True),
        tag("date", "anniversary_within", {"days": 0}),
        did("wide", channel=["app"], objects=[CATEGORY], having=AMOUNT),
        did("wide", did=False, base="tags"),
        did("pairs", objects=[CATEGORY]),
        did("based"),
        {"kind": "audience", "audience": "aud_1"},
        {"kind": "rfm", "dataset": "rfm", "types": ["potential"]},
        {"kind": "aipl", "dataset": "never", "stages": ["A"]},
        flow("2021-12-01", {"offset": -1, "unit": "day"}),
        order({"same": ["category"], "not_between": [{"same": ["category"]}]}),
        order({"same": ["product"]}, dataset="based"),
    ],
)
def test_what_fits_passes(engine: Engine, leaf: Any) -> None:
    check(parse_rule(leaf), engine, today=TODAY)


@pytest.mark.parametrize(
    ("leaf", "nearest"),
    [
        (flow("2021-12-01", "2021-12-12"), {"flow/to": ["2021-12-10", "2021-12-15"]}),
        (flow("2021-11-30", "2021-12-15"), {"flow/from": ["2021-12-01"]}),
        (flow("2021-12-10", {"offset": 0, "unit": "day"}), {"flow/to": ["2021-12-15"]}),
        (
            flow("2021-12-01", "2021-12-02", "never"),
            {"flow/from": ["2021-12-16"], "flow/to": ["2021-12-16"]},
        ),
    ],
)
def test_a_day_that_was_not_computed_is_told_with_the_nearest(
    engine: Engine, leaf: Any, nearest: dict[str, list[str]]
) -> None:
    with pytest.raises(ModelDayMissing) as caught:
        check(parse_rule(leaf), engine, today=TODAY)
    assert (caught.value.code, caught.value.nearest) == ("model_day_missing", nearest)
    for path, days in nearest.items():
        assert all(day in caught.value.errors[path][0] for day in days)


def test_other_errors_come_before_missing_days(engine: Engine) -> None:
    rule = {"op": "union", "items": [flow("2021-12-01", "2021-12-12"), tag("gone", "empty")]}
    with pytest.raises(RuleInvalid) as caught:
        check(parse_rule(rule), engine, today=TODAY)
    assert list(caught.value.errors) == ["items/1/tag"]
