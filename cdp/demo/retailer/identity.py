"""Pairs of ids seen together, and who is really who.

A phone, address or account belongs to one person; a device may be shared. Some people have two accounts, which a pair
of ids gives away.
"""

from __future__ import annotations

from datetime import date

import duckdb

from cdp.demo.retailer.dice import Dice
from cdp.demo.retailer.profiles import DAY, HISTORY_DAYS, PERSONAS, Profile, moment

STRONG = ("mobile", "open_id", "union_id", "email", "taobao_id", "alipay_id")
WEAK = ("imei", "idfa", "oaid", "mac", "imsi")
SHARED_SHARE, MERGED_SHARE = 0.02, 0.005
"""Users who also use somebody else's device; users who are a second account of somebody."""
WEAK_DAYS = 170
"""Devices were seen within so many days."""


def make_pairs(db: duckdb.DuckDBPyConnection, profile: Profile, dice: Dice) -> None:
    """Tables `pairs` (type_a, a, type_b, b, sec), `merged` (i, other) and `shared` (i, owner)."""
    own = {name: name for name in STRONG + WEAK} | {"mobile": "clean_mobile"}
    own["email"] = "CASE WHEN regexp_full_match(email, '[^@ ]+@example[.]com') THEN email END"
    first = "CASE " + " ".join(f"WHEN {own[name]} IS NOT NULL THEN '{name}'" for name in STRONG) + " END"
    db.execute(
        f"""CREATE TABLE known AS
            SELECT i, {", ".join(f"{own[name]} AS {name}" for name in STRONG + WEAK)}, {first} AS type_a,
                   coalesce({", ".join(own[name] for name in STRONG)}) AS a
            FROM ids"""
    )
    for name, size in (
        ("merged", round(profile.users * MERGED_SHARE)),
        ("shared", round(profile.users * SHARED_SHARE)),
    ):
        second = "union_id" if name == "merged" else "imei"
        db.execute(
            f"""
            CREATE TABLE {name} AS
            WITH able AS (SELECT i, row_number() OVER (ORDER BY {dice.whole("i", name)}, i) AS rank
                          FROM known WHERE mobile IS NOT NULL AND {second} IS NOT NULL)
            SELECT a.i, b.i AS other FROM able a JOIN able b ON b.rank = a.rank + {size} WHERE a.rank <= {size}
            """
        )
    old, new = (
        f"{dice.below('i', 'strong pair', HISTORY_DAYS * DAY)}",
        dice.below("i", "weak pair", WEAK_DAYS * DAY),
    )
    recent = f"{(HISTORY_DAYS - WEAK_DAYS) * DAY} + {new}"
    parts = [
        f"""SELECT i, type_a, a, '{name}' AS type_b, {name} AS b, {recent if name in WEAK else old} AS sec
            FROM known WHERE a IS NOT NULL AND {name} IS NOT NULL AND type_a <> '{name}'"""
        for name in STRONG + WEAK
    ]
    parts.append(
        f"""SELECT m.i, 'mobile', k.mobile, 'union_id', other.union_id,
                   {dice.below("m.i", "merged pair", HISTORY_DAYS * DAY)}
            FROM merged m JOIN known k ON k.i = m.i JOIN known other ON other.i = m.other"""
    )
    parts.append(
        f"""SELECT s.i, 'mobile', k.mobile, 'imei', owner.imei,
                   {(HISTORY_DAYS - WEAK_DAYS) * DAY} + {dice.below("s.i", "shared pair", WEAK_DAYS * DAY)}
            FROM shared s JOIN known k ON k.i = s.i JOIN known owner ON owner.i = s.other"""
    )
    db.execute(f"CREATE TABLE pairs AS {' UNION ALL '.join(parts)}")


def id_pairs(as_of: date) -> str:
    """SQL of `id_pairs`, in the order of time."""
    return f"""SELECT type_a AS id_type_a, a AS id_a, type_b AS id_type_b, b AS id_b, {moment("sec", as_of)} AS seen_at
               FROM pairs ORDER BY sec, i, type_a, a, type_b, b"""


def truth() -> str:
    """SQL of `truth_people`."""
    names = ", ".join(f"'{persona.name}'" for persona in PERSONAS)
    return f"""
        SELECT user_id, coalesce(first.person, user_id) AS person, [{names}][persona + 1] AS persona,
               taste::BIGINT AS taste, level::BIGINT AS price_level, wave AS churn_wave,
               shared.i IS NOT NULL AS uses_shared_device
        FROM people p JOIN ids USING (i) LEFT JOIN shared USING (i)
        LEFT JOIN (SELECT unnest([m.i, m.other]) AS i, least(a.user_id, b.user_id) AS person
                   FROM merged m JOIN ids a ON a.i = m.i JOIN ids b ON b.i = m.other) first USING (i)
        ORDER BY i"""
