"""What people did: looking around, carts, favourites, logins, and the purchases themselves.

Rows are in key/value form: one purchase shows once under its item, brand and both categories, a visit under its item
and first category, everything else under a page.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb

from cdp.demo.retailer.dice import Dice, text_list
from cdp.demo.retailer.orders import ONLINE_NUMBERS, drawn_item
from cdp.demo.retailer.profiles import (
    ATTRIBUTES,
    BEHAVIOUR_TYPES,
    CHANNELS,
    DAY,
    HISTORY_DAYS,
    NEVER,
    PAGES,
    STORES,
    Profile,
    moment,
)

BUY, CART, BROWSE, FAVOURITE, LOGIN, REGISTER, REFUND, OPEN_SMS = range(1, len(BEHAVIOUR_TYPES) + 1)
CAT1, CAT2, BRAND, ITEM, PAGE = range(1, len(ATTRIBUTES) + 1)
UNKNOWN_SHARE = 0.01
"""Of all rows, how many belong to users whom no other table knows."""
WINDOW = (HISTORY_DAYS - 90) * DAY


@dataclass(frozen=True)
class Around:
    """Visits before an order: how many on average, how often to something that was then bought, how long before."""

    type: int
    mean: float
    bought: float
    days: float


AROUND = (Around(BROWSE, 10.1, 0.4, 3.5), Around(CART, 2.9, 0.72, 1.2), Around(FAVOURITE, 1.4, 0.5, 4.0))


def page(name: str) -> int:
    return PAGES.index(name) + 1


def online(channel: str, key: str, dice: Dice) -> str:
    """SQL: the channel itself, or for a shop one of the channels that its customers use at home."""
    first, last = CHANNELS.index(STORES[0]) + 1, CHANNELS.index(STORES[-1]) + 1
    return f"""(CASE WHEN {channel} NOT BETWEEN {first} AND {last} THEN {channel}
                WHEN {dice.uniform(key, "at home")} < 0.7 THEN 1 ELSE 2 END)::TINYINT"""


class Behaviour:
    """Makes the behaviour of the users of one chunk after another, and keeps the totals that other tables need."""

    def __init__(
        self, db: duckdb.DuckDBPyConnection, profile: Profile, dice: Dice, slots: int, as_of: date
    ) -> None:
        self.db, self.profile, self.dice, self.slots, self.as_of = db, profile, dice, slots, as_of
        db.execute(
            "CREATE TABLE channel_total (i BIGINT, channel TINYINT, login BIGINT, fav BIGINT, buy BIGINT, cents BIGINT)"
        )
        db.execute("CREATE TABLE last_login (i BIGINT, sec BIGINT)")
        db.execute("CREATE TABLE item_total (item INTEGER, sold BIGINT)")
        self.rows = 0

    def write(self, path: Path) -> None:
        """Write `ads_behavior`, ordered by user and time; users nobody knows come last."""
        users, chunk = self.profile.users, self.profile.chunk
        starts = range(1, users + 1, chunk)
        parts = (
            [path] if len(starts) == 1 else [path.with_suffix(f".{n:04d}.part") for n in range(len(starts))]
        )
        for part, start in zip(parts, starts, strict=True):
            self._make(start, min(start + chunk, users + 1))
            if start + chunk > users:
                self._add_unknown()
            self._write(part)
        if len(parts) > 1:
            together = f"SELECT * FROM read_parquet({[str(part) for part in parts]})"
            self.db.execute(f"COPY ({together}) TO '{path}' (FORMAT parquet, COMPRESSION zstd)")
            for part in parts:
                part.unlink()

    def _make(self, first: int, end: int) -> None:
        """Table `act` (i, sec, type, channel, attr, no, times, cents): the behaviour of users from `first` to `end`."""
        db = self.db
        chunk = f"i >= {first} AND i < {end}"
        db.execute(f"CREATE OR REPLACE TEMP TABLE visit AS {self._visits(chunk)}")
        db.execute(
            f"""
            CREATE OR REPLACE TEMP TABLE act AS
            WITH bought AS (
                SELECT l.i, l.sec, l.channel, l.item, l.pieces, l.cents, item.cat1_no, item.cat2_no, item.brand_no
                FROM lines l JOIN item USING (item) WHERE {chunk}
            ), act AS (
                SELECT i, sec, {BUY}::TINYINT AS type, channel, {ITEM}::TINYINT AS attr, item AS no,
                       pieces AS times, cents FROM bought
                UNION ALL SELECT i, sec, {BUY}, channel, {BRAND}, brand_no, pieces, cents FROM bought
                UNION ALL SELECT i, sec, {BUY}, channel, {CAT1}, cat1_no, pieces, cents FROM bought
                UNION ALL SELECT i, sec, {BUY}, channel, {CAT2}, cat2_no, pieces, cents FROM bought
                UNION ALL SELECT i, sec, type, channel, {ITEM}, item, 1, price FROM visit JOIN item USING (item)
                UNION ALL SELECT i, sec, type, channel, {CAT1}, cat1_no, 1, price FROM visit JOIN item USING (item)
                UNION ALL {self._pages(chunk)}
            )
            SELECT i, sec, type, channel, attr, no::INTEGER AS no, sum(times)::BIGINT AS times,
                   sum(cents)::BIGINT AS cents
            FROM act GROUP BY ALL
            """
        )
        db.execute(
            f"""INSERT INTO channel_total
                SELECT i, channel, coalesce(sum(times) FILTER (type = {LOGIN}), 0),
                       coalesce(sum(times) FILTER (type = {FAVOURITE}), 0),
                       coalesce(sum(times) FILTER (type = {BUY}), 0),
                       coalesce(sum(cents) FILTER (type = {BUY}), 0)
                FROM act WHERE sec >= {WINDOW} AND attr IN ({ITEM}, {PAGE}) GROUP BY i, channel"""
        )
        db.execute(f"INSERT INTO last_login SELECT i, max(sec) FROM act WHERE type = {LOGIN} GROUP BY i")
        db.execute(
            f"""INSERT INTO item_total SELECT no, sum(times) FROM act
                WHERE type = {BUY} AND attr = {ITEM} AND sec >= {WINDOW} GROUP BY no"""
        )
        self.rows += db.execute("SELECT count(*) FROM act").fetchall()[0][0]

    def _visits(self, chunk: str) -> str:
        """SQL for what was looked at: before orders, and now and then without one."""
        dice, share = self.dice, self.profile.share
        own, draw = dice.uniform("key", "bought"), drawn_item(dice, "key", "visit", self.slots)
        before = " UNION ALL ".join(
            f"""SELECT i, id, sec, channel, lines, {around.type}::TINYINT AS type, {around.bought} AS bought,
                       {around.days} AS days, (id * 64 + unnest(range(floor({around.mean * share}
                           * (0.4 + 1.2 * {dice.uniform("id", f"many {around.type}")})
                           + {dice.uniform("id", f"rest {around.type}")})::BIGINT))) * 8 + {around.type} AS key
                FROM sales WHERE {chunk}"""
            for around in AROUND
        )
        idly = dice.uniform("key", "idle")
        return f"""
            WITH act AS (
                SELECT o.i, o.id, type, {online("o.channel", "key", dice)} AS channel,
                       CASE WHEN {own} < bought THEN {dice.below("key", "which", "lines")}::INTEGER END AS line, key,
                       sec - 1 - least({dice.exponential("key", "before", f"days * {DAY}")}::BIGINT, 30 * {DAY})
                           % greatest(sec - registered - 1, 60) AS sec
                FROM ({before}) o JOIN account USING (i)
                UNION ALL
                SELECT i, NULL, CASE WHEN {idly} < 0.86 THEN {BROWSE} WHEN {idly} < 0.95 THEN {FAVOURITE}
                                ELSE {CART} END, channel, NULL, key,
                       start + {dice.below("key", "idle at", "until - start")}
                FROM (SELECT i, {online("main_channel", "i", dice)} AS channel, greatest(registered, 0) AS start, until,
                             {2**61} + i * 128 + unnest(range(least(127,
                                 floor(CASE WHEN persona = {NEVER} THEN {8 * share} ELSE {3 * share} END
                                 * {dice.exponential("i", "curiosity", 1)}
                                 + {dice.uniform("i", "idle rest")}))::BIGINT)) AS key
                      FROM account WHERE {chunk} AND until > greatest(registered, 0))
            ), wished AS (
                SELECT act.*, level, ({draw["taste"]}) AS taste, {draw["slot"]} AS slot, (key & 1)::INTEGER AS warm
                FROM act JOIN people USING (i) WHERE sec >= 0
            )
            SELECT w.i, w.sec, type, w.channel,
                   coalesce(l.item, CASE WHEN w.sec >= draw.launch * {DAY} THEN draw.item ELSE draw.instead END) AS item
            FROM wished w LEFT JOIN lines l ON l.id = w.id AND l.line = w.line
            JOIN draw ON draw.taste = w.taste AND draw.level = w.level AND draw.warm = w.warm AND draw.slot = w.slot"""

    def _pages(self, chunk: str) -> str:
        """SQL for what concerns no item: logins, registrations, refunds, messages opened."""
        dice, share = self.dice, self.profile.share
        logins = 2.6 * share
        return f"""
            SELECT i, sec - {dice.below("key", "login before", 2 * DAY)} % greatest(sec - registered - 1, 60), {LOGIN},
                   {online("channel", "key", dice)}, {PAGE}, {page("首页")}, 1, 0
            FROM (SELECT i, sec, channel, id * 64 + unnest(range(floor({logins} * 2 * {dice.uniform("id", "logins")}
                         + {dice.uniform("id", "logins rest")})::BIGINT)) AS key FROM sales WHERE {chunk})
            JOIN account USING (i)
            WHERE sec - {dice.below("key", "login before", 2 * DAY)} % greatest(sec - registered - 1, 60) >= 0
            UNION ALL
            SELECT i, start + {dice.below("key", "login at", "until - start")},
                   CASE WHEN key % 5 = 4 THEN {OPEN_SMS} ELSE {LOGIN} END,
                   {online("main_channel", "key", dice)}, {PAGE},
                   CASE WHEN key % 5 = 4 THEN {page("短信落地页")} WHEN key % 5 = 3 THEN {page("会员中心")}
                        WHEN key % 5 = 2 THEN {page("活动页")} ELSE {page("首页")} END, 1, 0
            FROM (SELECT i, main_channel, greatest(registered, 0) AS start, until,
                         i * 128 + unnest(range(floor({share} * {dice.exponential("i", "visits", 3.2)}
                         + {dice.uniform("i", "visits rest")})::BIGINT)) AS key
                  FROM account WHERE {chunk} AND until > greatest(registered, 0))
            UNION ALL
            SELECT i, registered, {REGISTER}, {online("main_channel", "i", dice)}, {PAGE}, {page("注册页")}, 1, 0
            FROM account WHERE {chunk} AND registered >= 0
            UNION ALL
            SELECT i, sec, {REFUND}, channel, {PAGE}, {page("订单页")}, 1, cents FROM refunds WHERE {chunk}"""

    def _add_unknown(self) -> None:
        """Visits of users whom no other table knows, with as many rows as make up their share of all.

        Each shows under its item and under the first category, as other visits do.
        """
        dice, users = self.dice, self.profile.users
        visits = round(self.rows * UNKNOWN_SHARE / (1 - UNKNOWN_SHARE) / 2)
        part = HISTORY_DAYS * DAY // 20
        at = dice.below("key", "unknown at", part)
        channel = dice.below("key // 20", "unknown channel", len(ONLINE_NUMBERS))
        item = dice.below("key", "unknown item", self.profile.items - 1)
        self.db.execute(
            f"""
            INSERT INTO act
            SELECT i, sec, type, channel, unnest([{ITEM}, {CAT1}])::TINYINT, unnest([item, cat1_no]), 1, price
            FROM (SELECT {users} + 1 + key // 20 AS i, {at} + (key % 20) * {part} AS sec, {BROWSE}::TINYINT AS type,
                         {ONLINE_NUMBERS}[1 + {channel}] AS channel, 1 + {item} AS item FROM range({visits}) t(key))
            JOIN item USING (item)"""
        )

    def _write(self, path: Path) -> None:
        """Write the table `act` in order. Texts come from lists where a join would lose the order."""
        db = self.db
        for column in ("object_attr", "object_value", "value_id"):
            db.execute(f"SET VARIABLE {column}s = (SELECT list({column} ORDER BY attr, no) FROM object)")
        numbered = "SELECT attr, row_number() OVER (ORDER BY attr, no) AS n FROM object"
        before = (
            "SELECT list(n ORDER BY attr) FROM (SELECT attr, min(n) - 1 AS n FROM numbered GROUP BY attr)"
        )
        db.execute(f"SET VARIABLE before = (WITH numbered AS ({numbered}) {before})")
        db.execute(
            f"""
            COPY (
                SELECT coalesce(user_id, 'x' || lpad(i::VARCHAR, 8, '0')) AS user_id, mobile AS user_id_2,
                       open_id AS user_id_3, {text_list(BEHAVIOUR_TYPES)}[type] AS behavior_type,
                       {moment("sec", self.as_of)} AS behavior_time, times AS behavior_count,
                       CASE WHEN attr <> {PAGE} OR type = {REFUND} THEN cents / 100 END AS behavior_amount,
                       {text_list(CHANNELS)}[channel] AS channel, getvariable('object_attrs')[object] AS object_attr,
                       getvariable('object_values')[object] AS object_value,
                       getvariable('value_ids')[object] AS object_value_id
                FROM (SELECT act.*, user_id, mobile, open_id, getvariable('before')[attr] + no AS object
                      FROM act LEFT JOIN ids USING (i) ORDER BY i, sec, type, channel, attr, no)
            ) TO '{path}' (FORMAT parquet, COMPRESSION zstd)"""
        )
