"""The people: what they are like, where they live, how they buy."""

from __future__ import annotations

from datetime import date

import duckdb

from cdp.demo.retailer.dice import Dice, text
from cdp.demo.retailer.profiles import (
    CHANNELS,
    DAY,
    HISTORY_DAYS,
    NEVER,
    PERSONAS,
    REFUND_STORE,
    REGULAR,
    STORES,
    WAVE_SHARE,
    Profile,
)

CITIES: dict[str, tuple[str, str, float]] = {
    "上海": ("上海", "一线", 9), "北京": ("北京", "一线", 8), "广州": ("广东", "一线", 6), "深圳": ("广东", "一线", 6),
    "杭州": ("浙江", "新一线", 6), "成都": ("四川", "新一线", 6), "武汉": ("湖北", "新一线", 5),
    "南京": ("江苏", "新一线", 5), "苏州": ("江苏", "新一线", 4), "西安": ("陕西", "新一线", 4),
    "重庆": ("重庆", "新一线", 5),
    "宁波": ("浙江", "二线", 3), "厦门": ("福建", "二线", 3), "济南": ("山东", "二线", 3), "合肥": ("安徽", "二线", 3),
    "昆明": ("云南", "二线", 3), "福州": ("福建", "二线", 3), "绍兴": ("浙江", "三线及以下", 4),
    "洛阳": ("河南", "三线及以下", 4), "桂林": ("广西", "三线及以下", 4), "襄阳": ("湖北", "三线及以下", 4),
}  # fmt: skip
"""City: province, tier, and how many of a hundred or so users live there."""

HABITS = {
    "一线": {"app": 38, "小程序": 16, "官网": 8, "微信": 3, "天猫": 9, "京东": 6, "门店": 20},
    "其他": {"app": 14, "小程序": 31, "官网": 9, "微信": 4, "天猫": 13, "京东": 8, "门店": 21},
}
"""Where people of large and of other cities mostly buy."""

TASTES_OF_WOMEN = {"0": 20, "1": 16, "2": 11, "3": 13, "4": 13, "8": 7, "9": 9, "10": 5, "11": 6}
TASTES_OF_MEN = {"5": 30, "6": 28, "7": 22, "8": 6, "10": 10, "2": 4}


def make_people(db: duckdb.DuckDBPyConnection, profile: Profile, dice: Dice, as_of: date) -> None:
    """Tables `people` (one row per user, `i` from 1) and `persona`."""
    users = profile.users
    values = ", ".join(
        f"({number}::TINYINT, {text(p.name)}, {p.most}, {p.gap * DAY}, {p.life * DAY}, {p.start}, {p.lines})"
        for number, p in enumerate(PERSONAS)
    )
    db.execute(
        f"""CREATE TABLE persona AS
            SELECT * FROM (VALUES {values}) t(persona, name, most, gap, life, start, lines)"""
    )
    limits, passed = [], 0.0
    for number, persona in enumerate(PERSONAS[:NEVER]):
        passed += persona.share
        limits.append(f"WHEN rank < {round(passed * users)} THEN {number}")
    before_regular = sum(persona.share for persona in PERSONAS[:REGULAR])
    wave_start = round(before_regular * users)
    wave_end = round((before_regular + PERSONAS[REGULAR].share * WAVE_SHARE) * users)
    # 门店7 is the largest shop, so that its refunds are many enough to show.
    stores = {store: 3.0 if store == REFUND_STORE else 1.0 for store in STORES}
    city_names = {name: weight for name, (_province, _tier, weight) in CITIES.items()}
    cities = ", ".join(
        f"({text(name)}, {text(province)}, {text(tier)})"
        for name, (province, tier, _weight) in CITIES.items()
    )
    channel_no = ", ".join(f"({number}::TINYINT, {text(name)})" for number, name in enumerate(CHANNELS, 1))
    db.execute(
        f"""
        CREATE TABLE people AS
        WITH ranked AS (
            SELECT i, row_number() OVER (ORDER BY {dice.whole("i", "persona")}, i) - 1 AS rank
            FROM range(1, {users} + 1) t(i)
        ), drawn AS (
            SELECT i,
                   (CASE {" ".join(limits)} ELSE {NEVER} END)::TINYINT AS persona,
                   rank >= {wave_start} AND rank < {wave_end} AS wave,
                   CASE WHEN {dice.uniform("i", "gender")} < 0.6 THEN '女' ELSE '男' END AS sex,
                   {dice.choice("i", "city", city_names)} AS city,
                   {dice.choice("i", "store", stores)} AS store,
                   DATE '{as_of}' - (365.25 * (16 + 44 * pow({dice.uniform("i", "age")}, 1.35)))::INTEGER AS birthday,
                   CASE WHEN {dice.uniform("i", "level")} < 0.35 THEN 0 WHEN {dice.uniform("i", "level")} < 0.8 THEN 1
                        ELSE 2 END::INTEGER AS level
            FROM ranked
        ), settled AS (
            SELECT drawn.*, province, tier,
                   CASE WHEN tier = '一线' THEN {dice.choice("i", "habit", HABITS["一线"])}
                        ELSE {dice.choice("i", "habit", HABITS["其他"])} END AS habit,
                   (CASE WHEN sex = '女' THEN {dice.choice("i", "taste", TASTES_OF_WOMEN)}
                         ELSE {dice.choice("i", "taste", TASTES_OF_MEN)} END)::INTEGER AS taste,
                   (CASE WHEN sex = '女' THEN {dice.choice("i", "taste 2", TASTES_OF_WOMEN)}
                         ELSE {dice.choice("i", "taste 2", TASTES_OF_MEN)} END)::INTEGER AS taste_2
            FROM drawn JOIN (VALUES {cities}) c(city, province, tier) USING (city)
        )
        SELECT settled.* EXCLUDE (habit, store), main.channel_no AS main_channel
        FROM settled
        JOIN (VALUES {channel_no}) main(channel_no, channel)
             ON main.channel = CASE WHEN habit = '门店' THEN settled.store ELSE habit END
        ORDER BY i
        """
    )


def add_registration(db: duckdb.DuckDBPyConnection, dice: Dice) -> None:
    """Table `account`: when each user registered (before the first order) and until when they look at the shop."""
    history = HISTORY_DAYS * DAY
    db.execute(
        f"""
        CREATE TABLE account AS
        SELECT i, persona, main_channel, orders, registered, last,
               CASE WHEN orders = 0 THEN least({history} - 1,
                         greatest(registered, 0) + {dice.exponential("i", "interest", 260 * DAY)})
                    WHEN {history} - last < gap * 1.5 THEN {history} - 1
                    ELSE least({history} - 1, last + {dice.exponential("i", "interest", 25 * DAY)}) END::BIGINT AS until
        FROM (
            SELECT p.i, p.persona, p.main_channel, persona.gap, coalesce(o.orders, 0) AS orders,
                   coalesce(last, 0) AS last,
                   CASE WHEN o.orders IS NULL THEN {dice.below("p.i", "registered", 1255 * DAY)} - {500 * DAY}
                        WHEN first < {60 * DAY} OR {dice.uniform("p.i", "old customer")} < 0.12
                        THEN first - {60 * DAY} - {dice.below("p.i", "registered", 640 * DAY)}
                        WHEN {dice.uniform("p.i", "at once")} < 0.55
                        THEN first - 600 - {dice.below("p.i", "registered", 7200)}
                        ELSE first - 7800 - {dice.below("p.i", "registered", 30 * DAY)} END::BIGINT AS registered
            FROM people p JOIN persona USING (persona)
            LEFT JOIN (SELECT i, count(*) AS orders, min(sec) AS first, max(sec) AS last
                       FROM orders GROUP BY i) o USING (i)
        )
        ORDER BY i
        """
    )
