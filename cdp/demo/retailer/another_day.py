"""One more day of the retailer, made of its own tables: what was done on the same weekday of the year before.

Orders and behaviour of the 364th day before are repeated on the new day under new order numbers; nobody registers or
gives anything back. Everything that sums up is then computed anew, so the tables agree with each other as before.

The queries read relations that are named after the tables. Rows are appended to ads_trade and ads_behavior first, and
what `renewed` tells is put in the place of the other tables afterwards.
"""

from __future__ import annotations

from datetime import date

from cdp.demo.retailer.derived import NEW_DAYS

APART = 364
"""Days between a day and the one that is like it: whole weeks."""
APPENDED = ("ads_trade", "ads_behavior")
RENEWED = ("ads_user_tag", "ads_item_tag", "ads_rfm_customer", "ads_aipl_customer")
_CENTS = "round({} * 100)::BIGINT"
_BOUGHT = "behavior_type = '购买' AND object_attr = '商品'"


def last_day() -> str:
    """SQL of the last day that has data."""
    return "SELECT max(trade_time)::DATE FROM ads_trade"


def appended(day: date) -> dict[str, str]:
    """SQL of the rows that a new day brings."""
    like = f"DATE '{day}' - {APART}"
    return {
        "ads_trade": f"""
            SELECT * REPLACE (order_id || '-{day:%y%m%d}' AS order_id, trade_time + INTERVAL {APART} DAY AS trade_time)
            FROM ads_trade WHERE trade_time::DATE = {like} AND is_refund = 0 ORDER BY user_id, trade_time""",
        "ads_behavior": f"""
            SELECT * REPLACE (behavior_time + INTERVAL {APART} DAY AS behavior_time)
            FROM ads_behavior WHERE behavior_time::DATE = {like} AND behavior_type NOT IN ('注册', '退款')
            ORDER BY user_id, behavior_time""",
    }


def renewed(day: date) -> dict[str, str]:
    """SQL of the tables that sum up, with `day` as the last one."""
    return {
        "ads_user_tag": _user_tags(day),
        "ads_item_tag": _item_tags(day),
        "ads_rfm_customer": _rfm_customers(),
        "ads_aipl_customer": _aipl_customers(day),
    }


def _user_tags(day: date) -> str:
    cents = _CENTS.format("trade_amount")
    return f"""
        WITH trade AS (
            SELECT user_id, sum({cents})::BIGINT AS cents, count(*) AS orders, max(trade_time) AS last,
                   coalesce(sum({cents}) FILTER (trade_time::DATE > DATE '{day}' - 30), 0)::BIGINT AS cents_30,
                   coalesce(sum({cents}) FILTER (trade_time::DATE > DATE '{day}' - 90), 0)::BIGINT AS cents_90
            FROM ads_trade WHERE is_refund = 0 GROUP BY user_id
        ), returned AS (SELECT user_id, count(*) AS refunds FROM ads_trade WHERE is_refund = 1 GROUP BY user_id),
        pieces AS (
            SELECT user_id, brand, sum(behavior_count * {_CENTS.format("price")})::BIGINT AS list_cents
            FROM ads_behavior JOIN ads_item_tag ON item_id = object_value_id WHERE {_BOUGHT} GROUP BY user_id, brand
        ), owned AS (
            SELECT user_id, string_agg(brand, ',' ORDER BY length(brand), brand) AS brands,
                   sum(list_cents)::BIGINT AS list_cents
            FROM pieces GROUP BY user_id
        ), login AS (
            SELECT user_id, max(behavior_time) AS login FROM ads_behavior WHERE behavior_type = '登录' GROUP BY user_id
        )
        SELECT u.* REPLACE (
            date_sub('year', birthday, DATE '{day}')::BIGINT AS age,
            CASE WHEN cents > 1000000 THEN '黑金' WHEN cents > 300000 THEN '金卡' WHEN cents > 0 THEN '银卡'
                 ELSE '普通' END AS member_level,
            CASE WHEN cents > 1000000 AND orders > 10 THEN '是' ELSE '否' END AS is_vip,
            brands AS owned_brands, login AS last_login_time, last AS last_buy_time,
            coalesce(cents_30, 0) / 100 AS amount_30d, coalesce(cents_90, 0) / 100 AS amount_90d,
            coalesce(cents, 0) / 100 AS total_amount, ((2 * cents + orders) // (2 * orders)) / 100 AS avg_order,
            coalesce(orders, 0)::BIGINT AS total_count,
            round((list_cents - cents) / list_cents, 4) AS discount_share,
            (coalesce(cents, 0) // 100)::BIGINT AS points, coalesce(refunds, 0)::BIGINT AS refund_count)
        FROM ads_user_tag u LEFT JOIN trade USING (user_id) LEFT JOIN returned USING (user_id)
        LEFT JOIN owned USING (user_id) LEFT JOIN login USING (user_id) ORDER BY user_id"""


def _item_tags(day: date) -> str:
    return f"""
        SELECT i.* REPLACE (
            coalesce(sold, 0)::BIGINT AS sales_90d,
            CASE WHEN on_shelf_time::DATE > DATE '{day}' + 1 - {NEW_DAYS} THEN '是' ELSE '否' END AS is_new)
        FROM ads_item_tag i LEFT JOIN (
            SELECT object_value_id AS item_id, sum(behavior_count) AS sold FROM ads_behavior
            WHERE {_BOUGHT} AND behavior_time::DATE > DATE '{day}' - 90 GROUP BY object_value_id) USING (item_id)
        ORDER BY item_id"""


def _rfm_customers() -> str:
    """Buyers, and those without a purchase who were there before."""
    return f"""
        SELECT user_id, user_id_2, user_id_3, last AS last_buy_time, cents / 100 AS total_amount,
               coalesce(orders, 0)::BIGINT AS total_count
        FROM (SELECT user_id, user_id_2, user_id_3 FROM ads_user_tag) LEFT JOIN (
            SELECT user_id, max(trade_time) AS last, sum({_CENTS.format("trade_amount")})::BIGINT AS cents,
                   count(*) AS orders
            FROM ads_trade WHERE is_refund = 0 GROUP BY user_id) USING (user_id)
        WHERE last IS NOT NULL OR user_id IN (SELECT user_id FROM ads_rfm_customer) ORDER BY user_id"""


def _aipl_customers(day: date) -> str:
    """The channels that somebody used in 90 days, and those that were there before."""
    cents = _CENTS.format("behavior_amount")
    return f"""
        WITH act AS (
            SELECT user_id, channel,
                   coalesce(sum({cents}) FILTER (behavior_type = '购买'), 0)::BIGINT AS cents,
                   coalesce(sum(behavior_count) FILTER (behavior_type = '登录'), 0)::BIGINT AS login,
                   coalesce(sum(behavior_count) FILTER (behavior_type = '收藏'), 0)::BIGINT AS fav,
                   coalesce(sum(behavior_count) FILTER (behavior_type = '购买'), 0)::BIGINT AS buy
            FROM ads_behavior WHERE behavior_time::DATE > DATE '{day}' - 90 AND object_attr IN ('商品', '页面')
            GROUP BY user_id, channel
        ), place AS (SELECT user_id, channel FROM ads_aipl_customer UNION SELECT user_id, channel FROM act)
        SELECT user_id, user_id_2, user_id_3, channel, register_time, coalesce(cents, 0) / 100 AS amount_90d,
               coalesce(login, 0) AS login_90d, coalesce(fav, 0) AS fav_90d, coalesce(buy, 0) AS buy_90d
        FROM place JOIN ads_user_tag USING (user_id) LEFT JOIN act USING (user_id, channel)
        ORDER BY user_id, channel"""
