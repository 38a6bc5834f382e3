"""What a rule may look like, and where an error is said to be."""

from __future__ import annotations

import json
from datetime import date, datetime
from typing import Any

import jsonschema
import pytest

from insight.audiences.limits import MAX_VALUE_LENGTH, MAX_VALUES
from insight.audiences.rules import (
    RuleInvalid,
    canonical_hash,
    json_schema,
    leaves,
    nodes,
    parse_rule,
    references,
    to_json,
)
from insight.audiences.windows import bounds, shift
from tests.insight.audiences.engine import TODAY


def tag(operator: str, value: Any = None, **more: Any) -> dict[str, Any]:
    leaf = {"kind": "tag", "dataset": "ds_1", "tag": "t", "operator": operator, **more}
    return leaf if value is None else {**leaf, "value": value}


def did(**more: Any) -> dict[str, Any]:
    return {"kind": "behaviour", "dataset": "ds_2", **more}


def both(*items: Any) -> dict[str, Any]:
    return {"op": "intersect", "items": list(items)}


def flow(**more: Any) -> dict[str, Any]:
    moves = [{"from": "A", "to": ["I", "lost"]}]
    parts = {"from": "2021-12-01", "to": "2021-12-15", "transitions": moves, **more}
    return {"kind": "aipl", "dataset": "ds_3", "flow": parts}


def order(*following: dict[str, Any]) -> dict[str, Any]:
    return {"kind": "sequence", "dataset": "ds_2", "steps": [{"type": ["view"]}, *following]}


AUDIENCE = {"kind": "audience", "audience": "aud_1"}
WHOLE = both(
    tag("in", ["25-34"]),
    did(
        type=["purchase"],
        objects=[{"name": "Category", "operator": "in", "value": ["SOFT DRINKS"]}],
        window={"kind": "between", "from": "2017-03-01", "to": "2017-05-31"},
        having={"op": "and", "items": [{"measure": "times", "operator": ">=", "value": 2}]},
    ),
    {"op": "subtract", "items": [{**AUDIENCE, "snapshot": 3}, did(did=False, base="ds_1")]},
)


def errors_of(rule: Any) -> dict[str, list[str]]:
    with pytest.raises(RuleInvalid) as caught:
        parse_rule(rule)
    return caught.value.errors


@pytest.mark.parametrize(
    ("leaf", "path"),
    [
        (tag("in", []), "value"),
        (tag("in"), "value"),
        (tag("in", ["", " "]), "value"),
        (tag("in", "25-34"), "value"),
        (tag("in", [1]), "value"),
        (tag("in", ["x"] * (MAX_VALUES + 1)), "value"),
        (tag("in", ["x" * (MAX_VALUE_LENGTH + 1)]), "value"),
        (tag("empty", ["x"]), "value"),
        (tag("=", "3"), "value"),
        (tag("=", True), "value"),
        (tag(">", float("nan")), "value"),
        (tag("between", [5, 1]), "value"),
        (tag("between", [1]), "value"),
        (tag("like", ["x"]), "operator"),
        (tag("in", ["x"], colour="red"), "colour"),
        (tag("in", ["x"], ignore_case="yes"), "ignore_case"),
        (tag("within", {"kind": "last_days", "days": 0}), "value/days"),
        (tag("within", {"kind": "last_days", "days": 3651}), "value/days"),
        (tag("within", {"kind": "last_days", "days": "7"}), "value/days"),
        (tag("within", {"kind": "last_days", "days": 7, "hours": 1}), "value/hours"),
        (tag("within", {"kind": "someday"}), "value"),
        (tag("within", {"kind": "between", "from": "2021-02-30", "to": "2021-03-01"}), "value/from"),
        (tag("within", {"kind": "between", "from": "2021-02-03", "to": "2021-02-02"}), "value"),
        (tag("within", {"kind": "before", "at": "2021-02-03", "at_": "2021-02-02"}), "value/at_"),
        (tag("within", {"kind": "before", "at": "2021-02-03T10:00:00+08:00"}), "value/at"),
        (tag("within", {"kind": "before", "at": 20210203}), "value/at"),
        (tag("within", {"kind": "period", "unit": "decade"}), "value/unit"),
        (tag("within", {"kind": "period", "unit": "year", "offset": -101}), "value/offset"),
        (tag("anniversary_within", {"days": 367}), "value/days"),
        (did(type=[]), "type"),
        (did(channel="app"), "channel"),
        (did(did="no"), "did"),
        (did(objects=[]), "objects"),
        (did(objects=[{"name": "c", "operator": "any", "value": ["x"]}]), "objects/0/value"),
        (did(objects=[{"name": "c", "value": []}]), "objects/0/value"),
        (did(window={"kind": "next_days"}), "window/days"),
        (did(having={"measure": "spend", "operator": "=", "value": 1}), "having/measure"),
        (did(having={"measure": "times", "operator": "within", "value": 1}), "having/operator"),
        (did(having={"measure": "last_at", "operator": "<", "value": 3}), "having/value"),
        (did(having={"op": "or", "items": []}), "having/items"),
        (did(having={"op": "or", "items": [{"measure": "times", "operator": "="}]}), "having/items/0/value"),
        ({**AUDIENCE, "snapshot": True}, "snapshot"),
        ({"kind": "audience"}, "audience"),
        ({"kind": "horoscope"}, "kind"),
        ({"op": "xor", "items": [AUDIENCE]}, "op"),
        ({"op": "union", "items": []}, "items"),
        ({"op": "union"}, "items"),
        ({"op": "union", "items": [AUDIENCE], "name": "x"}, "name"),
        ({"kind": "rfm", "dataset": "ds_3", "types": ["rich"]}, "types/0"),
        ({"kind": "rfm", "dataset": "ds_3", "types": []}, "types"),
        ({"kind": "rfm", "dataset": "ds_3", "min_scores": {}}, "min_scores"),
        ({"kind": "rfm", "dataset": "ds_3", "min_scores": {"r": -1}}, "min_scores/r"),
        ({"kind": "rfm", "dataset": "ds_3", "ranges": {}}, "ranges"),
        ({"kind": "rfm", "dataset": "ds_3", "ranges": {"f": [5, 1]}}, "ranges/f"),
        ({"kind": "rfm", "dataset": "ds_3", "ranges": {"f": [None, None]}}, "ranges/f"),
        ({"kind": "rfm", "dataset": "ds_3", "ranges": {"f": [1]}}, "ranges/f"),
        ({"kind": "aipl", "dataset": "ds_3", "stages": []}, "stages"),
        ({"kind": "aipl", "dataset": "ds_3", "stages": ["X"]}, "stages/0"),
        (flow(transitions=[]), "flow/transitions"),
        (flow(transitions=[{"from": "A", "to": []}]), "flow/transitions/0/to"),
        (flow(transitions=[{"from": "lost", "to": ["A"]}]), "flow/transitions/0/from"),
        (flow(transitions=[{"from": "none", "to": ["A", "lost"]}]), "flow/transitions/0"),
        (flow(**{"from": "2021-12-15"}), "flow"),
        (flow(to="2021-12-15T10:00:00"), "flow/to"),
        (flow(to="soon"), "flow/to"),
        (flow(to={"offset": 1}), "flow/to/unit"),
        (order(), "steps"),
        (order({"window": {"kind": "any"}}), "steps/1/window"),
        (order({"type": []}), "steps/1/type"),
        (order({"within": {}}), "steps/1/within"),
        (order({"within": {"days": 1, "hours": 1}}), "steps/1/within"),
        (order({"within": {"days": 0}}), "steps/1/within/days"),
        (order({"not_between": []}), "steps/1/not_between"),
        (order({"not_between": [{"within": {"days": 1}}]}), "steps/1/not_between/0/within"),
        (order({"same": []}), "steps/1/same"),
        (order({"same": [""]}), "steps/1/same/0"),
        (order(*[{}] * 6), "steps"),
        ({**order({}), "did": False}, "did"),
    ],
)
def test_an_error_names_its_place(leaf: Any, path: str) -> None:
    found = errors_of(both(AUDIENCE, leaf))
    assert list(found) == [f"items/1/{path}"]
    [[message, *_more]] = found.values()
    assert message.endswith((".", "]")) and not message.startswith(("Input", "Value error"))


def test_all_errors_are_told_at_once() -> None:
    found = errors_of(both(tag("in", []), did(did=1), 3))
    assert list(found) == ["items/0/value", "items/1/did", "items/2"]


def test_base_goes_with_those_who_did_not() -> None:
    assert list(errors_of(did(base="ds_1"))) == [""]


@pytest.mark.parametrize("way", [{}, {"types": ["potential"], "min_scores": {"r": 1}}])
def test_an_rfm_condition_asks_in_one_way(way: Any) -> None:
    assert list(errors_of({"kind": "rfm", "dataset": "ds_3", **way})) == [""]


@pytest.mark.parametrize("way", [{}, {"stages": ["A"], **flow()}])
def test_a_stage_condition_asks_in_one_way(way: Any) -> None:
    assert list(errors_of({"kind": "aipl", "dataset": "ds_3", **way})) == [""]


@pytest.mark.parametrize("part", [{"within": {"days": 1}}, {"same": ["Category"]}, {"not_between": [{}]}])
def test_the_first_step_has_none_before_it(part: Any) -> None:
    leaf = {**order(), "steps": [{"type": ["view"], **part}, {"type": ["buy"]}]}
    assert list(errors_of(leaf)) == [""]


@pytest.mark.parametrize(
    "leaf",
    [
        flow(),
        flow(**{"from": {"offset": -1, "unit": "month"}, "to": {"offset": 0, "unit": "day"}}),
        {"kind": "aipl", "dataset": "ds_3", "stages": ["P", "L"]},
        {"kind": "rfm", "dataset": "ds_3", "types": ["high_value"]},
        {"kind": "rfm", "dataset": "ds_3", "min_scores": {"r": 3, "m": 2.5}},
        {"kind": "rfm", "dataset": "ds_3", "ranges": {"r_days": [0, 30], "f": [2, None]}},
        order(
            {
                "type": ["buy"],
                "objects": [{"name": "Category", "operator": "any"}],
                "within": {"days": 7},
                "not_between": [{"type": ["return"], "same": ["Category"]}],
                "same": ["Category"],
            }
        ),
    ],
)
def test_conditions_on_models_and_order_fit_the_schema_and_stay_themselves(leaf: Any) -> None:
    parsed = parse_rule(both(AUDIENCE, leaf))
    assert parse_rule(to_json(parsed)) == parsed
    jsonschema.validate(both(AUDIENCE, leaf), json_schema())
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(both(AUDIENCE, {**leaf, "colour": 1}), json_schema())


def nested(levels: int) -> Any:
    rule: Any = AUDIENCE
    for _level in range(levels):
        rule = both(rule)
    return rule


def test_five_levels_of_groups_are_allowed() -> None:
    parse_rule(nested(5))


@pytest.mark.parametrize("levels", [6, 300, 20_000])
def test_deeper_groups_are_refused(levels: int) -> None:
    errors_of(nested(levels))


def test_deep_totals_are_refused() -> None:
    having: Any = {"measure": "times", "operator": "=", "value": 1}
    for _level in range(300):
        having = {"op": "and", "items": [having]}
    assert list(errors_of(did(having=having))) == ["having"]


def test_a_hundred_conditions_are_allowed_and_no_more() -> None:
    parse_rule(both(*[AUDIENCE] * 100))
    assert list(errors_of(both(*[AUDIENCE] * 101))) == [""]


def test_a_rule_over_256_kilobytes_is_refused() -> None:
    assert list(errors_of(tag("in", [f"{number:060}" for number in range(5000)]))) == [""]


@pytest.mark.parametrize("rule", [None, [], "union", {}, {"version": 2, **AUDIENCE}, {"op": {1, 2}}])
def test_what_is_no_rule_is_refused(rule: Any) -> None:
    errors_of(rule)


def test_the_version_may_be_given() -> None:
    assert parse_rule({"version": 1, **WHOLE}) == parse_rule(WHOLE)


def test_values_are_composed_and_kept_once() -> None:
    leaf = parse_rule(tag("in", ["e\u0301", "é", "", "x"]))
    assert leaf.value == ("é", "x")  # type: ignore[union-attr]


def test_leaves_come_with_their_paths() -> None:
    assert [path for path, _leaf in leaves(parse_rule(WHOLE))] == [
        "items/0",
        "items/1",
        "items/2/items/0",
        "items/2/items/1",
    ]
    assert [path for path, _leaf in leaves(parse_rule(AUDIENCE))] == [""]


def test_groups_come_before_their_items() -> None:
    assert [path for path, _node in nodes(parse_rule(both(AUDIENCE, both(AUDIENCE))))] == [
        "",
        "items/0",
        "items/1",
        "items/1/items/0",
    ]


def test_references_name_what_is_read() -> None:
    found = references(parse_rule(WHOLE))
    assert (found.datasets, found.audiences) == ({"ds_1", "ds_2"}, {"aud_1"})


def test_the_hash_ignores_key_order_and_defaults() -> None:
    written = did(window={"kind": "last_days", "days": 7})
    spelled = {"window": {"include_today": False, "days": 7, "kind": "last_days"}, "did": True, **did()}
    assert canonical_hash(parse_rule(written)) == canonical_hash(parse_rule(spelled))


def test_the_hash_tells_rules_apart() -> None:
    assert canonical_hash(parse_rule(tag("in", ["a"]))) != canonical_hash(parse_rule(tag("in", ["b"])))


def test_the_schema_accepts_a_rule_that_parses() -> None:
    schema = json_schema()
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(json.loads(json.dumps({"version": 1, **WHOLE})), schema)


@pytest.mark.parametrize(
    "leaf",
    [tag("in", []), tag("in", 3), tag("=", ["x"]), tag("within", {"kind": "last_days"}), did(colour=1)],
)
def test_the_schema_refuses_what_the_parser_refuses(leaf: Any) -> None:
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(both(leaf), json_schema())


def test_a_window_from_a_time_to_the_same_day_is_in_order() -> None:
    parse_rule(tag("within", {"kind": "between", "from": "2021-12-16T10:00:00", "to": "2021-12-16"}))


@pytest.mark.parametrize("kind", ["before", "after"])
def test_the_last_day_there_is_can_bound_a_window(kind: str) -> None:
    leaf = parse_rule(tag("within", {"kind": kind, "at": "9999-12-31"}))
    assert bounds(leaf.value, TODAY)  # type: ignore[union-attr]


def test_a_window_to_the_last_day_there_is_holds_its_last_instant() -> None:
    leaf = parse_rule(tag("within", {"kind": "between", "from": "2021-12-16", "to": "9999-12-31"}))
    limits = bounds(leaf.value, TODAY)  # type: ignore[union-attr]
    assert (limits.upper, limits.upper_included) == (datetime.max, True)


@pytest.mark.parametrize(
    ("day", "offset", "unit", "expected"),
    [
        ("2021-03-31", -1, "month", "2021-02-28"),
        ("2020-03-31", -1, "month", "2020-02-29"),
        ("2020-02-29", -1, "year", "2019-02-28"),
        ("2021-11-30", 1, "quarter", "2022-02-28"),
        ("2021-12-31", 1, "day", "2022-01-01"),
        ("2022-01-03", -1, "week", "2021-12-27"),
    ],
)
def test_shifts_clamp_to_the_last_day_of_the_month(day: str, offset: int, unit: Any, expected: str) -> None:
    assert shift(date.fromisoformat(day), offset, unit) == date.fromisoformat(expected)
