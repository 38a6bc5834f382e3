"""What an analysis of the tables must show: counted from the written files alone, by plain Python and SQL by hand."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from contextlib import closing
from datetime import date, datetime, time, timedelta
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import duckdb

from cdp.demo.retailer.named_rules import rules

if TYPE_CHECKING:
    from cdp.demo.retailer.build import Tables

Band = tuple[int, int | None, int]
R_BANDS: list[Band] = [(0, 14, 5), (14, 21, 4), (21, 30, 3), (30, 40, 2), (40, None, 1)]
F_BANDS: list[Band] = [(1, 3, 1), (3, 6, 2), (6, 10, 3), (10, 20, 4), (20, None, 5)]
M_BANDS: list[Band] = [(0, 300, 1), (300, 1500, 2), (1500, 3500, 3), (3500, 8000, 4), (8000, None, 5)]
"""Score bands as lower end (included), upper end (not included), score."""
TYPES = {
    (True, True, True): "high_value",
    (False, True, True): "key_keep",
    (True, False, True): "key_develop",
    (False, False, True): "key_win_back",
    (True, True, False): "general_value",
    (False, True, False): "general_keep",
    (True, False, False): "general_develop",
    (False, False, False): "potential",
}
AIPL_RULES = {
    "A": "login_90d >= 1, or registered within 180 days",
    "I": "fav_90d >= 1",
    "P": "buy_90d >= 1",
    "L": "buy_90d > 1 and amount_90d > 1000",
}
AIPL_DAYS = 61


def write_expected(tables: Tables, profile: str, seed: int, as_of: date) -> None:
    """Write `expected.json`. "Today" in it is the day after `as_of`."""
    today = as_of + timedelta(days=1)
    with closing(duckdb.connect()) as db:
        db.execute("SET threads = 2; SET memory_limit = '6GB'")
        for name, path in tables.parquet().items():
            db.execute(f"CREATE VIEW {name} AS SELECT * FROM read_parquet('{path}')")
        found = {
            "profile": profile,
            "seed": seed,
            "as_of": as_of.isoformat(),
            "today": today.isoformat(),
            "rows": {name: _number(db, f"SELECT count(*) FROM {name}") for name in tables.parquet()},
            "rfm": _rfm(db, today),
            "aipl": {
                "rules": AIPL_RULES,
                "customer": _aipl_customer(db, today),
                "behaviour": _aipl_behaviour(db, today),
            },
            "rules": [
                {
                    "name": rule.name,
                    "rule": rule.rule,
                    "count": _number(db, f"SELECT count(*) FROM ({rule.sql})"),
                }
                for rule in rules(today)
            ],
            "gates": _gates(db, as_of),
        }
    tables.expected.write_text(json.dumps(found, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


def _number(db: duckdb.DuckDBPyConnection, query: str) -> Any:
    return db.execute(query).fetchall()[0][0]


def _score(value: float, bands: list[Band]) -> int:
    return next(score for low, high, score in bands if value >= low and (high is None or value < high))


def _stream(db: duckdb.DuckDBPyConnection, query: str) -> Iterator[Any]:
    """Rows of a query one by one, without holding all of them."""
    result = db.execute(query)
    while rows := result.fetchmany(50_000):
        yield from rows


def rfm_groups(rows: Iterable[tuple[datetime | None, float | None, int]], today: date) -> dict[str, Any]:
    """Sizes of the eight groups of (last time, amount, times), with the means of the scores as comparison values."""
    found: dict[tuple[int, int, int], list[int]] = {}
    excluded = 0
    for last, amount, times in rows:
        if last is None or amount is None:
            excluded += 1
            continue
        days = (today - last.date()).days
        total = found.setdefault(
            (_score(days, R_BANDS), _score(times, F_BANDS), _score(amount, M_BANDS)), [0, 0, 0]
        )
        for place, value in enumerate((1, round(amount * 100), times)):
            total[place] += value
    users = sum(total[0] for total in found.values())
    means = [sum(scores[place] * total[0] for scores, total in found.items()) / users for place in range(3)]
    groups = {name: [0, 0, 0] for name in TYPES.values()}
    for scores, total in found.items():
        kind = TYPES[scores[0] >= means[0], scores[1] >= means[1], scores[2] >= means[2]]
        for place in range(3):
            groups[kind][place] += total[place]
    return {
        "users": users,
        "excluded": excluded,
        "means": means,
        "groups": {
            name: {"users": people, "amount": cents / 100, "times": times}
            for name, (people, cents, times) in groups.items()
        },
    }


def _rfm(db: duckdb.DuckDBPyConnection, today: date) -> dict[str, Any]:
    customers = "SELECT last_buy_time, total_amount, total_count FROM ads_rfm_customer"
    trade = """SELECT max(trade_time), sum(round(trade_amount * 100)::BIGINT) / 100, count(*) FROM ads_trade
               WHERE is_refund = 0 GROUP BY user_id"""
    return {
        "reference_day": today.isoformat(),
        "bands": {"r": R_BANDS, "f": F_BANDS, "m": M_BANDS},
        "customer": rfm_groups(_stream(db, customers), today),
        "trade_without_refunds": rfm_groups(_stream(db, trade), today),
    }


def _aipl_customer(db: duckdb.DuckDBPyConnection, today: date) -> dict[str, Any]:
    """People per stage; a rule holds for somebody if it holds in any of their rows, and the highest stage counts."""
    since = datetime.combine(today - timedelta(days=180), time())
    rows = _stream(
        db,
        """SELECT user_id, channel, register_time, amount_90d, login_90d, fav_90d, buy_90d FROM ads_aipl_customer
           ORDER BY user_id""",
    )
    counts: dict[str, Counter[int]] = {"all": Counter(), "官网": Counter(), "app": Counter()}
    for _user, group in groupby(rows, key=itemgetter(0)):
        best = dict.fromkeys(counts, 0)
        for _id, channel, registered, amount, logins, favourites, bought in group:
            stage = (
                4 if bought > 1 and amount > 1000
                else 3 if bought >= 1
                else 2 if favourites >= 1
                else 1 if logins >= 1 or registered >= since
                else 0
            )  # fmt: skip
            for scope in best.keys() & {"all", channel}:
                best[scope] = max(best[scope], stage)
        for scope, stage in best.items():
            counts[scope][stage] += 1
    sizes = {
        scope: {name: found[rank] for rank, name in enumerate("AIPL", 1)} for scope, found in counts.items()
    }
    return {"day": today.isoformat(), **sizes}


def _aipl_behaviour(db: duckdb.DuckDBPyConnection, today: date) -> dict[str, Any]:
    """People per stage on each of the last days, from behaviour in all channels together; a day sees the days before
    it. Purchases and favourites are read at the attribute 商品, logins and registrations at 页面."""
    first = today - timedelta(days=AIPL_DAYS - 1)
    db.execute(
        f"""
        CREATE TEMP TABLE daily AS
        SELECT hash(user_id) AS person, behavior_time::DATE AS day,
               (sum(behavior_count) FILTER (behavior_type = '登录'))::BIGINT AS logins,
               (sum(behavior_count) FILTER (behavior_type = '注册'))::BIGINT AS registered,
               (sum(behavior_count) FILTER (behavior_type = '收藏'))::BIGINT AS favourites,
               (sum(behavior_count) FILTER (behavior_type = '购买'))::BIGINT AS bought,
               sum(round(behavior_amount * 100)::BIGINT) FILTER (behavior_type = '购买')::BIGINT AS cents
        FROM ads_behavior
        WHERE behavior_time >= DATE '{first}' - 180
              AND ((behavior_type IN ('登录', '注册') AND object_attr = '页面')
                   OR (behavior_type IN ('收藏', '购买') AND object_attr = '商品'))
        GROUP BY ALL"""
    )
    sizes = {}
    for number in range(AIPL_DAYS):
        day = first + timedelta(days=number)
        row = db.execute(
            f"""
            SELECT count(*) FILTER (stage = 1), count(*) FILTER (stage = 2), count(*) FILTER (stage = 3),
                   count(*) FILTER (stage = 4)
            FROM (SELECT CASE WHEN sum(bought) FILTER (recent) > 1 AND sum(cents) FILTER (recent) > 100000 THEN 4
                              WHEN sum(bought) FILTER (recent) >= 1 THEN 3
                              WHEN sum(favourites) FILTER (recent) >= 1 THEN 2
                              WHEN sum(logins) FILTER (recent) >= 1 OR sum(registered) >= 1 THEN 1 END AS stage
                  FROM (SELECT *, day >= DATE '{day}' - 90 AS recent FROM daily
                        WHERE day >= DATE '{day}' - 180 AND day < DATE '{day}')
                  GROUP BY person)"""
        ).fetchall()[0]
        sizes[day.isoformat()] = dict(zip("AIPL", row, strict=True))
    return sizes


def _gates(db: duckdb.DuckDBPyConnection, as_of: date) -> dict[str, Any]:
    """What the prediction modules ask of the purchases at the attribute 商品."""
    rows, span, buyers = db.execute(
        """SELECT count(*), date_diff('day', min(behavior_time)::DATE, max(behavior_time)::DATE) + 1,
                  count(DISTINCT user_id)
           FROM ads_behavior WHERE behavior_type = '购买' AND object_attr = '商品'"""
    ).fetchall()[0]
    cut = as_of - timedelta(days=60)
    eligible, again = db.execute(
        f"""WITH bought AS (SELECT user_id, behavior_time::DATE AS day FROM ads_behavior
                            WHERE behavior_type = '购买' AND object_attr = '商品')
            SELECT count(*), count(*) FILTER (later) FROM (
                SELECT user_id, bool_or(day > DATE '{cut}') AS later FROM bought WHERE day > DATE '{cut}' - 365
                GROUP BY user_id HAVING bool_or(day <= DATE '{cut}'))"""
    ).fetchall()[0]
    return {
        "purchase_rows": rows,
        "span_days": span,
        "buyers": buyers,
        "bought_in_year_before_cut_off": eligible,
        "bought_again_in_60_days": again,
        "items": _number(db, "SELECT count(*) FROM ads_item_tag"),
        "passed": rows >= 1_000_000 and span >= 730 and 500_000 <= buyers <= 3_000_000 and again > 0,
    }
