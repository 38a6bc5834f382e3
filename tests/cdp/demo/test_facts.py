"""Planted and dirty facts have the sizes that others count on."""

from __future__ import annotations

from typing import Any

import duckdb
import pytest


def one(tables: duckdb.DuckDBPyConnection, query: str) -> Any:
    return tables.execute(query).fetchall()[0][0]


def test_profile_sizes(tables: duckdb.DuckDBPyConnection) -> None:
    assert one(tables, "SELECT count(*) FROM ads_user_tag") == 2000
    assert one(tables, "SELECT count(DISTINCT user_id) FROM ads_trade") == 1400
    assert one(tables, "SELECT count(*) FROM ads_item_tag") == 60
    assert one(tables, "SELECT count(*) FROM ads_trade WHERE is_refund = 0") == pytest.approx(4700, rel=0.06)
    assert one(tables, "SELECT count(*) FROM ads_behavior") == pytest.approx(200_000, rel=0.06)
    assert one(tables, "SELECT count(*) FROM dim_channel") == 26


def test_personas_have_their_shares_of_buyers(tables: duckdb.DuckDBPyConnection) -> None:
    found = dict(tables.execute("SELECT persona, count(*) FROM truth_people GROUP BY persona").fetchall())
    assert found == {"one_off": 630, "occasional": 420, "regular": 252, "loyal": 98, "never": 600}


def test_visits_carts_favourites_and_orders_form_a_funnel(tables: duckdb.DuckDBPyConnection) -> None:
    orders = one(tables, "SELECT count(*) FROM ads_trade WHERE is_refund = 0")
    counted = dict(
        tables.execute(
            """SELECT behavior_type, sum(behavior_count) FROM ads_behavior WHERE object_attr = '商品'
               GROUP BY behavior_type"""
        ).fetchall()
    )
    assert counted["浏览"] / orders == pytest.approx(12, rel=0.1)
    assert counted["加购"] / orders == pytest.approx(3, rel=0.1)
    assert counted["收藏"] / orders == pytest.approx(1.5, rel=0.1)
    assert counted["购买"] / orders == pytest.approx(1.6, rel=0.1)


def test_vips_are_three_percent(tables: duckdb.DuckDBPyConnection) -> None:
    vips = one(tables, "SELECT count(*) FROM ads_user_tag WHERE total_amount > 10000 AND total_count > 10")
    assert 0.025 * 2000 <= vips <= 0.035 * 2000
    assert vips == one(tables, "SELECT count(*) FROM ads_user_tag WHERE is_vip = '是'")


def test_young_women_like_chocolate(tables: duckdb.DuckDBPyConnection) -> None:
    """Far beyond chance: the means differ by more than ten standard errors."""
    [(young, other, error)] = tables.execute(
        """SELECT avg(choco_pref_90d) FILTER (young), avg(choco_pref_90d) FILTER (NOT young),
                  sqrt(var_samp(choco_pref_90d) FILTER (young) / count(choco_pref_90d) FILTER (young)
                       + var_samp(choco_pref_90d) FILTER (NOT young) / count(choco_pref_90d) FILTER (NOT young))
           FROM (SELECT choco_pref_90d, gender = '女' AND age BETWEEN 25 AND 34 AS young FROM ads_user_tag)"""
    ).fetchall()
    assert young - other > 10 * error
    assert one(tables, "SELECT count(*) FROM ads_user_tag WHERE choco_pref_90d NOT BETWEEN 0 AND 1") == 0


def test_large_cities_prefer_the_app(tables: duckdb.DuckDBPyConnection) -> None:
    share = """SELECT count(*) FILTER (channel = 'app') / count(*) FROM ads_trade JOIN ads_user_tag USING (user_id)
               WHERE is_refund = 0 AND city_tier"""
    assert one(tables, f"{share} = '一线'") > 1.6 * one(tables, f"{share} <> '一线'")


def test_one_shop_has_three_times_the_refunds(tables: duckdb.DuckDBPyConnection) -> None:
    rate = "SELECT count(*) FILTER (is_refund = 1) / count(*) FILTER (is_refund = 0) FROM ads_trade WHERE store_no"
    assert one(tables, f"{rate} = 'S007'") / one(tables, f"{rate} IS DISTINCT FROM 'S007'") == pytest.approx(
        3, rel=0.2
    )


def test_refunds_follow_an_order_of_the_same_amount(tables: duckdb.DuckDBPyConnection) -> None:
    lonely = """SELECT count(*) FROM ads_trade r ANTI JOIN ads_trade o
                ON o.order_id = 'D' || substr(r.order_id, 2) AND o.user_id = r.user_id AND o.trade_time < r.trade_time
                   AND o.trade_amount = -r.trade_amount AND o.channel = r.channel
                WHERE r.is_refund = 1"""
    assert one(tables, lonely) == 0


def test_regular_customers_of_the_wave_stopped_between_70_and_40_days_ago(
    tables: duckdb.DuckDBPyConnection,
) -> None:
    wave = "SELECT user_id FROM truth_people WHERE churn_wave AND persona = 'regular'"
    assert one(tables, f"SELECT count(*) FROM ({wave})") == 76  # three tenths of 252
    last = f"SELECT max(trade_time)::DATE FROM ads_trade WHERE is_refund = 0 AND user_id IN ({wave})"
    assert one(tables, f"SELECT DATE '2026-11-01' - ({last})") >= 40
    bought = "count(*) FILTER (trade_time::DATE BETWEEN DATE '2026-11-01' - {} AND DATE '2026-11-01' - {})"
    before, after = tables.execute(
        f"""SELECT {bought.format(110, 71)}, {bought.format(39, 0)} FROM ads_trade
            WHERE is_refund = 0 AND user_id IN ({wave})"""
    ).fetchall()[0]
    assert before > 40
    assert after == 0


def test_the_wave_shows_among_customers_to_win_back(tables: duckdb.DuckDBPyConnection, expected: Any) -> None:
    """Long ago, rare and dear by the bands of expected.json: at least twice as many of the wave as of others."""
    bands, means = expected["rfm"]["bands"], expected["rfm"]["customer"]["means"]
    days = min(low for low, _high, score in bands["r"] if score < means[0])
    orders = min(low for low, _high, score in bands["f"] if score >= means[1])
    amount = min(low for low, _high, score in bands["m"] if score >= means[2])
    share = f"""SELECT avg((last_buy_time::DATE <= DATE '2026-11-02' - {days} AND total_count < {orders}
                            AND total_amount >= {amount})::INT)
                FROM ads_rfm_customer JOIN truth_people USING (user_id) WHERE persona = 'regular'"""
    assert one(tables, f"{share} AND churn_wave") > 2 * one(tables, f"{share} AND NOT churn_wave")


def test_loyal_stage_shrinks_during_the_wave(expected: Any) -> None:
    stages = list(expected["aipl"]["behaviour"].values())
    assert len(stages) == 61
    assert stages[-1]["L"] < 0.8 * stages[0]["L"]


def test_one_item_is_never_touched(tables: duckdb.DuckDBPyConnection) -> None:
    untouched = tables.execute(
        "SELECT item_id FROM ads_item_tag ANTI JOIN ads_behavior ON object_value_id = item_id"
    ).fetchall()
    assert untouched == [("A00060",)]


def test_nothing_is_sold_before_it_is_on_the_shelf(tables: duckdb.DuckDBPyConnection) -> None:
    early = """SELECT count(*) FROM ads_behavior JOIN ads_item_tag ON item_id = object_value_id
               WHERE behavior_type = '购买' AND behavior_time < on_shelf_time"""
    assert one(tables, early) == 0


def test_dirty_facts_have_their_sizes(tables: duckdb.DuckDBPyConnection) -> None:
    assert one(tables, "SELECT count(*) FROM ads_user_tag WHERE gender IS NULL") == 60
    assert one(tables, "SELECT count(*) FROM ads_user_tag WHERE mobile LIKE '86%'") == 20
    mails = "SELECT count(*) FROM ads_user_tag WHERE NOT regexp_full_match(email, '[^@ ]+@[^@ ]+[.][a-z]+')"
    assert one(tables, mails) == round(0.005 * one(tables, "SELECT count(email) FROM ads_user_tag"))
    assert one(tables, "SELECT count(mobile) - count(DISTINCT mobile) FROM ads_user_tag") == 200
    unknown = "SELECT count(*) FROM ads_behavior ANTI JOIN ads_user_tag USING (user_id)"
    assert one(tables, unknown) == pytest.approx(
        0.01 * one(tables, "SELECT count(*) FROM ads_behavior"), rel=0.01
    )
    assert one(tables, f"{unknown} WHERE behavior_type = '购买'") == 0
    empty = "SELECT count(*) FROM ads_rfm_customer WHERE last_buy_time IS NULL AND total_amount IS NULL"
    assert one(tables, empty) == 5


def test_identifiers_are_filled_for_some_and_missing_for_others(tables: duckdb.DuckDBPyConnection) -> None:
    for name in ("mobile", "email", "union_id", "open_id", "taobao_id", "taobao_nick", "alipay_id", "weibo_id",
                 "imei", "idfa", "imsi", "oaid", "mac"):  # fmt: skip
        assert 0.04 < one(tables, f"SELECT count({name}) / count(*) FROM ads_user_tag") < 0.96, name


def test_signatures_are_too_many_for_a_list(tables: duckdb.DuckDBPyConnection) -> None:
    assert one(tables, "SELECT count(DISTINCT signature) / count(signature) FROM ads_user_tag") > 0.9


def test_pairs_contain_shared_devices_and_second_accounts(tables: duckdb.DuckDBPyConnection) -> None:
    shared = """SELECT count(*) FROM (SELECT id_a FROM id_pairs WHERE id_type_a = 'mobile' AND id_type_b = 'imei'
                GROUP BY id_a HAVING count(*) > 1)"""
    assert one(tables, "SELECT count(*) FROM truth_people WHERE uses_shared_device") == 40
    assert 0 < one(tables, shared) <= 40
    devices = """SELECT count(*) FROM (SELECT id_b FROM id_pairs WHERE id_type_b = 'imei' GROUP BY id_b
                 HAVING count(DISTINCT id_a) > 1)"""
    assert one(tables, devices) == 40
    assert one(tables, "SELECT count(*) - count(DISTINCT person) FROM truth_people") == 10


def test_joining_strong_pairs_finds_exactly_the_true_people(tables: duckdb.DuckDBPyConnection) -> None:
    """A union-find over the pairs of strong ids: every account of a person ends in one set, and no other."""
    parent: dict[tuple[str, str], tuple[str, str]] = {}

    def root(node: tuple[str, str]) -> tuple[str, str]:
        while parent.setdefault(node, node) != node:
            node = parent[node]
        return node

    strong = ("mobile", "email", "union_id", "open_id", "taobao_id", "alipay_id")
    for type_a, a, type_b, b in tables.execute(
        "SELECT id_type_a, id_a, id_type_b, id_b FROM id_pairs"
    ).fetchall():
        if type_a in strong and type_b in strong:
            parent[root((type_a, a))] = root((type_b, b))
    owners: dict[tuple[str, str], set[str]] = {}
    sets: dict[str, set[tuple[str, str]]] = {}
    for name in ("union_id", "open_id", "taobao_id", "alipay_id"):
        for value, person in tables.execute(
            f"SELECT {name}, person FROM ads_user_tag JOIN truth_people USING (user_id) WHERE {name} IS NOT NULL"
        ).fetchall():
            if (name, value) in parent:
                owners.setdefault(root((name, value)), set()).add(person)
                sets.setdefault(person, set()).add(root((name, value)))
    assert max(len(people) for people in owners.values()) == 1
    assert max(len(found) for found in sets.values()) == 1


def test_the_pack_of_omni_tags_recognises_customers_and_shows_what_sets_them_apart(
    tables: duckdb.DuckDBPyConnection,
) -> None:
    known = "SELECT count(*) FROM omni_tag_pack p SEMI JOIN ads_user_tag u ON p.{0}_md5 = md5(u.{0})"
    for name in ("mac", "imei", "idfa"):
        assert one(tables, known.format(name)) == one(tables, f"SELECT count({name}) FROM ads_user_tag")
    assert len(tables.execute("SELECT * FROM omni_tag_pack LIMIT 0").description or ()) == 43
    assert one(tables, "SELECT count(*) FROM omni_tags") == 40
    share = """SELECT count(*) FILTER (shop_clothes = '高') / count(*) FROM omni_tag_pack p
               SEMI JOIN ads_user_tag u ON p.imei_md5 = md5(u.imei)"""
    base = one(tables, "SELECT share FROM omni_baseline WHERE tag_id = 'shop_clothes' AND value = '高'")
    assert one(tables, share) > 2 * base
