"""The audiences and messages of the demo workspace."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

VIP, LOST, AGAIN, BIRTHDAY = "VIP 会员", "流失风险", "女装近 90 天复购", "一周内生日"
LISTED, LIST_TABLE, OUTDATED = "门店导购名单", "store_list", "门店渠道会员（规则待更新）"
OPENED = "打开回访邮件但未购买"
COMBINED, UPLOADED, FAILED = "流失风险中的非 VIP", "线下活动签到", "扫码名单（文件有误）"
UPLOADED_LINES = ["user_unique_id", *(f"100{number * 7919 % 10**8:08d}" for number in range(1, 601)), "无效"]
LISTED_LINES = ["user_unique_id", *(f"100{number * 6007 % 10**8:08d}" for number in range(1, 301))]
FAILED_LINES = ["user_unique_id", "桌号1", "桌号2", "桌号3"]

LETTER = {
    "name": "女装回访",
    "subject": "${city}的朋友，新一季女装到了",
    "html": (
        "<h1>新一季女装到了</h1><p>亲爱的${city}会员，感谢您一直以来的支持。</p>"
        '<p><a href="https://www.example.com/new-season">看看新品</a></p>'
    ),
}
LETTER_WITH_GIFT = {
    "name": "女装回访（赠礼版）",
    "subject": "${city}的朋友，新一季女装和一份小礼物在等您",
    "html": (
        "<h1>新一季女装，附一份小礼物</h1><p>亲爱的${city}会员，凭本邮件到店即可领取小礼物一份。</p>"
        '<p><a href="https://www.example.com/new-season">看看新品</a></p>'
    ),
}
BIRTHDAY_LETTER = {
    "name": "生日礼遇",
    "subject": "生日快乐，送您一份礼物",
    "html": '<h1>生日快乐</h1><p>本月到店可领取一份礼物。</p><p><a href="https://www.example.com/gift">查看礼物</a></p>',
}
PUSH = {
    "name": "会员专享推送",
    "purpose": "promotion",
    "subject": "会员专享价今天开始",
    "text": "打开 App，看看为您留的新品。",
    "push": {"action": "url", "url": "https://www.example.com/vip", "ttl_hours": 24},
}
WEBHOOK = {"title": "${city}的会员，您好", "template": "vip-autumn", "points": "200"}
TEXT = {"name": "生日问候", "purpose": "notice", "text": "祝您生日快乐！到店出示本短信享八八折。"}
THANKS = {
    "name": "感谢回复",
    "purpose": "promotion",
    "text": "感谢您的回复！门店每天十点至二十二点营业，欢迎光临。",
}


@dataclass(frozen=True)
class Selection:
    """An audience of the demo; `folder` is "", "活动" or "会员日"."""

    name: str
    rule: dict[str, Any]
    folder: str = ""
    remark: str = ""
    public: bool = False
    refresh: dict[str, Any] = field(default_factory=dict)
    save_ids: tuple[str, ...] = ("mobile", "email")


def selections(members: str, behaviour: str, model: str, stages: str) -> list[Selection]:
    """The audiences that rules describe, for the IDs of the datasets: user tags, behaviour, RFM, AIPL."""

    def tag(name: str, operator: str, value: Any = None) -> dict[str, Any]:
        leaf = {"kind": "tag", "dataset": members, "tag": name, "operator": operator}
        return leaf if value is None else {**leaf, "value": value}

    def did(*types: str, objects: tuple[str, list[str]] | None = None, **more: Any) -> dict[str, Any]:
        leaf = {"kind": "behaviour", "dataset": behaviour, "type": list(types), **more}
        if objects is not None:
            leaf["objects"] = [{"name": objects[0], "operator": "in", "value": objects[1]}]
        return leaf

    def both(*items: dict[str, Any]) -> dict[str, Any]:
        return {"op": "intersect", "items": list(items)}

    def without(*items: dict[str, Any]) -> dict[str, Any]:
        return {"op": "subtract", "items": list(items)}

    def having(measure: str, operator: str, value: Any) -> dict[str, Any]:
        return {"measure": measure, "operator": operator, "value": value}

    def days(count: int) -> dict[str, Any]:
        return {"kind": "last_days", "days": count}

    known = tag("member_level", "not_empty")
    daily = {"every": "day", "at": "06:00"}
    women = ("一级类目", ["女装"])
    return [
        Selection(
            VIP,
            both(tag("total_amount", ">", 10000), tag("total_count", ">", 10)),
            remark="累计消费超过一万元且超过十单",
            public=True,
            refresh=daily,
            save_ids=("mobile", "email", "imei", "alipay_id"),
        ),
        Selection(
            AGAIN,
            both(known, did("购买", window=days(90), objects=women, having=having("times", ">=", 2))),
            folder="活动",
            public=True,
        ),
        Selection(
            LOST,
            without(both(known, did("购买", having=having("days", ">=", 3))), did("购买", window=days(120))),
            folder="活动",
            remark="买过三天以上，近 120 天没有再买",
            refresh=daily,
        ),
        Selection(
            BIRTHDAY, tag("birthday", "anniversary_within", {"days": 7}), folder="会员日", refresh=daily
        ),
        Selection(
            "加购未购买",
            without(both(known, did("加购", window=days(30))), did("购买", window=days(30))),
            folder="活动",
        ),
        Selection(
            "爱吃巧克力的年轻女性",
            both(
                tag("gender", "in", ["女"]), tag("age", "between", [25, 34]), tag("choco_pref_90d", ">=", 0.7)
            ),
            folder="会员日",
            public=True,
        ),
        Selection(
            "一线城市的高等级会员", both(tag("city_tier", "in", ["一线"]), tag("total_amount", ">", 3000))
        ),
        Selection("从未购买", both(known, tag("last_buy_time", "empty")), public=True),
        Selection(
            "重点挽留客户",
            both(known, {"kind": "rfm", "dataset": model, "types": ["key_win_back"]}),
            folder="活动",
            remark="很久没买，但消费金额高",
        ),
        Selection(
            "忠诚客户",
            both(known, {"kind": "aipl", "dataset": stages, "stages": ["L"]}),
            remark="全渠道 AIPL 的 L 阶段",
        ),
        Selection(
            "近 30 天新注册",
            tag("register_time", "within", days(30)),
            remark="欢迎礼的对象",
            folder="会员日",
        ),
    ]


def opened_without_purchase(messages: str, letter: str, members: str, behaviour: str) -> dict[str, Any]:
    """Who opened the send-out of this ID in the last week, and has bought nothing in that time."""
    week = {"kind": "last_days", "days": 7, "include_today": True}
    did = {"kind": "behaviour", "did": True, "window": week}
    sent = [{"name": "send_out_id", "operator": "in", "value": [letter]}]
    return {
        "op": "subtract",
        "items": [
            {
                "op": "intersect",
                "items": [
                    {"kind": "tag", "dataset": members, "tag": "member_level", "operator": "not_empty"},
                    {**did, "dataset": messages, "type": ["opened"], "objects": sent},
                ],
            },
            {**did, "dataset": behaviour, "type": ["购买"]},
        ],
    }
