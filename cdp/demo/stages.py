"""The AIPL models of the demo workspace: one of behaviour, one of the customers' figures by channel."""

from __future__ import annotations

from typing import Any

BY_CHANNEL: dict[str, Any] = {
    "name": "分渠道会员状态",
    "description": "每位会员在每个渠道近 90 天的登录、收藏和购买",
    "kind": "user_tags",
    "rows_per_user": "many",
    "table": "ads_aipl_customer",
    "user_id": {"column": "user_id", "id_type": "one_id"},
    "tags": [
        {"column": "channel", "name": "渠道", "type": "enum", "category": "渠道"},
        {"column": "register_time", "name": "注册时间", "type": "date", "category": "渠道"},
        {"column": "amount_90d", "name": "近90天消费金额（分渠道）", "type": "number", "category": "渠道"},
        {"column": "login_90d", "name": "近90天登录次数", "type": "number", "category": "渠道"},
        {"column": "fav_90d", "name": "近90天收藏次数", "type": "number", "category": "渠道"},
        {"column": "buy_90d", "name": "近90天购买次数", "type": "number", "category": "渠道"},
    ],
}
LAST_90, LAST_180 = {"kind": "last_days", "days": 90}, {"kind": "last_days", "days": 180}


def of_behaviour(dataset: str) -> dict[str, Any]:
    """Registered or signed in, saved something, bought, bought more than once for more than 1,000."""

    def did(kind: str, on: str, window: dict[str, Any], *limits: tuple[str, str, int]) -> dict[str, Any]:
        having = [{"measure": name, "operator": sign, "value": value} for name, sign, value in limits]
        return {
            "kind": "behaviour",
            "dataset": dataset,
            "type": [kind],
            "objects": [{"name": on, "operator": "any"}],
            "window": window,
            "having": {"op": "and", "items": having},
        }

    once, often, much = ("times", ">=", 1), ("times", ">", 1), ("amount", ">", 1000)
    return {
        "name": "全渠道 AIPL",
        "description": "按近 90 天行为划分会员所处的阶段",
        "kind": "aipl",
        "dataset": dataset,
        "stages": {
            "A": _all(
                _joined("union", did("登录", "页面", LAST_90, once), did("注册", "页面", LAST_180, once))
            ),
            "I": _all(did("收藏", "商品", LAST_90, once)),
            "P": _all(did("购买", "商品", LAST_90, once)),
            "L": _all(did("购买", "商品", LAST_90, often, much)),
        },
    }


def of_customers(dataset: str, channels: list[str] | None = None) -> dict[str, Any]:
    """The same stages from the figures of each channel; with `channels`, of these only."""

    def tag(name: str, operator: str, value: Any) -> dict[str, Any]:
        return {"kind": "tag", "dataset": dataset, "tag": name, "operator": operator, "value": value}

    registered = tag("register_time", "within", LAST_180)
    often, much = tag("buy_90d", ">", 1), tag("amount_90d", ">", 1000)
    rules = {
        "A": _joined("union", tag("login_90d", ">=", 1), registered),
        "I": tag("fav_90d", ">=", 1),
        "P": tag("buy_90d", ">=", 1),
        "L": _joined("intersect", often, much),
    }
    return {
        "name": "官网 AIPL",
        "description": "只看官网渠道的会员阶段",
        "kind": "aipl",
        "dataset": dataset,
        "channel": "channel",
        "channel_source": "online",
        "stages": {stage: {"channels": channels, "rule": rule} for stage, rule in rules.items()},
    }


def _joined(op: str, *items: dict[str, Any]) -> dict[str, Any]:
    return {"op": op, "items": list(items)}


def _all(rule: dict[str, Any]) -> dict[str, Any]:
    return {"channels": None, "rule": rule}
