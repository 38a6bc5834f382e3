"""Which items a pool has and how many are estimated, on both engines, against the slow reference."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cdp.warehouse import get_engine
from insight.audiences.rules import nodes, parse_rule
from insight.items import estimating, queries
from tests.insight.items.shop import Shop

LISTS = ("in", "not_in", "contains", "not_contains", "starts_with", "ends_with")
LEAVES: list[dict[str, Any]] = [
    *({"tag": "colour", "operator": op, "value": ["red", "Ärmel"]} for op in ("in", "not_in")),
    *({"tag": "item_name", "operator": op, "value": ["coat", "O'Hara"]} for op in LISTS),
    {"tag": "item_name", "operator": "contains", "value": ["COAT"], "ignore_case": True},
    {"tag": "item_id", "operator": "in", "value": ["A003", "A017", "unknown"]},
    {"tag": "sizes", "operator": "contains", "value": ["S", "XL"]},
    {"tag": "sizes", "operator": "contains_all", "value": ["S", "M"]},
    {"tag": "sizes", "operator": "contains_none", "value": ["L"]},
    *({"tag": "price", "operator": op, "value": 10} for op in ("=", "!=", ">", ">=", "<", "<=")),
    {"tag": "price", "operator": "between", "value": [0, 10]},
    {"tag": "launched", "operator": "within", "value": {"kind": "last_days", "days": 200}},
    {"tag": "launched", "operator": "not_within", "value": {"kind": "before", "at": "2026-03-01"}},
    *(
        {"tag": tag, "operator": op}
        for tag in ("colour", "sizes", "price", "launched", "item_name")
        for op in ("empty", "not_empty")
    ),
]
leaves = st.sampled_from(LEAVES).map(lambda leaf: {"kind": "tag", "dataset": "", **leaf})
rules = st.recursive(
    leaves,
    lambda inner: st.fixed_dictionaries(
        {"op": st.sampled_from(["union", "intersect"]), "items": st.lists(inner, min_size=1, max_size=3)}
    ),
    max_leaves=8,
)


def of_dataset(rule: Any, dataset: str) -> Any:
    """The rule with its conditions on a dataset."""
    if "op" in rule:
        return {**rule, "items": [of_dataset(item, dataset) for item in rule["items"]]}
    return {**rule, "dataset": dataset}


def at(rule: Any, path: str) -> Any:
    for part in path.split("/")[1::2]:
        rule = rule["items"][int(part)]
    return rule


def test_every_operator_finds_the_items_of_the_reference(any_shop: Shop) -> None:
    for leaf in LEAVES:
        rule = {"kind": "tag", "dataset": any_shop.dataset.pk, **leaf}
        assert estimating.estimate(any_shop.access, rule)["count"] == len(any_shop.expected(rule)), leaf


def test_estimates_of_all_parts_are_those_of_the_reference(any_shop: Shop) -> None:
    @settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
    @given(asked=rules)
    def check(asked: Any) -> None:
        rule = of_dataset(asked, any_shop.dataset.pk)
        found = estimating.estimate(any_shop.access, rule)
        counts = {"": found["count"]}
        counts |= {part["path"]: part["count"] for part in (*found["conditions"], *found["groups"])}
        paths = [path for path, _node in nodes(parse_rule(rule))]
        assert counts == {path: len(any_shop.expected(at(rule, path))) for path in paths}

    check()


def test_a_pool_has_exactly_the_items_of_the_reference(any_shop: Shop) -> None:
    dear = any_shop.tag("price", ">", 9)
    medium = any_shop.tag("sizes", "contains", ["M"])
    rule = {"op": "union", "items": [{"op": "intersect", "items": [any_shop.red, dear]}, medium]}
    pool = any_shop.pool(rule)
    assert (pool.state, pool.reason) == ("succeeded", "")
    version = queries.frozen(any_shop.access, pool.pk)
    rows = get_engine(version.source).execute(queries.items(version)).to_pylist()
    names = {row["sku"]: row["title"] for row in any_shop.rows}
    assert {row["item_id"] for row in rows} == any_shop.expected(rule)
    assert len(rows) == pool.count == version.count
    assert all(row["item_name"] == names[row["item_id"]] for row in rows)
