"""Tables that sum up orders and behaviour: tags of users and items, trade, the inputs of the RFM and AIPL models."""

from __future__ import annotations

from datetime import date

from cdp.demo.retailer.dice import Dice, text_list
from cdp.demo.retailer.profiles import BEHAVIOUR_TYPES, CHANNELS, DAY, HISTORY_DAYS, NEVER, Profile, moment

NULL_GENDER_SHARE = 0.03
EMPTY_RFM_ROWS = 5
NEW_DAYS = 120
"""An item that has been on sale for fewer days than this is new."""
OCCUPATIONS = {
    "职员": 34,
    "学生": 14,
    "教师": 9,
    "医护": 7,
    "工程师": 12,
    "自由职业": 10,
    "个体经营": 9,
    "退休": 5,
}
MARITAL = {"已婚": 52, "未婚": 40, "其他": 8}
INTERESTS = {
    "时尚": 0.42,
    "美食": 0.33,
    "运动": 0.26,
    "亲子": 0.2,
    "旅行": 0.24,
    "数码": 0.15,
    "阅读": 0.12,
    "宠物": 0.1,
}
OPENINGS = (
    "慢慢走 今天也要 愿你 认真生活 一个人 清晨 周末 热爱 小城里 下雨天 听风 晒太阳 看云 喝茶 写字 路过 想念 遇见 收集 "
    "种花 等风 数星星 跑步 做饭"
)
MIDDLES = (
    "不慌张 开心一点 有光 的节奏 去看海 的味道 好好吃饭 每一天 和猫 的日子 与书 在路上 不迟到 的温柔 很安静 刚刚好 "
    "的声音 再出发 慢下来 和朋友 的颜色 不着急 的晚霞 与咖啡"
)
ENDINGS = tuple(f"{word}{number}" for word in ("。", "～", "！", "……") for number in ("", 1, 2, 3, 7, 8))


def user_tags(profile: Profile, dice: Dice, as_of: date) -> str:
    """SQL of `ads_user_tag`. Amounts and counts leave refunds out."""
    interests = ", ".join(
        f"CASE WHEN {dice.uniform('i', 'likes ' + name)} < {share} THEN '{name}' END"
        for name, share in INTERESTS.items()
    )
    age = f"date_sub('year', birthday, DATE '{as_of}')"
    nulls = round(profile.users * NULL_GENDER_SHARE)
    chocolate = dice.uniform("i", "chocolate")
    return f"""
        WITH bought AS (
            SELECT i, sum(cents)::BIGINT AS cents, count(*) AS orders, max(sec) AS last,
                   sum(cents) FILTER (sec >= {(HISTORY_DAYS - 30) * DAY})::BIGINT AS cents_30,
                   sum(cents) FILTER (sec >= {(HISTORY_DAYS - 90) * DAY})::BIGINT AS cents_90,
                   sum(list_cents)::BIGINT AS list_cents
            FROM sales GROUP BY i
        ), returned AS (SELECT i, count(*) AS refunds FROM refunds GROUP BY i),
        owned AS (
            SELECT i, string_agg(brand, ',' ORDER BY length(brand), brand) AS owned_brands
            FROM (SELECT DISTINCT i, brand FROM lines JOIN item USING (item)) GROUP BY i
        ), login AS (SELECT i, max(sec) AS login FROM last_login GROUP BY i),
        no_gender AS (SELECT i FROM people ORDER BY {dice.whole("i", "no gender")}, i LIMIT {nulls})
        SELECT user_id, mobile AS user_id_2, open_id AS user_id_3, user_id AS one_id, mobile, mobile_aes, mobile_md5,
               mobile_sha256, email, union_id, open_id, taobao_id, taobao_nick, alipay_id, weibo_id, imei,
               idfa, imsi, oaid, mac,
               CASE WHEN no_gender.i IS NULL THEN sex END AS gender, {age}::BIGINT AS age, birthday, city, province,
               tier AS city_tier, {dice.choice("i", "occupation", OCCUPATIONS)} AS occupation,
               CASE WHEN {age} < 22 THEN '未婚' ELSE {dice.choice("i", "marital", MARITAL)} END AS marital,
               CASE WHEN cents > 1000000 THEN '黑金' WHEN cents > 300000 THEN '金卡' WHEN cents > 0 THEN '银卡'
                    ELSE '普通' END AS member_level,
               CASE WHEN cents > 1000000 AND bought.orders > 10 THEN '是' ELSE '否' END AS is_vip,
               CASE WHEN {dice.uniform("i", "push")} < 0.62 THEN '是' ELSE '否' END AS push_enabled,
               nullif(concat_ws(',', {interests}), '') AS interests, owned_brands,
               CASE WHEN {dice.uniform("i", "signs")} < 0.9 THEN {dice.pick("i", "opening", OPENINGS.split())}
                    || {dice.pick("i", "middle", MIDDLES.split())}
                    || {dice.pick("i", "ending", ENDINGS)} END AS signature,
               CASE WHEN {dice.uniform("i", "no chocolate")} < 0.08 THEN NULL
                    WHEN sex = '女' AND {age} BETWEEN 25 AND 34 THEN round(0.35 + 0.65 * sqrt({chocolate}), 2)
                    ELSE round(0.8 * pow({chocolate}, 1.6), 2) END AS choco_pref_90d,
               {moment("registered", as_of)} AS register_time, {moment("login", as_of)} AS last_login_time,
               {moment("bought.last", as_of)} AS last_buy_time, coalesce(cents_30, 0) / 100 AS amount_30d,
               coalesce(cents_90, 0) / 100 AS amount_90d, coalesce(cents, 0) / 100 AS total_amount,
               ((2 * cents + bought.orders) // (2 * bought.orders)) / 100 AS avg_order,
               coalesce(bought.orders, 0)::BIGINT AS total_count,
               round((list_cents - cents) / list_cents, 4) AS discount_share,
               (coalesce(cents, 0) // 100)::BIGINT AS points,
               coalesce(refunds, 0)::BIGINT AS refund_count
        FROM people JOIN ids USING (i) JOIN account USING (i) LEFT JOIN bought USING (i) LEFT JOIN returned USING (i)
        LEFT JOIN owned USING (i) LEFT JOIN login USING (i) LEFT JOIN no_gender USING (i)
        ORDER BY i"""


def item_tags(as_of: date) -> str:
    """SQL of `ads_item_tag`."""
    return f"""
        SELECT item_id, item_name, spec, buy_threshold, {moment(f"launch * {DAY}", as_of)} AS on_shelf_time, season,
               price / 100 AS price, launch_price / 100 AS launch_price, profit_rate, brand,
               cat1, cat2, color, material, style,
               coalesce(sold, 0)::BIGINT AS sales_90d,
               CASE WHEN launch > {HISTORY_DAYS - NEW_DAYS} THEN '是' ELSE '否' END AS is_new
        FROM item LEFT JOIN (SELECT item, sum(sold) AS sold FROM item_total GROUP BY item) USING (item)
        ORDER BY item"""


def trade(as_of: date) -> str:
    """SQL of `ads_trade`: orders by user and time, each refund after its user's orders of earlier times."""
    channel = f"{text_list(CHANNELS)}[channel]"
    return f"""
        SELECT prefix || lpad(id::VARCHAR, 10, '0') AS order_id, user_id, mobile AS user_id_2, open_id AS user_id_3,
               {moment("sec", as_of)} AS trade_time, cents / 100 AS trade_amount, {channel} AS channel,
               CASE WHEN {channel} LIKE '门店%' THEN 'S' || lpad(substr({channel}, 3), 3, '0') END AS store_no,
               pieces AS item_count, refund::BIGINT AS is_refund
        FROM (SELECT i, id, sec, channel, pieces, cents, 0 AS refund, 'D' AS prefix FROM sales
              UNION ALL SELECT i, id, sec, channel, pieces, -cents, 1, 'R' FROM refunds)
        JOIN ids USING (i) ORDER BY i, sec, refund, id"""


def rfm_customers(as_of: date) -> str:
    """SQL of `ads_rfm_customer`: buyers, and five users without purchases whose time and amount are empty."""
    return f"""
        SELECT user_id, mobile AS user_id_2, open_id AS user_id_3, {moment("last", as_of)} AS last_buy_time,
               cents / 100 AS total_amount, orders::BIGINT AS total_count
        FROM (SELECT i, max(sec) AS last, sum(cents)::BIGINT AS cents, count(*) AS orders FROM sales GROUP BY i
              UNION ALL
              (SELECT i, NULL, NULL, 0 FROM people WHERE persona = {NEVER} ORDER BY i LIMIT {EMPTY_RFM_ROWS}))
        JOIN ids USING (i) ORDER BY i"""


def aipl_customers(as_of: date) -> str:
    """SQL of `ads_aipl_customer`: the channels that a user used in 90 days, and the one they usually use."""
    return f"""
        SELECT user_id, mobile AS user_id_2, open_id AS user_id_3, {text_list(CHANNELS)}[channel] AS channel,
               {moment("registered", as_of)} AS register_time, cents / 100 AS amount_90d, login AS login_90d,
               fav AS fav_90d, buy AS buy_90d
        FROM (SELECT i, channel, sum(cents)::BIGINT AS cents, sum(login)::BIGINT AS login, sum(fav)::BIGINT AS fav,
                     sum(buy)::BIGINT AS buy
              FROM (SELECT * FROM channel_total WHERE i <= (SELECT max(i) FROM people)
                    UNION ALL SELECT i, main_channel, 0, 0, 0, 0 FROM people) GROUP BY i, channel)
        JOIN ids USING (i) JOIN account USING (i) ORDER BY i, channel"""


def dimensions() -> dict[str, str]:
    """SQL of each dimension table."""

    def listed(name: str, values: tuple[str, ...]) -> str:
        return f"SELECT (k)::BIGINT AS id, {text_list(values)}[k] AS {name} FROM range(1, {len(values) + 1}) t(k)"

    def attribute(name: str, label: str) -> str:
        return f"SELECT no::BIGINT AS id, object_value AS {name} FROM object WHERE object_attr = '{label}' ORDER BY no"

    return {
        "dim_behavior_type": listed("behavior_type", BEHAVIOUR_TYPES),
        "dim_channel": listed("channel", CHANNELS),
        "dim_object": """SELECT row_number() OVER (ORDER BY attr, no)::BIGINT AS id, object_attr, object_value
                         FROM object ORDER BY id""",
        "dim_cat1": attribute("cat1", "一级类目"),
        "dim_cat2": attribute("cat2", "二级类目"),
        "dim_brand": attribute("brand", "品牌"),
    }
