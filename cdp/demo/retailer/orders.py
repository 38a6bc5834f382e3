"""Orders, their lines, and refunds."""

from __future__ import annotations

from datetime import date

import duckdb
import pyarrow as pa

from cdp.demo.retailer import season
from cdp.demo.retailer.dice import Dice
from cdp.demo.retailer.profiles import (
    CHANNELS,
    DAY,
    HISTORY_DAYS,
    ONLINE,
    REFUND_STORE,
    VIP,
    WAVE_FIRST,
    WAVE_LAST,
)

TASTE_SHARE, TASTES_SHARE = 0.66, 0.92
"""How often somebody follows their first taste, and how often one of their two."""
FAVOURITE_SHARE = 0.45
"""How often somebody buys one of the three things that they keep coming back for."""
REFUND_RATE, REFUND_RATE_OF_ONE_STORE = 0.04, 0.12
ONLINE_NUMBERS = [number for number, name in enumerate(CHANNELS, 1) if name in ONLINE]


def make_orders(db: duckdb.DuckDBPyConnection, dice: Dice, as_of: date) -> None:
    """Table `orders`: who, when and where, from a renewal process in business time that the season then stretches."""
    slots = season.day_slots(as_of)
    db.register("slot_rows", pa.table({"slot": range(len(slots)), "day": pa.array(slots, pa.int32())}))
    history = HISTORY_DAYS * DAY
    per_slot = DAY // season.SLOTS_PER_DAY
    order = "i * 64 + n"
    # Those of the churn wave come late, so that they leave after a few dear orders: customers to win back.
    chance = dice.uniform("i", "start")
    start = f"(CASE WHEN wave THEN 0.7 + 0.16 * {chance} ELSE start * {chance} END)"
    other = f"{ONLINE_NUMBERS}[1 + {dice.below(order, 'other channel', len(ONLINE_NUMBERS))}]"
    db.execute(
        f"""
        CREATE TABLE orders AS
        WITH step AS (
            SELECT i, persona, wave, main_channel, n,
                   CASE WHEN n = 0 THEN floor({start} * {history - DAY})
                        ELSE floor(gap * exp(0.3 * {dice.normal("i", "pace")} + 0.55 * {dice.normal(order, "gap")}))
                   END::BIGINT AS seconds, {dice.exponential("i", "life", "life")} AS life
            FROM (SELECT people.i, persona, wave, main_channel, gap, life, start, unnest(range(most)) AS n
                  FROM people JOIN persona USING (persona))
        ), business AS (
            SELECT *, sum(seconds) OVER (PARTITION BY i ORDER BY n ROWS UNBOUNDED PRECEDING) AS passed,
                   sum(seconds) FILTER (n > 0) OVER (PARTITION BY i ORDER BY n ROWS UNBOUNDED PRECEDING) AS since_first
            FROM step
        ), dated AS (
            SELECT i, n, persona, wave, main_channel, day FROM business JOIN slot_rows ON slot = passed // {per_slot}
            WHERE passed < {history} AND (n = 0 OR since_first < life)
        )
        SELECT i, {order} AS id, persona,
               day::BIGINT * {DAY} + {season.HOUR_SLOTS}[1 + {dice.below(order, "hour", len(season.HOUR_SLOTS))}] * 3600
                   + {dice.below(order, "second", 3600)} AS sec, day,
               (CASE WHEN {dice.uniform(order, "usual channel")} < 0.78 THEN main_channel
                     ELSE {other} END)::TINYINT AS channel
        FROM dated
        WHERE n = 0 OR NOT wave OR day < {HISTORY_DAYS - WAVE_FIRST}
              + {dice.below("i", "wave", WAVE_FIRST - WAVE_LAST + 1)}
        ORDER BY i, n
        """
    )
    db.unregister("slot_rows")


def drawn_item(dice: Dice, key: str, purpose: str, slots: int) -> dict[str, str]:
    """SQL for the taste and the slot with which a row (with taste, taste_2) draws from the table `draw`."""
    which = dice.uniform(key, f"{purpose} taste")
    return {
        "taste": f"CASE WHEN {which} < {TASTE_SHARE} THEN taste WHEN {which} < {TASTES_SHARE} THEN taste_2 "
        f"ELSE {dice.below(key, f'{purpose} any taste', 12)}::INTEGER END",
        "slot": f"{dice.below(key, f'{purpose} slot', slots)}::INTEGER",
    }


def make_lines(db: duckdb.DuckDBPyConnection, dice: Dice, slots: int, as_of: date) -> None:
    """Table `lines`: one row per order and item, numbered from 0 within the order; amounts in cents."""
    line = "key"
    draw = drawn_item(dice, "drawn", "line", slots)
    db.execute(
        f"""
        CREATE TABLE lines AS
        WITH piece AS (
            SELECT o.i, o.id, o.sec, o.day, o.channel, p.taste, p.taste_2, p.persona,
                   CASE WHEN wave THEN 2 WHEN o.persona = {VIP} THEN greatest(p.level, 1) ELSE p.level END AS level,
                   o.id * 8 + unnest(range(1 + ({dice.uniform("o.id", "line 2")} < lines)::INTEGER
                       + ({dice.uniform("o.id", "line 3")} < lines / 3)::INTEGER
                       + ({dice.uniform("o.id", "line 4")} < lines / 6)::INTEGER)) AS key
            FROM orders o JOIN people p USING (i) JOIN persona ON persona.persona = o.persona
        ), wish AS (
            SELECT *, CASE WHEN {dice.uniform(line, "favourite")} < {FAVOURITE_SHARE}
                           THEN i * 4 + {dice.below(line, "which favourite", 3)} ELSE key + {2**62} END AS drawn
            FROM piece
        ), chosen AS (
            SELECT *, {draw["taste"]} AS its_taste, {draw["slot"]} AS slot,
                   ({season.is_warm("day", as_of)})::INTEGER AS warm,
                   1 + ({dice.uniform(line, "pieces")} < 0.05)::INTEGER AS pieces
            FROM wish
        ), bought AS (
            SELECT i, id, sec, day, channel, c.level,
                   CASE WHEN day >= draw.launch THEN draw.item ELSE draw.instead END AS item,
                   sum(pieces)::BIGINT AS pieces
            FROM chosen c JOIN draw ON draw.taste = c.its_taste AND draw.level = c.level AND draw.warm = c.warm
                 AND draw.slot = c.slot
            GROUP BY ALL
        ), priced AS (
            SELECT bought.*, price * pieces AS list_cents,
                   CASE WHEN {dice.uniform("id", "discount")} < [0.55, 0.35, 0.15][level + 1]
                        THEN [10, 12, 15, 20, 30][1 + {dice.below("id", "how much off", 5)}] ELSE 0 END AS off
            FROM bought JOIN item USING (item)
        )
        SELECT i, id, sec, channel, item::INTEGER AS item, pieces, list_cents,
               (list_cents * (100 - off) + 50) // 100 AS cents,
               (row_number() OVER (PARTITION BY id ORDER BY item) - 1)::INTEGER AS line
        FROM priced ORDER BY id, line
        """
    )


def make_sales(db: duckdb.DuckDBPyConnection, dice: Dice) -> None:
    """Tables `sales` (the orders with their totals) and `refunds` (whole orders given back some days later)."""
    db.execute(
        """
        CREATE TABLE sales AS
        SELECT o.i, o.id, o.sec, o.channel, l.pieces, l.cents, l.list_cents, l.lines
        FROM orders o JOIN (SELECT id, sum(pieces)::BIGINT AS pieces, sum(cents)::BIGINT AS cents,
                                   sum(list_cents)::BIGINT AS list_cents, count(*)::INTEGER AS lines
                            FROM lines GROUP BY id) l USING (id)
        ORDER BY o.id
        """
    )
    store = CHANNELS.index(REFUND_STORE) + 1
    db.execute(
        f"""
        CREATE TABLE refunds AS
        SELECT i, id, least(sec + {DAY} + {dice.below("id", "refund after", 9 * DAY)}, {HISTORY_DAYS * DAY - 1}) AS sec,
               channel, pieces, cents
        FROM (SELECT *, row_number() OVER (PARTITION BY channel = {store}
                                          ORDER BY {dice.whole("id", "refund")}, id) AS rank,
                     count(*) OVER (PARTITION BY channel = {store}) AS all_orders
              FROM sales WHERE sec < {(HISTORY_DAYS - 2) * DAY})
        WHERE rank <= round(all_orders * CASE WHEN channel = {store} THEN {REFUND_RATE_OF_ONE_STORE}
                                          ELSE {REFUND_RATE} END)
        ORDER BY id
        """
    )
