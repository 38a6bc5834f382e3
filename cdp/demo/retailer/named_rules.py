"""Sixty rules as people would write them, each beside SQL that was written by hand and not by a compiler.

`users` stands for a dataset of user tags made of ads_user_tag, every tag named after its column; `behaviour` for a
behaviour dataset made of ads_behavior. In the SQL, {today} is the day after the last day of data.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any


@dataclass(frozen=True)
class NamedRule:
    """`sql` selects the user_id of everybody who matches, each once."""

    name: str
    rule: dict[str, Any]
    sql: str


def _tag(tag: str, operator: str, value: Any = None) -> dict[str, Any]:
    leaf = {"kind": "tag", "dataset": "users", "tag": tag, "operator": operator}
    return leaf if value is None else leaf | {"value": value}


def _did(
    types: str, days: int | None = None, attr: str = "商品", values: Any = None, **more: Any
) -> dict[str, Any]:
    objects = (
        {"name": attr, "operator": "any"}
        if values is None
        else {"name": attr, "operator": "in", "value": values}
    )
    leaf = {
        "kind": "behaviour",
        "dataset": "behaviour",
        "did": True,
        "type": types.split(),
        "objects": [objects],
        **more,
    }
    return leaf if days is None else leaf | {"window": {"kind": "last_days", "days": days}}


def _having(measure: str, operator: str, value: Any) -> dict[str, Any]:
    return {"having": {"measure": measure, "operator": operator, "value": value}}


def _all(*items: dict[str, Any]) -> dict[str, Any]:
    return {"op": "intersect", "items": list(items)}


def _any(*items: dict[str, Any]) -> dict[str, Any]:
    return {"op": "union", "items": list(items)}


def _without(*items: dict[str, Any]) -> dict[str, Any]:
    return {"op": "subtract", "items": list(items)}


def _users(where: str) -> str:
    return f"SELECT user_id FROM ads_user_tag WHERE {where}"


def _acts(where: str, days: int | None = None, having: str = "true") -> str:
    window = (
        f" AND behavior_time >= DATE '{{today}}' - {days} AND behavior_time < DATE '{{today}}'"
        if days
        else ""
    )
    return f"SELECT user_id FROM ads_behavior WHERE {where}{window} GROUP BY user_id HAVING {having}"


_BUY = "behavior_type = '购买' AND object_attr = '商品'"
_CART = "behavior_type = '加购' AND object_attr = '商品'"
_FAVOURITE = "behavior_type = '收藏' AND object_attr = '商品'"
_LOGIN = "behavior_type = '登录' AND object_attr = '页面'"
_LAST_WEEK = {"kind": "last_days", "days": 7}


def rules(today: date) -> Iterator[NamedRule]:
    """All rules as they read on a day."""
    for found in (*_on_tags(), *_on_time(today), *_on_behaviour(today), *_mixed()):
        yield NamedRule(found.name, found.rule, found.sql.replace("{today}", today.isoformat()))


def _on_tags() -> list[NamedRule]:
    return [
        NamedRule("women", _tag("gender", "in", ["女"]), _users("gender = '女'")),
        NamedRule("not_women", _tag("gender", "not_in", ["女"]), _users("gender <> '女'")),
        NamedRule("gender_unknown", _tag("gender", "empty"), _users("gender IS NULL")),
        NamedRule("gender_known", _tag("gender", "not_empty"), _users("gender IS NOT NULL")),
        NamedRule("two_cities", _tag("city", "in", ["上海", "北京"]), _users("city IN ('上海', '北京')")),
        NamedRule("not_tier_one", _tag("city_tier", "not_in", ["一线"]), _users("city_tier <> '一线'")),
        NamedRule("vip", _tag("is_vip", "in", ["是"]), _users("is_vip = '是'")),
        NamedRule(
            "vip_by_numbers",
            _all(_tag("total_amount", ">", 10000), _tag("total_count", ">", 10)),
            _users("total_amount > 10000 AND total_count > 10"),
        ),
        NamedRule("gold", _tag("member_level", "in", ["金卡", "黑金"]), _users("member_level IN ('金卡', '黑金')")),
        NamedRule("age_25_34", _tag("age", "between", [25, 34]), _users("age >= 25 AND age <= 34")),
        NamedRule("age_not_25_34", _tag("age", "not_between", [25, 34]), _users("age < 25 OR age > 34")),
        NamedRule("age_18", _tag("age", "=", 18), _users("age = 18")),
        NamedRule("age_not_18", _tag("age", "!=", 18), _users("age <> 18")),
        NamedRule("chocolate_lovers", _tag("choco_pref_90d", ">=", 0.8), _users("choco_pref_90d >= 0.8")),
        NamedRule("chocolate_unknown", _tag("choco_pref_90d", "empty"), _users("choco_pref_90d IS NULL")),
        NamedRule("never_bought", _tag("total_count", "<", 1), _users("total_count = 0")),
        NamedRule("bought_once", _tag("total_count", "=", 1), _users("total_count = 1")),
        NamedRule("small_baskets", _tag("avg_order", "<=", 200), _users("avg_order <= 200")),
        NamedRule("no_average", _tag("avg_order", "empty"), _users("avg_order IS NULL")),
        NamedRule("bargain_hunters", _tag("discount_share", ">", 0.15), _users("discount_share > 0.15")),
        NamedRule("returned_something", _tag("refund_count", ">=", 1), _users("refund_count >= 1")),
        NamedRule(
            "fashion_or_sport",
            _tag("interests", "contains", ["时尚", "运动"]),
            _users("regexp_matches(',' || interests || ',', ',(时尚|运动),')"),
        ),
        NamedRule(
            "fashion_and_sport",
            _tag("interests", "contains_all", ["时尚", "运动"]),
            _users("contains(interests, '时尚') AND contains(interests, '运动')"),
        ),
        NamedRule(
            "interested_but_not_in_food",
            _tag("interests", "contains_none", ["美食"]),
            _users("interests IS NOT NULL AND NOT contains(interests, '美食')"),
        ),
        NamedRule("no_interests", _tag("interests", "empty"), _users("interests IS NULL")),
        NamedRule(
            "owns_brand_a",
            _tag("owned_brands", "contains", ["品牌A"]),
            _users("list_contains(string_split(owned_brands, ','), '品牌A')"),
        ),
        NamedRule(
            "owns_brands_a_and_b",
            _tag("owned_brands", "contains_all", ["品牌A", "品牌B"]),
            _users("list_has_all(string_split(owned_brands, ','), ['品牌A', '品牌B'])"),
        ),
        NamedRule("signed_cat", _tag("signature", "contains", ["猫"]), _users("signature LIKE '%猫%'")),
        NamedRule("signed_not_cat", _tag("signature", "not_contains", ["猫"]), _users("signature NOT LIKE '%猫%'")),
        NamedRule("signed_weekend", _tag("signature", "starts_with", ["周末", "清晨"]),
                  _users("signature LIKE '周末%' OR signature LIKE '清晨%'")),
        NamedRule("signed_loudly", _tag("signature", "ends_with", ["！"]), _users("right(signature, 1) = '！'")),
    ]  # fmt: skip


def _on_time(today: date) -> list[NamedRule]:
    first = (today - timedelta(days=400)).isoformat()
    last = (today - timedelta(days=300)).isoformat()
    this_month = "date_trunc('month', DATE '{today}')"
    month = f"register_time >= {this_month} - INTERVAL 1 MONTH AND register_time < {this_month}"
    week = "SELECT strftime(DATE '{today}' + n::INTEGER, '%m-%d') FROM range(0, 8) t(n)"
    return [
        NamedRule(
            "registered_last_week",
            _tag("register_time", "within", _LAST_WEEK),
            _users("register_time >= DATE '{today}' - 7 AND register_time < DATE '{today}'"),
        ),
        NamedRule(
            "registered_last_month",
            _tag("register_time", "within", {"kind": "period", "unit": "month", "offset": -1}),
            _users(month),
        ),
        NamedRule(
            "registered_between",
            _tag("register_time", "within", {"kind": "between", "from": first, "to": last}),
            _users(f"register_time >= DATE '{first}' AND register_time < DATE '{last}' + 1"),
        ),
        NamedRule(
            "registered_before",
            _tag("register_time", "within", {"kind": "before", "at": first}),
            _users(f"register_time < DATE '{first}'"),
        ),
        NamedRule(
            "not_registered_between",
            _tag("register_time", "not_within", {"kind": "between", "from": first, "to": last}),
            _users(f"register_time < DATE '{first}' OR register_time >= DATE '{last}' + 1"),
        ),
        NamedRule("never_logged_in", _tag("last_login_time", "empty"), _users("last_login_time IS NULL")),
        NamedRule(
            "bought_lately",
            _tag("last_buy_time", "within", {"kind": "last_days", "days": 30}),
            _users("last_buy_time >= DATE '{today}' - 30 AND last_buy_time < DATE '{today}'"),
        ),
        NamedRule(
            "birthday_this_week",
            _tag("birthday", "anniversary_within", {"days": 7}),
            _users(f"strftime(birthday, '%m-%d') IN ({week})"),
        ),
    ]


def _on_behaviour(today: date) -> list[NamedRule]:
    sale = (today - timedelta(days=200)).isoformat()
    window = {"window": {"kind": "between", "from": sale, "to": today.isoformat()}}
    dresses = "behavior_type = '购买' AND object_attr = '二级类目' AND object_value IN ('连衣裙', '手提包')"
    return [
        NamedRule("bought", _did("购买"), _acts(_BUY)),
        NamedRule("bought_90", _did("购买", 90), _acts(_BUY, 90)),
        NamedRule(
            "bought_twice_90",
            _did("购买", 90, **_having("times", ">=", 2)),
            _acts(_BUY, 90, "sum(behavior_count) >= 2"),
        ),
        NamedRule(
            "bought_on_three_days",
            _did("购买", **_having("days", ">=", 3)),
            _acts(_BUY, having="count(DISTINCT behavior_time::DATE) >= 3"),
        ),
        NamedRule(
            "spent_1000_in_90",
            _did("购买", 90, **_having("amount", ">", 1000)),
            _acts(_BUY, 90, "round(sum(behavior_amount), 2) > 1000"),
        ),
        NamedRule(
            "dear_pieces",
            _did("购买", **_having("amount_per_time", ">", 800)),
            _acts(_BUY, having="round(sum(behavior_amount), 2) > 800 * sum(behavior_count)"),
        ),
        NamedRule(
            "womens_wear_90",
            _did("购买", 90, "一级类目", ["女装"]),
            _acts("behavior_type = '购买' AND object_attr = '一级类目' AND object_value = '女装'", 90),
        ),
        NamedRule(
            "dresses_or_bags", _did("购买", 365, "二级类目", ["连衣裙", "手提包"]), _acts(dresses, 365)
        ),
        NamedRule(
            "brand_b_twice",
            _did("购买", None, "品牌", ["品牌B"], **_having("times", ">=", 2)),
            _acts(
                "behavior_type = '购买' AND object_attr = '品牌' AND object_value = '品牌B'",
                having="sum(behavior_count) >= 2",
            ),
        ),
        NamedRule(
            "bought_in_app", _did("购买", 180, channel=["app"]), _acts(f"{_BUY} AND channel = 'app'", 180)
        ),
        NamedRule("carts_30", _did("加购", 30), _acts(_CART, 30)),
        NamedRule(
            "cart_or_favourite_30", _did("加购 收藏", 30), f"{_acts(_CART, 30)} UNION {_acts(_FAVOURITE, 30)}"
        ),
        NamedRule(
            "browsed_much",
            _did("浏览", 60, **_having("times", ">", 20)),
            _acts("behavior_type = '浏览' AND object_attr = '商品'", 60, "sum(behavior_count) > 20"),
        ),
        NamedRule("logged_in_90", _did("登录", 90, "页面"), _acts(_LOGIN, 90)),
        NamedRule(
            "did_not_buy_365",
            _did("购买", 365) | {"did": False},
            f"SELECT DISTINCT user_id FROM ads_behavior EXCEPT {_acts(_BUY, 365)}",
        ),
        NamedRule(
            "members_who_did_not_log_in",
            _did("登录", 90, "页面") | {"did": False, "base": "users"},
            f"{_users('true')} EXCEPT {_acts(_LOGIN, 90)}",
        ),
        NamedRule(
            "bought_between", _did("购买") | window, _acts(f"{_BUY} AND behavior_time >= DATE '{sale}'")
        ),
    ]


def _mixed() -> list[NamedRule]:
    gold = "member_level IN ('金卡', '黑金') AND push_enabled = '是'"
    return [
        NamedRule(
            "cart_without_purchase",
            _without(_did("加购", 30), _did("购买", 30)),
            f"{_acts(_CART, 30)} EXCEPT {_acts(_BUY, 30)}",
        ),
        NamedRule(
            "young_women_in_app",
            _all(
                _tag("gender", "in", ["女"]),
                _tag("age", "between", [18, 29]),
                _did("购买", 180, channel=["app"]),
            ),
            f"""{_users("gender = '女' AND age BETWEEN 18 AND 29")} INTERSECT
                {_acts(_BUY + " AND channel = 'app'", 180)}""",
        ),
        NamedRule(
            "vip_or_spent_2000",
            _any(_tag("is_vip", "in", ["是"]), _did("购买", 90, **_having("amount", ">=", 2000))),
            f"""{_users("is_vip = '是'")} UNION {_acts(_BUY, 90, "round(sum(behavior_amount), 2) >= 2000")}""",
        ),
        NamedRule(
            "sleeping_gold",
            _without(
                _all(_tag("member_level", "in", ["金卡", "黑金"]), _tag("push_enabled", "in", ["是"])),
                _did("购买", 90),
                _did("登录", 30, "页面"),
            ),
            f"{_users(gold)} EXCEPT {_acts(_BUY, 90)} EXCEPT {_acts(_LOGIN, 30)}",
        ),
        NamedRule(
            "nested",
            _any(
                _all(
                    _tag("city_tier", "in", ["一线"]),
                    _any(_tag("interests", "contains", ["旅行"]), _did("收藏", 60)),
                ),
                _all(_tag("city_tier", "in", ["新一线"]), _tag("total_count", ">=", 5)),
            ),
            f"""SELECT user_id FROM ads_user_tag
                WHERE (city_tier = '一线' AND (contains(interests, '旅行') OR user_id IN ({_acts(_FAVOURITE, 60)})))
                OR (city_tier = '新一线' AND total_count >= 5)""",
        ),
    ]
