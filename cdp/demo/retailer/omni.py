"""A small library of bought-in tags about devices: the shop's customers and as many strangers, forty tags each."""

from __future__ import annotations

from datetime import date

from cdp.demo.retailer.dice import Dice, text
from cdp.demo.retailer.profiles import Profile

MOST_PEOPLE = 200_000
"""No more customers than this are in the library."""
KNOWN = 0.85
"""The share of people whose value of a tag is known."""

_LEVELS = {"高": 25, "中": 45, "低": 30}
_YES = {"是": 30, "否": 70}
TAGS: dict[str, tuple[str, str, dict[str, float]]] = {
    "sex": ("性别", "人口属性", {"女": 50, "男": 50}),
    "age_band": ("年龄段", "人口属性", {"18-24": 20, "25-34": 30, "35-44": 25, "45-54": 15, "55+": 10}),
    "city_tier": ("城市等级", "人口属性", {"一线": 18, "新一线": 27, "二线": 25, "三线及以下": 30}),
    "education": ("学历", "人口属性", {"高中及以下": 40, "大专": 28, "本科": 26, "硕士及以上": 6}),
    "life_stage": ("人生阶段", "人口属性", {"单身": 30, "已婚未育": 18, "有孩": 42, "空巢": 10}),
    "has_child": ("有孩", "人口属性", _YES),
    "child_age": ("孩子年龄段", "人口属性", {"0-3": 30, "4-6": 30, "7-12": 40}),
    "occupation": ("职业", "人口属性", {"职员": 40, "学生": 18, "专业人士": 20, "经营者": 12, "其他": 10}),
    "income": ("收入水平", "消费能力", _LEVELS),
    "spending": ("消费能力", "消费能力", _LEVELS),
    "price_sensitive": ("价格敏感", "消费能力", _LEVELS),
    "luxury": ("奢侈品兴趣", "消费能力", _LEVELS),
    "credit_use": ("分期使用", "消费能力", _YES),
    "owns_car": ("有车", "资产", _YES),
    "owns_home": ("有房", "资产", _YES),
    "phone_price": ("手机价位", "资产", {"千元以下": 15, "1000-3000": 45, "3000-6000": 28, "6000以上": 12}),
    "phone_brand": ("手机品牌类型", "资产", {"国产": 70, "进口": 30}),
    "fashion": ("时尚兴趣", "兴趣", _LEVELS),
    "beauty": ("美妆兴趣", "兴趣", _LEVELS),
    "sport": ("运动兴趣", "兴趣", _LEVELS),
    "travel": ("旅行兴趣", "兴趣", _LEVELS),
    "food": ("美食兴趣", "兴趣", _LEVELS),
    "games": ("游戏兴趣", "兴趣", _LEVELS),
    "reading": ("阅读兴趣", "兴趣", _LEVELS),
    "pets": ("宠物兴趣", "兴趣", _LEVELS),
    "parenting": ("母婴兴趣", "兴趣", _LEVELS),
    "digital": ("数码兴趣", "兴趣", _LEVELS),
    "home_decor": ("家居兴趣", "兴趣", _LEVELS),
    "finance": ("理财兴趣", "兴趣", _LEVELS),
    "music": ("音乐兴趣", "兴趣", _LEVELS),
    "shop_clothes": ("服饰购买频次", "购物行为", _LEVELS),
    "shop_shoes": ("鞋包购买频次", "购物行为", _LEVELS),
    "shop_gifts": ("礼品购买频次", "购物行为", _LEVELS),
    "shop_online": ("线上购物活跃", "购物行为", _LEVELS),
    "shop_night": ("夜间购物", "购物行为", _YES),
    "promotion": ("大促活跃", "购物行为", _LEVELS),
    "short_video": ("短视频活跃", "媒体行为", _LEVELS),
    "social_media": ("社交媒体活跃", "媒体行为", _LEVELS),
    "news": ("资讯活跃", "媒体行为", _LEVELS),
    "active_hours": ("活跃时段", "媒体行为", {"上午": 20, "下午": 25, "晚上": 45, "深夜": 10}),
}
"""Column: name, category, and how values are spread over everybody."""

_LEANING = {"高": 45, "中": 40, "低": 15}
OWN_WEIGHTS: dict[str, dict[str, float]] = {
    "fashion": {"高": 58, "中": 32, "低": 10},
    "beauty": _LEANING,
    "shop_clothes": {"高": 64, "中": 30, "低": 6},
    "shop_shoes": _LEANING,
    "shop_gifts": _LEANING,
    "promotion": _LEANING,
    "games": {"高": 12, "中": 38, "低": 50},
}
"""How the shop's customers differ."""


def tag_pack(profile: Profile, dice: Dice, as_of: date) -> str:
    """SQL of `omni_tag_pack`. Customers come first, then the same number of strangers, whose ids are in no table."""
    own = min(profile.users, MOST_PEOPLE)
    age = f"date_sub('year', birthday, DATE '{as_of}')"
    known = {
        "sex": "sex",
        "city_tier": "tier",
        "age_band": f"""CASE WHEN {age} < 25 THEN '18-24' WHEN {age} < 35 THEN '25-34' WHEN {age} < 45 THEN '35-44'
                        WHEN {age} < 55 THEN '45-54' ELSE '55+' END""",
    }
    columns = []
    for name, (_label, _category, weights) in TAGS.items():
        anybody = dice.choice("i", f"omni {name}", weights)
        customer = known.get(name) or dice.choice("i", f"omni {name}", OWN_WEIGHTS.get(name, weights))
        missing = (
            "has_child IS DISTINCT FROM '是'"
            if name == "child_age"
            else f"{dice.uniform('i', f'omni no {name}')} < {1 - KNOWN:.2f}"
        )
        columns.append(f"CASE WHEN {missing} THEN NULL WHEN own THEN {customer} ELSE {anybody} END AS {name}")
    stranger = f"md5('{dice.seed}:stranger:' || i)"
    return f"""
        WITH everybody AS (
            SELECT i, true AS own, md5(mac) AS mac_md5, md5(imei) AS imei_md5, md5(idfa) AS idfa_md5, sex, tier,
                   birthday
            FROM people JOIN ids USING (i) WHERE i <= {own} AND coalesce(mac, imei, idfa) IS NOT NULL
            UNION ALL
            SELECT i + {profile.users}, false, CASE WHEN i % 3 = 0 THEN {stranger} END,
                   CASE WHEN i % 3 = 1 THEN {stranger} END, CASE WHEN i % 3 = 2 THEN {stranger} END, NULL, NULL, NULL
            FROM range(1, {own} + 1) t(i)
        )
        SELECT mac_md5, imei_md5, idfa_md5, {", ".join(columns)} FROM everybody ORDER BY i"""


def tag_list() -> str:
    """SQL of `omni_tags`, which says what the columns of the pack mean."""
    rows = ", ".join(
        f"({number}, {text(name)}, {text(label)}, {text(category)}, 'enum')"
        for number, (name, (label, category, _weights)) in enumerate(TAGS.items())
    )
    return f"""SELECT tag_id, name, category, value_type
               FROM (VALUES {rows}) t(number, tag_id, name, category, value_type) ORDER BY number"""


def baseline() -> str:
    """SQL of `omni_baseline`: the share of everybody in the whole network, not only in the pack, who have a value."""

    def known(name: str) -> float:
        return KNOWN * 0.3 if name == "child_age" else KNOWN

    rows = ", ".join(
        f"({text(name)}, {text(value)}, {weight / sum(weights.values()) * known(name):.6f}::DOUBLE)"
        for name, (_label, _category, weights) in TAGS.items()
        for value, weight in weights.items()
    )
    return f"SELECT * FROM (VALUES {rows}) t(tag_id, value, share)"
