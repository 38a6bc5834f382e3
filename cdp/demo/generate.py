"""The demo retailer: members and their purchases, the same for the same seed.

Every value comes from a hash of seed, row and purpose inside DuckDB, so nothing depends on the order of threads. The
phone numbers begin with 100, which no subscriber has; mail goes to example.com.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb

PROFILES = {"test": 2_000, "demo": 60_000}
HISTORY_DAYS = 760


@dataclass(frozen=True)
class Tables:
    """Paths of the generated Parquet files."""

    members: Path
    behaviour: Path


def generate(profile: str, seed: int, as_of: date, folder: Path) -> Tables:
    """Write the retailer's tables for a profile (test: 2,000 members, demo: 60,000) up to and including `as_of`."""
    folder.mkdir(parents=True, exist_ok=True)
    tables = Tables(folder / "ads_user_tag.parquet", folder / "ads_behavior.parquet")
    connection = duckdb.connect()
    connection.execute("SET threads = 2")
    connection.execute(
        # A number from 0 to 1 for a row and a purpose.
        f"CREATE MACRO dice(i, what) AS (hash(concat('{int(seed)}:', what, ':', i)) % 1000003) / 1000003.0"
    )
    connection.execute(
        """
        CREATE TABLE people AS
        SELECT i, 'M' || lpad(i::VARCHAR, 7, '0') AS member_no,
               CASE WHEN dice(i, 'persona') < 0.30 THEN 0 WHEN dice(i, 'persona') < 0.62 THEN 1
                    WHEN dice(i, 'persona') < 0.83 THEN 3 WHEN dice(i, 'persona') < 0.96 THEN 7 ELSE 18 END AS level,
               1 + floor(dice(i, 'taste') * 4)::INT AS taste
        FROM range(1, $1 + 1) t(i)
        """,
        [PROFILES[profile]],
    )
    connection.execute(
        f"""
        CREATE TABLE orders AS
        SELECT i * 100 + n AS id, i, member_no, taste,
               DATE '{as_of}' - (floor(power(dice(i * 100 + n, 'day'), 1.3) * {HISTORY_DAYS}))::INT AS day,
               1 + floor(dice(i * 100 + n, 'quantity') * 3)::INT AS quantity,
               round(39 + dice(i * 100 + n, 'price') * 460, 2) AS price
        FROM people, range(0, level + (dice(i, 'more') * level)::INT) t(n)
        """
    )
    connection.execute(
        """
        CREATE TABLE rows AS
        SELECT id, i, member_no,
               (day + INTERVAL (9 + floor(dice(id, 'hour') * 13)::INT) HOUR
                    + INTERVAL (floor(dice(id, 'minute') * 60)::INT) MINUTE)::TIMESTAMP AS "at", day, quantity,
               round(quantity * price, 2) AS amount,
               CASE WHEN dice(id, 'channel') < 0.34 THEN '小程序' WHEN dice(id, 'channel') < 0.58 THEN 'app'
                    WHEN dice(id, 'channel') < 0.74 THEN '官网'
                    ELSE '门店' || (1 + floor(dice(id, 'store') * 20)::INT) END AS channel,
               ['女装', '男装', '童装', '巧克力'][CASE WHEN dice(id, 'own') < 0.7 THEN taste
                    ELSE 1 + floor(dice(id, 'cat') * 4)::INT END] AS category,
               '商品' || lpad((1 + floor(power(dice(id, 'item'), 2) * 400)::INT)::VARCHAR, 3, '0') AS product
        FROM orders
        """
    )
    connection.execute(f"COPY ({_BEHAVIOUR}) TO '{tables.behaviour}' (FORMAT parquet, COMPRESSION zstd)")
    connection.execute(
        f"COPY ({_MEMBERS.format(as_of=as_of)}) TO '{tables.members}' (FORMAT parquet, COMPRESSION zstd)"
    )
    connection.close()
    return tables


# A purchase, and the visits that led to it.
_BEHAVIOUR = """
    SELECT member_no, "at" AS behavior_time, '购买' AS behavior_type, quantity::DOUBLE AS behavior_count,
           amount AS behavior_amount, channel, category, product, id * 10 AS sequence FROM rows
    UNION ALL
    SELECT member_no, "at" - INTERVAL (n * 3 + 1) HOUR, CASE WHEN n % 4 = 3 THEN '加购' ELSE '浏览' END,
           1 + (n % 3), NULL, CASE WHEN channel LIKE '门店%' THEN 'app' ELSE channel END, category, product,
           id * 10 + n + 1
    FROM rows, range(0, 8) t(n) WHERE dice(id * 10 + n, 'visit') < 0.6
    ORDER BY sequence, behavior_time
"""

_MEMBERS = """
    SELECT member_no,
           CASE WHEN dice(i, 'phone') < 0.95
                THEN '100' || lpad(((i * 7919) % 100000000)::VARCHAR, 8, '0') END AS mobile,
           CASE WHEN dice(i, 'email') < 0.72 THEN 'member' || i || '@example.com' END AS email,
           'ow_' || substr(md5(i::VARCHAR), 1, 20) AS open_id,
           CASE WHEN dice(i, 'gender') < 0.03 THEN NULL WHEN dice(i, 'gender') < 0.62 THEN '女' ELSE '男' END AS gender,
           (18 + floor(dice(i, 'age') * 50))::BIGINT AS age,
           ['上海', '北京', '杭州', '广州', '成都', '武汉', '南京', '西安']
               [1 + floor(power(dice(i, 'city'), 1.6) * 8)::INT] AS city,
           CASE WHEN coalesce(n, 0) = 0 THEN '普通' WHEN total > 10000 THEN '黑金' WHEN total > 3000 THEN '金卡'
                ELSE '银卡' END AS member_level,
           array_to_string(list_filter([
               CASE WHEN dice(i, 'i1') < 0.4 THEN '时尚' END, CASE WHEN dice(i, 'i2') < 0.3 THEN '美食' END,
               CASE WHEN dice(i, 'i3') < 0.25 THEN '运动' END, CASE WHEN dice(i, 'i4') < 0.2 THEN '亲子' END],
               lambda x: x IS NOT NULL), ',') AS interests,
           (DATE '{as_of}' - (800 + floor(dice(i, 'registered') * 700))::INT) AS register_time,
           (DATE '1960-01-01' + floor(dice(i, 'born') * 16000)::INT) AS birthday,
           last_at AS last_buy_time, coalesce(total, 0)::DOUBLE AS total_amount, coalesce(n, 0) AS total_count,
           coalesce(recent, 0)::DOUBLE AS amount_90d, (coalesce(total, 0) > 10000 AND n > 10) AS is_vip
    FROM people LEFT JOIN (
        SELECT i AS buyer, count(*) AS n, sum(amount) AS total, max("at") AS last_at,
               sum(amount) FILTER (day > DATE '{as_of}' - 90) AS recent
        FROM rows GROUP BY i) ON buyer = i
    ORDER BY i
"""
