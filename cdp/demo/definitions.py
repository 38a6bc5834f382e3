"""What the demo retailer's tables mean: the datasets of its workspace."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

TABLES = {
    "ads_user_tag": "会员宽表：每位会员一行",
    "ads_item_tag": "商品宽表：每件商品一行",
    "ads_trade": "交易明细：每笔订单或退款一行",
    "ads_rfm_customer": "消费汇总：每位买家一行",
    "ads_aipl_customer": "分渠道的会员状态：每位会员、每个渠道一行",
    "ads_behavior": "会员行为：浏览、收藏、加购、购买等",
    "dim_behavior_type": "行为类型的维表",
    "dim_channel": "渠道的维表",
    "dim_object": "行为对象的维表",
    "dim_cat1": "一级类目的维表",
    "dim_cat2": "二级类目的维表",
    "dim_brand": "品牌的维表",
    "id_pairs": "同时出现的两个标识，用于识别同一个人",
    "omni_tag_pack": "全域标签包：每台设备一行",
    "omni_tags": "全域标签清单",
    "omni_baseline": "全网各标签值的占比",
}
"""Tables that are loaded, with their descriptions."""


@dataclass(frozen=True)
class Derived:
    """A table made of generated ones by a query."""

    description: str
    sql: str


DERIVED = {
    "ads_purchase": Derived(
        "会员购买：每次购买按商品、品牌和类目各记一行",
        "SELECT * FROM ads_behavior WHERE behavior_type = '购买'",
    )
}


def _tag(column: str, name: str, kind: str, category: str, **more: Any) -> dict[str, Any]:
    return {"column": column, "name": name, "type": kind, "category": category, **more}


MEMBERS: dict[str, Any] = {
    "name": "会员标签",
    "description": "会员的基本属性、偏好和消费，每天早上更新",
    "kind": "user_tags",
    "table": "ads_user_tag",
    "user_id": {"column": "user_id", "id_type": "one_id"},
    "ids": [
        {"column": "mobile", "id_type": "mobile"},
        {"column": "email", "id_type": "email"},
        {"column": "open_id", "id_type": "open_id"},
        {"column": "union_id", "id_type": "union_id"},
        {"column": "oaid", "id_type": "oaid"},
        {"column": "imei", "id_type": "imei"},
        {"column": "alipay_id", "id_type": "alipay_id"},
    ],
    "tags": [
        _tag("gender", "性别", "enum", "基本属性"),
        _tag("age", "年龄", "number", "基本属性"),
        _tag("birthday", "生日", "date", "基本属性"),
        _tag("city", "城市", "enum", "基本属性"),
        _tag("province", "省份", "enum", "基本属性"),
        _tag("city_tier", "城市等级", "enum", "基本属性"),
        _tag("occupation", "职业", "enum", "基本属性"),
        _tag("marital", "婚姻状况", "enum", "基本属性"),
        _tag("signature", "个性签名", "text", "基本属性"),
        _tag("interests", "兴趣", "multi", "偏好", separator=","),
        _tag("owned_brands", "已购品牌", "multi", "偏好", separator=","),
        _tag("choco_pref_90d", "近90天巧克力偏好", "number", "偏好", description="0 到 1，越大越喜欢"),
        _tag("member_level", "会员等级", "enum", "会员"),
        _tag("is_vip", "VIP", "enum", "会员", description="累计消费超过一万元且超过十单"),
        _tag("push_enabled", "接收推送", "enum", "会员"),
        _tag("register_time", "注册时间", "date", "会员"),
        _tag("last_login_time", "最近登录时间", "date", "会员"),
        _tag("points", "积分", "number", "会员"),
        _tag("last_buy_time", "最近购买时间", "date", "消费"),
        _tag("total_amount", "累计消费金额", "number", "消费"),
        _tag("total_count", "累计消费次数", "number", "消费"),
        _tag("amount_90d", "近90天消费金额", "number", "消费"),
        _tag("amount_30d", "近30天消费金额", "number", "消费"),
        _tag("avg_order", "客单价", "number", "消费"),
        _tag("discount_share", "折扣订单占比", "number", "消费"),
        _tag("refund_count", "退款次数", "number", "消费"),
    ],
    "refresh": {"every": "day", "at": "05:00"},
}

RFM: dict[str, Any] = {
    "name": "会员价值 RFM",
    "description": "按最近消费、消费次数和消费金额给会员分组",
    "kind": "rfm",
    "table": "ads_rfm_customer",
    "user_id": {"column": "user_id", "id_type": "one_id"},
    "ids": [{"column": "user_id_2", "id_type": "mobile"}],
    "input": "customers",
    "time": "last_buy_time",
    "amount": "total_amount",
    "count": "total_count",
}

RFM_TRADE: dict[str, Any] = {
    "name": "会员价值 RFM（近一年交易）",
    "description": "从交易明细计算，只看最近 365 天",
    "kind": "rfm",
    "table": "ads_trade",
    "user_id": {"column": "user_id", "id_type": "one_id"},
    "ids": [{"column": "user_id_2", "id_type": "mobile"}],
    "input": "transactions",
    "days": 365,
    "time": "trade_time",
    "amount": "trade_amount",
}

ITEMS: dict[str, Any] = {
    "name": "商品标签",
    "description": "每件商品的名称、品牌、类目和价格",
    "kind": "item_tags",
    "table": "ads_item_tag",
    "item_id": "item_id",
    "item_name": "item_name",
    "tags": [
        _tag("brand", "品牌", "enum", "商品"),
        _tag("cat1", "一级类目", "enum", "商品"),
        _tag("cat2", "二级类目", "enum", "商品"),
        _tag("season", "季节", "enum", "商品"),
        _tag("color", "颜色", "enum", "商品"),
        _tag("material", "材质", "enum", "商品"),
        _tag("style", "风格", "multi", "商品", separator=","),
        _tag("spec", "规格", "text", "商品"),
        _tag("is_new", "新品", "enum", "商品"),
        _tag("price", "价格", "number", "商品"),
        _tag("launch_price", "上市价", "number", "商品"),
        _tag("buy_threshold", "购买门槛", "enum", "商品"),
        _tag("profit_rate", "利润率", "number", "商品"),
        _tag("sales_90d", "近90天销量", "number", "商品", description="统计值，训练推荐模型时要排除"),
        _tag("on_shelf_time", "上架时间", "date", "商品"),
    ],
    "refresh": {"every": "day", "at": "05:00"},
}

BEHAVIOUR: dict[str, Any] = {
    "name": "会员行为",
    "description": "每个行为按商品、品牌和类目各记一行",
    "kind": "behaviour",
    "table": "ads_behavior",
    "user_id": {"column": "user_id", "id_type": "one_id"},
    "ids": [{"column": "user_id_2", "id_type": "mobile"}],
    "time": "behavior_time",
    "type": {"column": "behavior_type"},
    "count": "behavior_count",
    "amount": "behavior_amount",
    "channel": "channel",
    "object_key": "object_attr",
    "object_value": "object_value",
    "object_value_id": "object_value_id",
    "base_object": "商品",
    "dimensions": [
        {"place": "type", "table": "dim_behavior_type", "key": "behavior_type", "label": "behavior_type"},
        {"place": "channel", "table": "dim_channel", "key": "channel", "label": "channel"},
        {
            "place": "object",
            "table": "dim_object",
            "key": "object_value",
            "label": "object_value",
            "attribute_column": "object_attr",
        },
    ],
}


PURCHASES: dict[str, Any] = {
    "name": "会员购买",
    "description": "只有购买行为，每个对象属性各有一张维表",
    "kind": "behaviour",
    "table": "ads_purchase",
    "user_id": {"column": "user_id", "id_type": "one_id"},
    "ids": [{"column": "user_id_2", "id_type": "mobile"}],
    "time": "behavior_time",
    "type": {"column": "behavior_type"},
    "count": "behavior_count",
    "amount": "behavior_amount",
    "channel": "channel",
    "object_key": "object_attr",
    "object_value": "object_value",
    "object_value_id": "object_value_id",
    "base_object": "商品",
    "dimensions": [
        {"place": "type", "table": "dim_behavior_type", "key": "behavior_type", "label": "behavior_type"},
        {"place": "channel", "table": "dim_channel", "key": "channel", "label": "channel"},
        *(
            {"place": "object", "table": table, "key": column, "label": column, "attribute": attribute}
            for attribute, table, column in (
                ("一级类目", "dim_cat1", "cat1"),
                ("二级类目", "dim_cat2", "cat2"),
                ("品牌", "dim_brand", "brand"),
                ("商品", "ads_item_tag", "item_name"),
            )
        ),
    ],
}
