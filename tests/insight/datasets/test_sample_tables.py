"""The seven worked tables of the field: each loads as it is printed and becomes a dataset with every printed value."""

from __future__ import annotations

import io
from datetime import date, datetime
from typing import Any

import pytest

from insight.datasources import services as tables
from tests.insight.datasets.world import World

USER = {"user_id": {"column": "user_id", "id_type": "one_id"}}
TWO = {"ids": [{"column": "user_id_2", "id_type": "open_id"}]}
THREE = {"ids": [*TWO["ids"], {"column": "user_id_3", "id_type": "union_id"}]}


def tags(**kinds: str) -> dict[str, Any]:
    return {"tags": [{"column": column, "name": column, "type": kind} for column, kind in kinds.items()]}


EVENTS = {
    **USER,
    **THREE,
    "kind": "behaviour",
    "time": "behavior_time",
    "type": {"column": "behavior_type"},
    "count": "behavior_count",
    "amount": "behavior_amount",
    "channel": "channel",
    "object_key": "object_attr",
    "object_value": "object_value",
}
_EVENT = (
    "user_id,user_id_2,user_id_3,behavior_type,behavior_time,behavior_count,behavior_amount,channel,"
    "object_attr,object_value"
)
_EVENT_COLUMNS = (
    "user_unique_id",
    "user_id_2",
    "user_id_3",
    "type",
    "at",
    "count",
    "amount",
    "channel",
    "object_key",
    "object_value",
)
SAMPLES: dict[str, tuple[str, dict[str, Any], tuple[str, ...], list[tuple[Any, ...]]]] = {
    "ads_user_tag": (
        """user_id,user_id_2,user_id_3,gender,choco_pref_90d,register_time,age,amount_30d
        a0001,b0001,c0001,男,0.8,2018/10/21,23,30
        a0002,b0002,c0002,女,0.5,2018/10/21,52,50""",
        USER
        | THREE
        | {"kind": "user_tags"}
        | tags(
            gender="enum", choco_pref_90d="number", register_time="date", age="number", amount_30d="number"
        ),
        (
            "user_unique_id",
            *("user_id_2", "user_id_3", "gender", "choco_pref_90d", "register_time", "age", "amount_30d"),
        ),
        [
            ("a0001", "b0001", "c0001", "男", 0.8, date(2018, 10, 21), 23, 30),
            ("a0002", "b0002", "c0002", "女", 0.5, date(2018, 10, 21), 52, 50),
        ],
    ),
    "ads_item_tag": (
        """item_id,item_name,spec,buy_threshold,on_shelf_time,season,price,profit_rate
        A0001,XXX夹克,均码,非会员,2021/01/20,春夏,1000,0.50
        A0002,XXX外套,S/M/L,会员,2021/01/20,冬,2000,0.30""",
        {"kind": "item_tags", "item_id": "item_id", "item_name": "item_name"}
        | tags(
            spec="text",
            buy_threshold="enum",
            on_shelf_time="date",
            season="enum",
            price="number",
            profit_rate="number",
        ),
        ("item_id", "item_name", "spec", "buy_threshold", "on_shelf_time", "season", "price", "profit_rate"),
        [
            ("A0001", "XXX夹克", "均码", "非会员", date(2021, 1, 20), "春夏", 1000, 0.5),
            ("A0002", "XXX外套", "S/M/L", "会员", date(2021, 1, 20), "冬", 2000, 0.3),
        ],
    ),
    "ads_rfm_customer": (
        """user_id,last_buy_time,total_amount,total_count,user_id_2,user_id_3
        a0001,2019/8/23 12:36:54,345.55,2,b0001,c0001
        a0002,2018/7/12 15:36:54,356.1,1,b0002,c0001""",
        USER
        | THREE
        | {"kind": "rfm", "input": "customers", "time": "last_buy_time"}
        | {"amount": "total_amount", "count": "total_count"},
        ("user_unique_id", "f", "m", "user_id_2", "user_id_3"),
        [("a0001", 2, 345.55, "b0001", "c0001"), ("a0002", 1, 356.1, "b0002", "c0001")],
    ),
    "ads_trade": (
        """order_id,user_id,trade_time,trade_amount,user_id_2,user_id_3
        x1,a0001,2019/6/24 12:56:54,124,b0001,c0001
        x2,a0002,2019/8/23 12:36:54,222.55,b0002,c0002
        x3,a0003,2018/7/12 16:36:54,356.1,b0003,c0003""",
        USER
        | THREE
        | {"kind": "rfm", "input": "transactions", "time": "trade_time", "amount": "trade_amount"},
        ("user_unique_id", "f", "m", "user_id_2", "user_id_3"),
        [
            ("a0001", 1, 124, "b0001", "c0001"),
            ("a0002", 1, 222.55, "b0002", "c0002"),
            ("a0003", 1, 356.1, "b0003", "c0003"),
        ],
    ),
    "ads_aipl_customer": (
        """user_id,user_id_2,channel,register_time,amount_90d,login_90d,fav_90d,buy_90d
        a0001,b0001,小程序,2020/10/10,500,1,2,1
        a0002,b0002,app,2020/10/20,3000,3,5,2
        a0003,b0003,官网,2021/10/30,0,1,0,0""",
        USER
        | TWO
        | {"kind": "user_tags"}
        | tags(
            channel="enum",
            register_time="date",
            amount_90d="number",
            login_90d="number",
            fav_90d="number",
            buy_90d="number",
        ),
        (
            "user_unique_id",
            *("user_id_2", "channel", "register_time", "amount_90d", "login_90d", "fav_90d", "buy_90d"),
        ),
        [
            ("a0001", "b0001", "小程序", date(2020, 10, 10), 500, 1, 2, 1),
            ("a0002", "b0002", "app", date(2020, 10, 20), 3000, 3, 5, 2),
            ("a0003", "b0003", "官网", date(2021, 10, 30), 0, 1, 0, 0),
        ],
    ),
    "ads_behavior": (
        f"""{_EVENT}
        a0001,b0006,c0006,加购,20211023,5,500,官网,一级类目,女装
        a0002,b0002,c0002,浏览,20201225,10,1000,官网,二级类目,家居服
        a0003,b0003,c0003,收藏,20201023,2,2000,app,品牌,品牌A
        a0004,b0004,c0004,购买,20200818,1,3000,小程序,商品,商品A""",
        EVENTS,
        _EVENT_COLUMNS,
        [
            ("a0001", "b0006", "c0006", "加购", datetime(2021, 10, 23), 5, 500, "官网", "一级类目", "女装"),
            (
                "a0002",
                "b0002",
                "c0002",
                "浏览",
                datetime(2020, 12, 25),
                10,
                1000,
                "官网",
                "二级类目",
                "家居服",
            ),
            ("a0003", "b0003", "c0003", "收藏", datetime(2020, 10, 23), 2, 2000, "app", "品牌", "品牌A"),
            ("a0004", "b0004", "c0004", "购买", datetime(2020, 8, 18), 1, 3000, "小程序", "商品", "商品A"),
        ],
    ),
    "ads_behavior_of_items": (
        f"""{_EVENT},object_value_id
        a0001,b0001,c0001,购买,2021-01-01 10:00:01,1,1000,门店1,商品,商品A,A0001
        a0002,b0002,c0002,购买,2021-01-01 10:01:01,1,2000,小程序,商品,商品B,A0002
        a0003,b0003,c0003,购买,2021-01-01 10:02:01,1,2000,官网,商品,商品B,A0002
        a0004,b0004,c0004,购买,2021-01-01 10:03:01,1,3000,app,商品,商品C,A0003""",
        {**EVENTS, "object_value_id": "object_value_id"},
        (*_EVENT_COLUMNS, "object_value_id"),
        [
            (
                "a0001",
                "b0001",
                "c0001",
                "购买",
                datetime(2021, 1, 1, 10, 0, 1),
                1,
                1000,
                "门店1",
                "商品",
                "商品A",
                "A0001",
            ),
            (
                "a0002",
                "b0002",
                "c0002",
                "购买",
                datetime(2021, 1, 1, 10, 1, 1),
                1,
                2000,
                "小程序",
                "商品",
                "商品B",
                "A0002",
            ),
            (
                "a0003",
                "b0003",
                "c0003",
                "购买",
                datetime(2021, 1, 1, 10, 2, 1),
                1,
                2000,
                "官网",
                "商品",
                "商品B",
                "A0002",
            ),
            (
                "a0004",
                "b0004",
                "c0004",
                "购买",
                datetime(2021, 1, 1, 10, 3, 1),
                1,
                3000,
                "app",
                "商品",
                "商品C",
                "A0003",
            ),
        ],
    ),
}


@pytest.mark.parametrize("name", SAMPLES)
def test_a_sample_table_becomes_a_dataset_with_every_printed_value(world: World, name: str) -> None:
    text, definition, columns, expected = SAMPLES[name]
    content = "\n".join(line.strip() for line in text.splitlines()).encode()
    kept = tables.create_upload(world.access, io.BytesIO(content), f"{name}.csv")
    tables.start_import(world.access, kept, name)
    world.run_jobs()
    made = world.dataset({"name": name, "table": name, **definition})
    assert made.state == "ready", made.error
    found = [tuple(row[column] for column in columns) for row in world.rows(made)]
    assert sorted(found) == expected
