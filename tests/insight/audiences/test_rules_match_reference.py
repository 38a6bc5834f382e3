"""Random rules over random tables: the compiler's people are the reference's."""

from __future__ import annotations

import unicodedata
from datetime import date, datetime, timedelta
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from insight.audiences.leaves import OPERATORS
from insight.audiences.rules import nodes, parse_rule, to_json
from insight.datasets import rfm
from tests.insight.audiences.engine import TODAY, Engine
from tests.insight.audiences.reference import World

USERS = ["1", "01", "001", "7", "é", "用户", "u'1", 'u"2', "100.0", "A", "a", "Ａ"]
WORDS = [
    "a",
    "A",
    "ab",
    "上海",
    "上海浦东",
    "é",
    "e\u0301",
    "0",
    "00",
    "a%b",
    "a_b",
    "'",
    " x ",
    "ΟΔΟΣ",
    "οδος",
]
STORED = [unicodedata.normalize("NFC", word) for word in WORDS]
EDGES = [
    datetime(2021, 12, 16),
    datetime(2021, 12, 15, 23, 59, 59, 999999),
    datetime(2021, 12, 13),
    datetime(2021, 12, 1),
    datetime(2021, 11, 30, 23, 59, 59),
    datetime(2021, 2, 28, 12),
    datetime(2020, 2, 29),
    datetime(2020, 12, 16, 9),
    datetime(2022, 1, 1),
]
users = st.sampled_from(USERS)
word = st.sampled_from(WORDS)
stored = st.none() | st.just("") | st.sampled_from(STORED)
numbers = st.sampled_from([-5, 0, 0.5, 1, 2, 99.99, 100, 500])
moments = st.sampled_from(EDGES) | st.integers(-800, 60).map(
    lambda n: datetime(2021, 12, 16, 8) + timedelta(hours=7 * n)
)
TYPES = {"enum": "enum", "text": "text", "multi": "multi", "number": "number", "date": "date", "day": "date"}


def tag_rows(unique: bool) -> st.SearchStrategy[list[dict[str, Any]]]:
    row = st.fixed_dictionaries(
        {
            "user_unique_id": users,
            "enum": stored,
            "text": stored,
            "multi": st.none() | st.lists(st.sampled_from(STORED), max_size=3, unique=True),
            "number": st.none() | numbers,
            "date": st.none() | moments,
            "day": st.none() | moments.map(lambda moment: moment.date()),
        }
    )
    key = (lambda found: found["user_unique_id"]) if unique else None
    return st.lists(row, max_size=10, unique_by=key)


_act = {
    "user_unique_id": users,
    "at": moments,
    "type": st.sampled_from(["buy", "view"]),
    "channel": st.none() | st.sampled_from(["app", "shop"]),
    "count": st.none() | st.sampled_from([0, 1, 2]),
    "amount": st.none() | st.sampled_from([-10, 0, 5, 20]),
}
wide_rows = st.lists(st.fixed_dictionaries({**_act, "category": stored, "product": stored}), max_size=14)
pair_rows = st.lists(
    st.fixed_dictionaries(
        {**_act, "object_key": st.sampled_from(["category", "product"]), "object_value": stored}
    ),
    max_size=14,
)
_value = st.sampled_from([0, 1, 2, 2.5, 5])
customer_rows = st.lists(
    st.fixed_dictionaries(
        {
            "user_unique_id": users,
            "r_days": st.integers(0, 5),
            **dict.fromkeys(("f", "m", "rs", "fs", "ms"), _value),
            "type": st.sampled_from(rfm.TYPES),
        }
    ),
    max_size=8,
    unique_by=lambda row: row["user_unique_id"],
)
DAYS = [date(2021, 12, 1), date(2021, 12, 9), date(2021, 12, 16)]
stage_rows = st.lists(
    st.fixed_dictionaries(
        {"day": st.sampled_from(DAYS), "user_unique_id": users, "stage": st.sampled_from("AIPL")}
    ),
    max_size=25,
    unique_by=lambda row: (row["day"], row["user_unique_id"]),
)
worlds = st.builds(
    lambda single, several, wide, pairs, customers, stages, first, second: World(
        {
            "single": {"kind": "tags", "types": TYPES, "days": ["day"], "rows": single},
            "several": {"kind": "tags", "types": TYPES, "days": ["day"], "rows": several},
            "wide": {"kind": "behaviour", "form": "wide", "objects": ["category", "product"], "rows": wide},
            "pairs": {"kind": "behaviour", "form": "key_value", "base_attribute": "product", "rows": pairs},
            "rfm": {"kind": "rfm", "rows": customers},
            "aipl": {"kind": "aipl", "computed": DAYS, "rows": stages},
        },
        {"aud_1": first, "aud_2": second},
        TODAY,
    ),
    tag_rows(True),
    tag_rows(False),
    wide_rows,
    pair_rows,
    customer_rows,
    stage_rows,
    st.lists(users, max_size=5),
    st.lists(users, max_size=5),
)

_bound = st.sampled_from(
    [
        "2021-12-16",
        "2021-12-15",
        "2021-12-15T23:59:59.999999",
        "2021-11-30",
        "2020-02-29",
        "2020-12-16T09:00:00",
    ]
)
_unit = st.sampled_from(["day", "week", "month", "quarter", "year"])
_flag = st.booleans()
_shift = st.fixed_dictionaries({"offset": st.integers(-14, 3), "unit": _unit})
windows = st.one_of(
    st.just({"kind": "any"}),
    st.tuples(_bound, _bound).map(lambda pair: {"kind": "between", "from": min(pair), "to": max(pair)}),
    _bound.map(lambda at: {"kind": "before", "at": at}),
    _bound.map(lambda at: {"kind": "after", "at": at}),
    st.fixed_dictionaries(
        {
            "kind": st.sampled_from(["last_days", "next_days"]),
            "days": st.integers(1, 400),
            "include_today": _flag,
        }
    ),
    st.fixed_dictionaries({"kind": st.just("period"), "unit": _unit, "offset": st.integers(-3, 1)}),
    st.fixed_dictionaries({"kind": st.just("relative"), "from": _shift, "to": _shift}),
)
words = st.lists(word, min_size=1, max_size=3) | st.lists(word, min_size=10, max_size=14, unique=True)
pair_of_numbers = st.tuples(numbers, numbers).map(lambda pair: [min(pair), max(pair)])


@st.composite
def tag_leaves(draw: st.DrawFn, datasets: tuple[str, ...] = ("single", "several")) -> dict[str, Any]:
    name = draw(st.sampled_from(list(TYPES)))
    operator = draw(st.sampled_from(sorted(OPERATORS[TYPES[name]])))
    leaf: dict[str, Any] = {
        "kind": "tag",
        "dataset": draw(st.sampled_from(datasets)),
        "tag": name,
        "operator": operator,
    }
    if operator in ("empty", "not_empty"):
        return leaf
    if operator in ("within", "not_within"):
        leaf["value"] = draw(windows)
    elif operator == "anniversary_within":
        leaf["value"] = {"days": draw(st.sampled_from([0, 7, 80, 366]))}
    elif operator in ("between", "not_between"):
        leaf["value"] = draw(pair_of_numbers)
    elif TYPES[name] == "number":
        leaf["value"] = draw(numbers)
    else:
        leaf["value"] = draw(words)
        if name == "text" and draw(_flag):
            leaf["ignore_case"] = True
    return leaf


_numeric = st.one_of(
    st.fixed_dictionaries(
        {
            "measure": st.sampled_from(["times", "amount", "days", "amount_per_time"]),
            "operator": st.sampled_from(["=", "!=", ">", ">=", "<", "<="]),
            "value": st.sampled_from([0, 1, 2, 5, 20]),
        }
    ),
    st.fixed_dictionaries(
        {
            "measure": st.sampled_from(["times", "amount"]),
            "operator": st.just("between"),
            "value": pair_of_numbers,
        }
    ),
)
_timed = st.one_of(
    st.fixed_dictionaries(
        {
            "measure": st.sampled_from(["last_at", "first_at"]),
            "operator": st.sampled_from(["=", "!=", ">", ">=", "<", "<="]),
            "value": _bound,
        }
    ),
    st.fixed_dictionaries({"measure": st.just("last_at"), "operator": st.just("within"), "value": windows}),
    st.tuples(_bound, _bound).map(
        lambda pair: {"measure": "first_at", "operator": "between", "value": [min(pair), max(pair)]}
    ),
)
havings = st.recursive(
    _numeric | _timed,
    lambda inner: st.fixed_dictionaries(
        {"op": st.sampled_from(["and", "or"]), "items": st.lists(inner, min_size=1, max_size=3)}
    ),
    max_leaves=3,
)


@st.composite
def behaviour_leaves(draw: st.DrawFn) -> dict[str, Any]:
    form = draw(st.sampled_from(["wide", "pairs"]))
    leaf: dict[str, Any] = {"kind": "behaviour", "dataset": form, "did": draw(_flag)}
    if not leaf["did"] and draw(_flag):
        leaf["base"] = draw(st.sampled_from(["single", "several", "wide"]))
    if draw(_flag):
        leaf["type"] = draw(st.lists(st.sampled_from(["buy", "view"]), min_size=1, max_size=2, unique=True))
    if draw(_flag):
        leaf["channel"] = draw(
            st.lists(st.sampled_from(["app", "shop"]), min_size=1, max_size=2, unique=True)
        )
    if draw(_flag):
        leaf["window"] = draw(windows)
    if draw(_flag):
        leaf["having"] = draw(havings)
    count = draw(st.integers(0, 1 if form == "pairs" else 2))
    if count:
        leaf["objects"] = [draw(object_filters()) for _number in range(count)]
    return leaf


@st.composite
def object_filters(draw: st.DrawFn) -> dict[str, Any]:
    operators = [
        "in",
        "not_in",
        "contains",
        "not_contains",
        "starts_with",
        "not_ends_with",
        "empty",
        "not_empty",
        "any",
    ]
    operator = draw(st.sampled_from(operators))
    item: dict[str, Any] = {"name": draw(st.sampled_from(["category", "product"])), "operator": operator}
    if operator not in ("empty", "not_empty", "any"):
        item["value"] = draw(words)
    return item


audience_leaves = st.sampled_from(["aud_1", "aud_2"]).map(lambda name: {"kind": "audience", "audience": name})


def trees(leaves: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    return st.recursive(
        leaves,
        lambda inner: st.fixed_dictionaries(
            {
                "op": st.sampled_from(["union", "intersect", "subtract"]),
                "items": st.lists(inner, min_size=1, max_size=3),
            }
        ),
        max_leaves=6,
    ).filter(_shallow)


def _shallow(rule: Any, depth: int = 0) -> bool:
    return depth <= 4 and all(_shallow(item, depth + 1) for item in rule.get("items", []) if "op" in rule)


_type = st.lists(st.sampled_from(["buy", "view"]), min_size=1, max_size=2, unique=True)
_end = st.none() | _value
rfm_leaves = st.one_of(
    st.lists(st.sampled_from(rfm.TYPES), min_size=1, max_size=4).map(lambda types: {"types": types}),
    st.dictionaries(st.sampled_from("rfm"), _value, min_size=1).map(lambda least: {"min_scores": least}),
    st.dictionaries(
        st.sampled_from(["r_days", "f", "m"]),
        st.tuples(_end, _end)
        .filter(lambda ends: ends != (None, None))
        .map(lambda ends: sorted(ends) if None not in ends else list(ends)),
        min_size=1,
    ).map(lambda ranges: {"ranges": ranges}),
).map(lambda way: {"kind": "rfm", "dataset": "rfm", **way})
_targets = st.lists(st.sampled_from(["A", "I", "P", "L", "lost", "converted"]), min_size=1, max_size=3)
_arrivals = st.lists(st.sampled_from(["A", "I", "P", "L", "converted"]), min_size=1, max_size=3)
_flow_days = st.sampled_from(
    [
        ("2021-12-01", "2021-12-16"),
        ("2021-12-09", {"offset": 0, "unit": "day"}),
        ({"offset": -15, "unit": "day"}, {"offset": -1, "unit": "week"}),
    ]
)
aipl_leaves = st.one_of(
    st.lists(st.sampled_from("AIPL"), min_size=1, max_size=3).map(lambda stages: {"stages": stages}),
    st.tuples(
        _flow_days,
        st.lists(
            st.one_of(
                st.fixed_dictionaries({"from": st.sampled_from("AIPL"), "to": _targets}),
                st.fixed_dictionaries({"from": st.just("none"), "to": _arrivals}),
            ),
            min_size=1,
            max_size=3,
        ),
    ).map(lambda given: {"flow": {"from": given[0][0], "to": given[0][1], "transitions": given[1]}}),
).map(lambda way: {"kind": "aipl", "dataset": "aipl", **way})


@st.composite
def sequence_leaves(draw: st.DrawFn) -> dict[str, Any]:
    form = draw(st.sampled_from(["wide", "pairs"]))
    attribute = draw(st.sampled_from(["category", "product"]))

    def records() -> dict[str, Any]:
        found: dict[str, Any] = {"type": draw(_type)} if draw(_flag) else {}
        if draw(st.integers(0, 3)) == 0:
            found["channel"] = ["app"]
        if form == "pairs":
            found["objects"] = [{**draw(object_filters()), "name": attribute}]
        elif draw(st.integers(0, 3)) == 0:
            found["objects"] = [draw(object_filters())]
        return found

    def step() -> dict[str, Any]:
        found = records()
        if draw(_flag):
            found["within"] = draw(
                st.sampled_from([{"days": 1}, {"days": 30}, {"hours": 7}, {"hours": 49}, {"minutes": 420}])
            )
        if draw(_flag):
            found["same"] = [attribute]
        if draw(_flag):
            found["not_between"] = [
                {**records(), **({"same": [attribute]} if "same" in found and draw(_flag) else {})}
                for _number in range(draw(st.integers(1, 2)))
            ]
        return found

    leaf: dict[str, Any] = {"kind": "sequence", "dataset": form, "steps": [records()]}
    leaf["steps"] += [step() for _number in range(draw(st.integers(1, 3)))]
    if draw(st.integers(0, 3)) == 0:
        leaf["window"] = draw(windows)
    return leaf


rules = trees(
    tag_leaves()
    | tag_leaves()
    | behaviour_leaves()
    | sequence_leaves()
    | audience_leaves
    | rfm_leaves
    | aipl_leaves
)
rules_of_one_table = trees(tag_leaves(("single",)))


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    world=worlds,
    asked=st.lists(rules, min_size=1, max_size=4) | st.lists(rules_of_one_table, min_size=2, max_size=6),
)
def test_random_rules_find_the_people_of_the_reference(world: World, asked: list[Any]) -> None:
    engine = Engine(world)
    for rule in asked:
        assert engine.people(rule) == sorted(world.people(rule)), rule


few_users = st.sampled_from(["u", "v"])
few_moments = st.sampled_from(
    [
        *(datetime(2021, 12, day) for day in range(1, 7)),
        datetime(2021, 12, 2, 7),
        datetime(2021, 12, 2, 7, 0, 0, 1),
    ]
)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    rows=st.lists(
        st.fixed_dictionaries(
            {
                **_act,
                "user_unique_id": few_users,
                "at": few_moments,
                "category": st.sampled_from([None, "", "x", "y"]),
                "product": st.just("p"),
            }
        ),
        max_size=16,
    ),
    asked=st.lists(sequence_leaves(), min_size=2, max_size=4),
)
def test_random_sequences_find_the_people_of_the_reference(
    rows: list[dict[str, Any]], asked: list[Any]
) -> None:
    """Few people with many records each, at times that often coincide."""
    pairs = [
        {**row, "object_key": key, "object_value": row[key]}
        for row in rows
        for key in ("category", "product")
    ]
    world = World(
        {
            "wide": {"kind": "behaviour", "form": "wide", "objects": ["category", "product"], "rows": rows},
            "pairs": {"kind": "behaviour", "form": "key_value", "base_attribute": "product", "rows": pairs},
        },
        {},
        TODAY,
    )
    engine = Engine(world)
    for leaf in asked:
        assert engine.people(leaf) == sorted(world.people(leaf)), leaf


@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
@given(world=worlds, rule=rules | rules_of_one_table)
def test_counts_of_all_parts_are_those_of_the_reference(world: World, rule: Any) -> None:
    counts = Engine(world).counts(rule)
    expected = {path: len(world.people(_at(rule, path))) for path, _node in nodes(parse_rule(rule))}
    assert counts == expected


@settings(max_examples=100, deadline=None)
@given(rule=rules)
def test_a_rule_written_as_json_again_means_the_same(rule: Any) -> None:
    parsed = parse_rule(rule)
    assert parse_rule(to_json(parsed)) == parsed


def _at(rule: Any, path: str) -> Any:
    parts = path.split("/") if path else []
    for part in parts:
        rule = rule[int(part)] if part.isdigit() else rule[part]
    return rule
