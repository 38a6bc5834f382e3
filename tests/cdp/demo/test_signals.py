"""What prediction and recommendation are to find is really there."""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import date, datetime, timedelta

import duckdb
import pytest

from tests.cdp.demo.conftest import AS_OF

BOUGHT = "behavior_type = '购买' AND object_attr = '商品'"


def base_rate(tables: duckdb.DuckDBPyConnection, cut: date) -> float:
    """The share of those who bought in the year before a day who buy again within 60 days."""
    [(rate,)] = tables.execute(
        f"""SELECT avg(again::INT) FROM (
                SELECT bool_or(day > DATE '{cut}' AND day <= DATE '{cut}' + 60) AS again
                FROM (SELECT user_id, behavior_time::DATE AS day FROM ads_behavior WHERE {BOUGHT})
                WHERE day > DATE '{cut}' - 365 GROUP BY user_id HAVING bool_or(day <= DATE '{cut}'))"""
    ).fetchall()
    return float(rate)


def test_about_22_percent_buy_again_within_60_days(tables: duckdb.DuckDBPyConnection) -> None:
    cuts = [AS_OF - timedelta(days=60 * number) for number in range(1, 7)]
    rates = [base_rate(tables, cut) for cut in cuts]
    assert sum(rates) / len(rates) == pytest.approx(0.22, abs=0.03)


def test_past_purchases_tell_who_buys_again(tables: duckdb.DuckDBPyConnection) -> None:
    """Ranking by purchases in 90 days, then by days since the last one, orders pairs right in over 75 % of cases."""
    cut = AS_OF - timedelta(days=60)
    rows = tables.execute(
        f"""SELECT count(*) FILTER (day > DATE '{cut}' - 90 AND day <= DATE '{cut}') AS recent,
                   count(*) FILTER (day <= DATE '{cut}') AS year, max(day) FILTER (day <= DATE '{cut}') AS last,
                   bool_or(day > DATE '{cut}') AS again
            FROM (SELECT DISTINCT user_id, behavior_time::DATE AS day FROM ads_behavior WHERE {BOUGHT})
            WHERE day > DATE '{cut}' - 365 GROUP BY user_id HAVING bool_or(day <= DATE '{cut}')"""
    ).fetchall()
    ranked = sorted(((recent, year, last), again) for recent, year, last, again in rows)
    positives = sum(again for _key, again in ranked)
    ranks = sum(rank for rank, (_key, again) in enumerate(ranked, 1) if again)
    area = (ranks - positives * (positives + 1) / 2) / (positives * (len(ranked) - positives))
    assert area > 0.75


def test_own_taste_foretells_purchases_better_than_best_sellers(tables: duckdb.DuckDBPyConnection) -> None:
    """Three items by a person's own past and that of people alike, against the three best sellers of all sixty."""
    cut = datetime.combine(AS_OF - timedelta(days=180), datetime.min.time())
    past: dict[str, Counter[str]] = defaultdict(Counter)
    future: dict[str, set[str]] = defaultdict(set)
    for user, item, at in tables.execute(
        f"SELECT user_id, object_value_id, behavior_time FROM ads_behavior WHERE {BOUGHT}"
    ).fetchall():
        if at < cut:
            past[user][item] += 1
        else:
            future[user].add(item)
    together: dict[str, Counter[str]] = defaultdict(Counter)
    popular: Counter[str] = Counter()
    for items in past.values():
        for item in items:
            popular[item] += 1
            for other in items:
                if other != item:
                    together[item][other] += 1
    best = [item for item, _count in popular.most_common(3)]
    own_hits = best_hits = 0
    for user in future.keys() & past.keys():
        scores: Counter[str] = Counter()
        for item, times in past[user].items():
            scores[item] += 4 * times
            for other, count in together[item].items():
                scores[other] += count / popular[other] ** 0.5
        own_hits += len({item for item, _score in scores.most_common(3)} & future[user])
        best_hits += len(set(best) & future[user])
    assert own_hits > 1.4 * best_hits


def test_business_has_its_seasons(tables: duckdb.DuckDBPyConnection) -> None:
    daily = dict(
        tables.execute(
            "SELECT trade_time::DATE, count(*) FROM ads_trade WHERE is_refund = 0 GROUP BY 1"
        ).fetchall()
    )
    usual = sum(daily.values()) / 760
    for peak in (date(2025, 11, 11), date(2025, 6, 18), date(2026, 6, 18)):
        assert daily[peak] > 2 * usual
