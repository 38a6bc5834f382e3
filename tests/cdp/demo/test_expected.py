"""expected.json against other ways to count: rows walked in Python, and the product's own rule compiler."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta
from typing import Any

import duckdb
import ibis
import pytest

from cdp.demo.retailer import PROFILES
from insight.audiences.catalog import AudienceTable, BehaviourDataset, TagColumn, TagDataset, Unknown
from insight.audiences.compiler import compile_rule
from insight.audiences.rules import parse_rule
from tests.cdp.demo.conftest import AS_OF

TODAY = AS_OF + timedelta(days=1)
MULTI = ("interests", "owned_brands")
DATES = ("birthday", "register_time", "last_login_time", "last_buy_time")
TEXTS = ("signature",)
NUMBERS = (
    "age",
    "choco_pref_90d",
    "total_amount",
    "total_count",
    "amount_90d",
    "avg_order",
    "discount_share",
    "refund_count",
)


class Catalogue:
    """The two datasets of the named rules as the platform would store them."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        split = ", ".join(f"string_split({name}, ',') AS {name}" for name in MULTI)
        connection.execute(
            f"""CREATE OR REPLACE VIEW users AS SELECT user_id AS user_unique_id, * EXCLUDE (user_id) REPLACE ({split})
                FROM ads_user_tag"""
        )
        connection.execute(
            """CREATE OR REPLACE VIEW behaviour AS
               SELECT user_id AS user_unique_id, behavior_time AS "at", behavior_type AS type, channel,
                      behavior_count::DOUBLE AS "count", behavior_amount AS amount, object_attr AS object_key,
                      object_value
               FROM ads_behavior"""
        )
        backend = ibis.duckdb.from_connection(connection)
        kinds = {
            **dict.fromkeys(MULTI, "multi"),
            **dict.fromkeys(DATES, "date"),
            **dict.fromkeys(TEXTS, "text"),
        }
        kinds |= dict.fromkeys(NUMBERS, "number")
        users = backend.table("users")
        columns = {
            name: TagColumn(name, name, kinds.get(name, "enum"), name in DATES and name != "birthday")  # type: ignore[arg-type]
            for name in users.columns
        }
        self.users = TagDataset("users", "Users", users, columns)
        self.behaviour = BehaviourDataset(
            "behaviour", "Behaviour", "key_value", backend.table("behaviour"), base_attribute="商品"
        )

    def dataset(self, dataset_id: str) -> TagDataset | BehaviourDataset:
        return self.users if dataset_id == "users" else self.behaviour

    def audience(self, audience_id: str, snapshot: str | int | None) -> AudienceTable:
        raise Unknown


def test_the_compiler_finds_as_many_people_as_expected(
    tables: duckdb.DuckDBPyConnection, expected: Any
) -> None:
    catalogue = Catalogue(tables)
    found = {}
    for rule in expected["rules"]:
        people = compile_rule(parse_rule(rule["rule"]), catalogue, today=TODAY)
        query = str(ibis.to_sql(people.count().as_table(), dialect="duckdb"))
        found[rule["name"]] = tables.execute(query).fetchall()[0][0]
    assert found == {rule["name"]: rule["count"] for rule in expected["rules"]}


def test_sixty_rules_are_named_and_none_is_trivial(expected: Any) -> None:
    counts = {rule["name"]: rule["count"] for rule in expected["rules"]}
    assert len(counts) == len(expected["rules"]) >= 60
    assert {name for name, count in counts.items() if not 0 < count < 2400} == set()


@pytest.mark.parametrize(
    ("name", "holds"),
    [
        ("vip_by_numbers", lambda user: user["total_amount"] > 10000 and user["total_count"] > 10),
        ("not_women", lambda user: user["gender"] not in (None, "女")),
        ("fashion_and_sport", lambda user: {"时尚", "运动"} <= set((user["interests"] or "").split(","))),
        ("owns_brand_a", lambda user: "品牌A" in (user["owned_brands"] or "").split(",")),
        (
            "registered_last_week",
            lambda user: timedelta() < TODAY - user["register_time"].date() <= timedelta(days=7),
        ),
        ("chocolate_unknown", lambda user: user["choco_pref_90d"] is None),
    ],
)
def test_counts_of_tag_rules_by_walking_rows(
    tables: duckdb.DuckDBPyConnection, expected: Any, name: str, holds: Any
) -> None:
    result = tables.execute("SELECT * FROM ads_user_tag")
    names = [column[0] for column in result.description or ()]
    users = [dict(zip(names, row, strict=True)) for row in result.fetchall()]
    [count] = [rule["count"] for rule in expected["rules"] if rule["name"] == name]
    assert sum(1 for user in users if holds(user)) == count


def test_counts_of_behaviour_rules_by_walking_rows(tables: duckdb.DuckDBPyConnection, expected: Any) -> None:
    times: dict[str, int] = defaultdict(int)
    cents: dict[str, int] = defaultdict(int)
    carts: set[str] = set()
    bought: set[str] = set()
    for user, kind, at, count, amount, attr in tables.execute(
        "SELECT user_id, behavior_type, behavior_time, behavior_count, behavior_amount, object_attr FROM ads_behavior"
    ).fetchall():
        age = (TODAY - at.date()).days
        if attr != "商品" or not 1 <= age <= 90:
            continue
        if kind == "购买":
            times[user] += count
            cents[user] += round(amount * 100)
        if age <= 30 and kind in ("购买", "加购"):
            (bought if kind == "购买" else carts).add(user)
    counts = {rule["name"]: rule["count"] for rule in expected["rules"]}
    assert counts["bought_twice_90"] == sum(1 for number in times.values() if number >= 2)
    assert counts["spent_1000_in_90"] == sum(1 for number in cents.values() if number > 100_000)
    assert counts["cart_without_purchase"] == len(carts - bought)


def test_rfm_groups_hold_everybody_and_are_the_same_from_customers_and_trade(
    tables: duckdb.DuckDBPyConnection, expected: Any
) -> None:
    customer, trade = expected["rfm"]["customer"], expected["rfm"]["trade_without_refunds"]
    assert customer["groups"] == trade["groups"]
    assert (customer["users"], customer["excluded"], trade["excluded"]) == (1400, 5, 0)
    assert len(customer["groups"]) == 8
    assert min(group["users"] for group in customer["groups"].values()) > 0
    assert sum(group["users"] for group in customer["groups"].values()) == 1400
    bands = expected["rfm"]["bands"]

    def case(value: str, name: str) -> str:
        return (
            "CASE "
            + " ".join(f"WHEN {value} >= {low} THEN {score}" for low, _high, score in reversed(bands[name]))
            + " END"
        )

    groups = tables.execute(
        f"""WITH scored AS (
                SELECT {case("DATE '2026-11-02' - last_buy_time::DATE", "r")} AS r, {case("total_count", "f")} AS f,
                       {case("total_amount", "m")} AS m
                FROM ads_rfm_customer WHERE total_amount IS NOT NULL),
            means AS (SELECT avg(r) AS r, avg(f) AS f, avg(m) AS m FROM scored)
            SELECT count(*) FILTER (s.r >= a.r AND s.f >= a.f AND s.m >= a.m),
                   count(*) FILTER (s.r < a.r AND s.f < a.f AND s.m >= a.m),
                   count(*) FILTER (s.r < a.r AND s.f < a.f AND s.m < a.m)
            FROM scored s, means a"""
    ).fetchall()[0]
    assert groups == tuple(
        customer["groups"][name]["users"] for name in ("high_value", "key_win_back", "potential")
    )


def test_stages_of_today_by_walking_rows(tables: duckdb.DuckDBPyConnection, expected: Any) -> None:
    facts: dict[str, dict[str, int]] = defaultdict(lambda: defaultdict(int))
    for user, kind, at, count, amount, attr in tables.execute(
        "SELECT user_id, behavior_type, behavior_time, behavior_count, behavior_amount, object_attr FROM ads_behavior"
    ).fetchall():
        age = (TODAY - at.date()).days
        if attr == ("页面" if kind in ("登录", "注册") else "商品") and age <= (
            180 if kind == "注册" else 90
        ):
            facts[user][kind] += count
            facts[user]["cents"] += round(amount * 100) if kind == "购买" else 0
    sizes = dict.fromkeys("AIPL", 0)
    for did in facts.values():
        if did["购买"] > 1 and did["cents"] > 100_000:
            sizes["L"] += 1
        elif did["购买"] >= 1:
            sizes["P"] += 1
        elif did["收藏"] >= 1:
            sizes["I"] += 1
        elif did["登录"] >= 1 or did["注册"] >= 1:
            sizes["A"] += 1
    assert expected["aipl"]["behaviour"][TODAY.isoformat()] == sizes


def test_customer_and_behaviour_models_agree_where_one_row_tells_all(expected: Any) -> None:
    """A and I don't depend on whether channels are added up; only the border between P and L does."""
    customer, behaviour = (
        expected["aipl"]["customer"]["all"],
        expected["aipl"]["behaviour"][TODAY.isoformat()],
    )
    assert (customer["A"], customer["I"]) == (behaviour["A"], behaviour["I"])
    assert customer["P"] + customer["L"] == behaviour["P"] + behaviour["L"]
    assert customer["L"] <= behaviour["L"]


def test_gates_tell_that_this_is_too_little_to_train_on(expected: Any) -> None:
    gates = expected["gates"]
    assert gates["span_days"] >= 2 * 365
    assert gates["buyers"] == 1400
    assert gates["passed"] is False
    assert date.fromisoformat(expected["today"]) == TODAY
    assert expected["rows"]["ads_user_tag"] == PROFILES["test"].users
