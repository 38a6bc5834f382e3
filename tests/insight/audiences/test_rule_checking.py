"""Rules against what datasets have."""

from __future__ import annotations

from typing import Any

import pytest

from insight.audiences.checking import check
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
    ],
)
def test_what_does_not_fit_is_named(engine: Engine, leaf: Any, path: str) -> None:
    with pytest.raises(RuleInvalid) as caught:
        check(parse_rule({"op": "union", "items": [leaf]}), engine)
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
    ],
)
def test_what_fits_passes(engine: Engine, leaf: Any) -> None:
    check(parse_rule(leaf), engine)
