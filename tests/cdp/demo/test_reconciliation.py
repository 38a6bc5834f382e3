"""The tables agree with each other to the cent, also after further days. Every query lists what disagrees."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import duckdb
import pytest

from cdp.demo.retailer import Tables, another_day
from tests.cdp.demo.conftest import AS_OF

DAYS_LATER = 2


@pytest.fixture(scope="module", params=["as they are made", "after further days"])
def tables(request: pytest.FixtureRequest, retailer: Tables) -> Iterator[duckdb.DuckDBPyConnection]:
    connection = duckdb.connect()
    for name, path in retailer.parquet().items():
        connection.execute(f"CREATE TABLE {name} AS SELECT * FROM read_parquet('{path}')")
    as_of = AS_OF
    if request.param != "as they are made":
        for _number in range(DAYS_LATER):
            as_of += timedelta(days=1)
            for name, query in another_day.appended(as_of).items():
                connection.execute(f"INSERT INTO {name} {query}")
            made = {
                name: connection.execute(query).to_arrow_table()
                for name, query in another_day.renewed(as_of).items()
            }
            for name, rows_made in made.items():
                connection.register("made", rows_made)
                connection.execute(f"CREATE OR REPLACE TABLE {name} AS SELECT * FROM made")
                connection.unregister("made")
    connection.execute(f"CREATE MACRO as_of() AS DATE '{as_of}'")
    yield connection
    connection.close()


CENTS = "sum(round(behavior_amount * 100)::BIGINT)"


def rows(tables: duckdb.DuckDBPyConnection, query: str) -> list[Any]:
    return tables.execute(query).fetchall()


def test_rfm_customers_are_the_trade_by_user_but_for_five_empty_rows(
    tables: duckdb.DuckDBPyConnection,
) -> None:
    trade = """SELECT user_id, max(trade_time) AS last, sum(round(trade_amount * 100)::BIGINT) AS cents, count(*) AS n
               FROM ads_trade WHERE is_refund = 0 GROUP BY user_id"""
    customers = """SELECT user_id, last_buy_time, round(total_amount * 100)::BIGINT, total_count FROM ads_rfm_customer
                   WHERE last_buy_time IS NOT NULL"""
    assert rows(tables, f"({trade} EXCEPT {customers}) UNION ALL ({customers} EXCEPT {trade})") == []
    assert rows(
        tables, "SELECT count(*) FROM ads_rfm_customer WHERE last_buy_time IS NULL AND total_amount IS NULL"
    ) == [(5,)]


def test_purchases_of_items_are_the_trade_by_user_and_day(tables: duckdb.DuckDBPyConnection) -> None:
    behaviour = f"""SELECT user_id, behavior_time::DATE AS day, {CENTS} FROM ads_behavior
                    WHERE behavior_type = '购买' AND object_attr = '商品' GROUP BY ALL"""
    trade = """SELECT user_id, trade_time::DATE AS day, sum(round(trade_amount * 100)::BIGINT) FROM ads_trade
               WHERE is_refund = 0 GROUP BY ALL"""
    assert rows(tables, f"({trade} EXCEPT {behaviour}) UNION ALL ({behaviour} EXCEPT {trade})") == []


def test_purchases_add_up_to_the_same_for_every_attribute(tables: duckdb.DuckDBPyConnection) -> None:
    found = rows(
        tables,
        f"""SELECT object_attr, {CENTS}, sum(behavior_count) FROM ads_behavior WHERE behavior_type = '购买'
            GROUP BY object_attr""",
    )
    assert {attr for attr, _cents, _times in found} == {"商品", "品牌", "一级类目", "二级类目"}
    assert len({(cents, times) for _attr, cents, times in found}) == 1


@pytest.mark.parametrize(
    ("column", "total"),
    [
        ("round(amount_30d * 100)::BIGINT", "coalesce(sum(cents) FILTER (day > as_of() - 30), 0)"),
        ("round(amount_90d * 100)::BIGINT", "coalesce(sum(cents) FILTER (day > as_of() - 90), 0)"),
        ("round(total_amount * 100)::BIGINT", "coalesce(sum(cents), 0)"),
        ("total_count", "count(cents)"),
        ("points", "coalesce(sum(cents), 0) // 100"),
        ("round(avg_order * 100)::BIGINT", "(2 * sum(cents) + count(cents)) // (2 * count(cents))"),
        ("last_buy_time", "max(trade_time)"),
        ("refund_count", "count(refunded)"),
    ],
)
def test_user_tags_are_sums_of_the_trade(tables: duckdb.DuckDBPyConnection, column: str, total: str) -> None:
    wrong = rows(
        tables,
        f"""WITH trade AS (
                SELECT user_id, trade_time::DATE AS day, CASE WHEN is_refund = 0 THEN trade_time END AS trade_time,
                       CASE WHEN is_refund = 0 THEN round(trade_amount * 100)::BIGINT END AS cents,
                       nullif(is_refund, 0) AS refunded
                FROM ads_trade)
            SELECT user_id, u.value, t.value
            FROM (SELECT user_id, {column} AS value FROM ads_user_tag) u
            JOIN (SELECT user_id, {total} AS value FROM (SELECT user_id FROM ads_user_tag)
                  LEFT JOIN trade USING (user_id) GROUP BY user_id) t USING (user_id)
            WHERE u.value IS DISTINCT FROM t.value""",
    )
    assert wrong == []


def test_user_tags_know_the_last_login(tables: duckdb.DuckDBPyConnection) -> None:
    wrong = rows(
        tables,
        """SELECT u.user_id FROM ads_user_tag u LEFT JOIN
           (SELECT user_id, max(behavior_time) AS last FROM ads_behavior
            WHERE behavior_type = '登录' GROUP BY user_id) l
           USING (user_id) WHERE u.last_login_time IS DISTINCT FROM l.last""",
    )
    assert wrong == []


def test_aipl_customers_are_sums_of_behaviour_by_channel(tables: duckdb.DuckDBPyConnection) -> None:
    wrong = rows(
        tables,
        f"""WITH act AS (
                SELECT user_id, channel, {CENTS} FILTER (behavior_type = '购买') AS cents,
                       sum(behavior_count) FILTER (behavior_type = '购买') AS buy,
                       sum(behavior_count) FILTER (behavior_type = '收藏') AS fav,
                       sum(behavior_count) FILTER (behavior_type = '登录') AS login
                FROM ads_behavior SEMI JOIN ads_user_tag USING (user_id)
                WHERE behavior_time::DATE > as_of() - 90
                      AND object_attr = CASE WHEN behavior_type = '登录' THEN '页面' ELSE '商品' END
                      AND behavior_type IN ('购买', '收藏', '登录')
                GROUP BY ALL)
            SELECT * FROM act FULL JOIN ads_aipl_customer a USING (user_id, channel)
            WHERE a.amount_90d IS NULL OR round(a.amount_90d * 100)::BIGINT <> coalesce(cents, 0)
                  OR a.buy_90d <> coalesce(buy, 0) OR a.fav_90d <> coalesce(fav, 0)
                  OR a.login_90d <> coalesce(login, 0)""",
    )
    assert wrong == []
    assert rows(
        tables, "SELECT count(*) FROM (SELECT DISTINCT user_id, channel FROM ads_aipl_customer)"
    ) == rows(tables, "SELECT count(*) FROM ads_aipl_customer")


def test_aipl_spend_of_all_channels_is_the_tag(tables: duckdb.DuckDBPyConnection) -> None:
    wrong = rows(
        tables,
        """SELECT user_id FROM ads_user_tag u JOIN
           (SELECT user_id, sum(round(amount_90d * 100)::BIGINT) AS cents FROM ads_aipl_customer GROUP BY user_id)
           USING (user_id) WHERE round(u.amount_90d * 100)::BIGINT <> cents""",
    )
    assert wrong == []


def test_every_item_id_is_known_and_its_sales_are_counted(tables: duckdb.DuckDBPyConnection) -> None:
    assert rows(
        tables,
        """SELECT DISTINCT object_value_id, object_value FROM ads_behavior b
           ANTI JOIN ads_item_tag i ON i.item_id = b.object_value_id AND i.item_name = b.object_value
           WHERE object_attr = '商品'""",
    ) == []  # fmt: skip
    wrong = rows(
        tables,
        """SELECT item_id FROM ads_item_tag LEFT JOIN
           (SELECT object_value_id AS item_id, sum(behavior_count) AS sold FROM ads_behavior
            WHERE behavior_type = '购买' AND object_attr = '商品' AND behavior_time::DATE > as_of() - 90
            GROUP BY ALL) USING (item_id)
           WHERE sales_90d <> coalesce(sold, 0)""",
    )
    assert wrong == []


def test_no_two_behaviour_rows_say_the_same(tables: duckdb.DuckDBPyConnection) -> None:
    key = "user_id, behavior_time, behavior_type, channel, object_attr, object_value"
    assert rows(tables, f"SELECT {key} FROM ads_behavior GROUP BY ALL HAVING count(*) > 1") == []


def test_dimensions_hold_every_value_and_name_it_once(tables: duckdb.DuckDBPyConnection) -> None:
    for values, table, column in (
        ("SELECT behavior_type FROM ads_behavior", "dim_behavior_type", "behavior_type"),
        ("SELECT channel FROM ads_behavior UNION SELECT channel FROM ads_trade", "dim_channel", "channel"),
        ("SELECT cat1 FROM ads_item_tag", "dim_cat1", "cat1"),
        ("SELECT cat2 FROM ads_item_tag", "dim_cat2", "cat2"),
        ("SELECT brand FROM ads_item_tag", "dim_brand", "brand"),
    ):
        assert rows(tables, f"{values} EXCEPT SELECT {column} FROM {table}") == []
        [(total, named, numbered)] = rows(
            tables, f"SELECT count(*), count(DISTINCT {column}), count(DISTINCT id) FROM {table}"
        )
        assert total == named == numbered
    pairs = "SELECT DISTINCT object_attr, object_value"
    assert rows(tables, f"{pairs} FROM ads_behavior EXCEPT {pairs} FROM dim_object") == []
    for attr, table, column in (("一级类目", "dim_cat1", "cat1"), ("品牌", "dim_brand", "brand")):
        assert rows(
            tables, f"""SELECT object_value FROM dim_object WHERE object_attr = '{attr}'
                        EXCEPT SELECT {column} FROM {table}"""
        ) == []  # fmt: skip


def test_purchases_come_after_registration_and_nothing_after_the_last_day(
    tables: duckdb.DuckDBPyConnection,
) -> None:
    assert rows(
        tables,
        "SELECT user_id FROM ads_trade JOIN ads_user_tag USING (user_id) WHERE trade_time < register_time",
    ) == []  # fmt: skip
    [(first, ends)] = rows(
        tables,
        "SELECT min(behavior_time)::DATE::VARCHAR, max(behavior_time)::DATE = as_of() FROM ads_behavior",
    )
    assert (first, ends) == ("2024-10-03", True)


def test_further_days_append_orders_and_visits(retailer: Tables) -> None:
    with duckdb.connect() as db:
        for name, path in retailer.parquet().items():
            db.execute(f"CREATE VIEW {name} AS SELECT * FROM read_parquet('{path}')")
        new = another_day.appended(AS_OF + timedelta(days=1))
        like = AS_OF + timedelta(days=1 - another_day.APART)
        for name, column in (("ads_trade", "trade_time"), ("ads_behavior", "behavior_time")):
            [(found, first, last)] = rows(
                db, f"SELECT count(*), min({column})::DATE, max({column})::DATE FROM ({new[name]})"
            )
            assert (
                found > 0 and first == last == AS_OF + timedelta(days=1) and like.weekday() == first.weekday()
            )
        fresh = f"SELECT order_id FROM ({new['ads_trade']}) SEMI JOIN ads_trade USING (order_id)"
        assert rows(db, fresh) == []


@pytest.mark.parametrize("tables", ["as they are made"], indirect=True)
def test_behaviour_is_in_the_order_of_user_and_time(tables: duckdb.DuckDBPyConnection) -> None:
    assert rows(
        tables,
        """SELECT count(*) FROM (SELECT user_id, behavior_time, lag(user_id) OVER (ORDER BY rowid) AS user_before,
                                        lag(behavior_time) OVER (ORDER BY rowid) AS time_before FROM ads_behavior)
           WHERE user_before > user_id OR (user_before = user_id AND time_before > behavior_time)""",
    ) == [(0,)]  # fmt: skip
