"""Identifiers that nobody has: reserved ranges, test prefixes, the domain example.com, invented names.

Some are faulty on purpose, in exact numbers, so that quality reports have something to report.
"""

from __future__ import annotations

import duckdb
import pyarrow as pa
from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from cdp.demo.retailer.dice import Dice
from cdp.demo.retailer.profiles import AES_KEY, Profile

FILLED = {
    "mobile": 0.95, "email": 0.72, "union_id": 0.6, "open_id": 0.8, "taobao_id": 0.3, "taobao_nick": 0.28,
    "alipay_id": 0.22, "weibo_id": 0.12, "imei": 0.35, "idfa": 0.25, "imsi": 0.05, "oaid": 0.4, "mac": 0.3,
}  # fmt: skip
"""The share of users who have each identifier."""
PREFIXED_PHONES, MALFORMED_MAILS, DUPLICATE_PHONES = 0.01, 0.005, 200
"""Phones with 86 before them as a share of users, faulty addresses as a share of addresses, and how many users have
somebody else's phone."""
NICKNAMES = (
    "小汐",
    "阿岚",
    "木棉君",
    "不吃香菜",
    "云上",
    "拾柒",
    "半糖",
    "鹿鸣",
    "一只橘",
    "南栀",
    "晚晚",
    "大福",
    "可颂",
    "青柠",
)


def make_identifiers(db: duckdb.DuckDBPyConnection, profile: Profile, dice: Dice) -> None:
    """Table `ids`, one row per user: `user_id` and all others. `clean_mobile` is the phone without planted faults."""
    users = profile.users
    phones, mails = round(users * (1 - FILLED["mobile"])), round(users * (1 - FILLED["email"]))
    prefixed = phones + round(users * PREFIXED_PHONES)
    malformed = mails + round((users - mails) * MALFORMED_MAILS)
    # A step that shares no factor with 10^8 gives every user a number of their own.
    number = "lpad(((i * 7654321 + 1234567) % 100000000)::VARCHAR, 8, '0')"
    digest = f"md5('{dice.seed}:' || i)"

    def some(name: str, expression: str) -> str:
        return (
            f"CASE WHEN {dice.uniform('i', f'has {name}')} < {FILLED[name]} THEN {expression} END AS {name}"
        )

    db.execute(
        f"""
        CREATE TABLE ids AS
        WITH ranked AS (
            SELECT i, {digest} AS digest, {number} AS number,
                   row_number() OVER (ORDER BY {dice.whole("i", "phone")}, i) - 1 AS phone_rank,
                   row_number() OVER (ORDER BY {dice.whole("i", "mail")}, i) - 1 AS mail_rank
            FROM people
        ), phones AS (
            SELECT *, CASE WHEN phone_rank >= {phones} THEN '100' || number END AS clean_mobile FROM ranked
        ), mobiles AS (
            SELECT a.*, CASE WHEN a.phone_rank < {phones} THEN NULL
                             WHEN a.phone_rank < {prefixed} THEN '86' || a.clean_mobile
                             ELSE coalesce(b.clean_mobile, a.clean_mobile) END AS mobile
            FROM phones a
            LEFT JOIN phones b ON b.phone_rank = CASE
                WHEN a.phone_rank BETWEEN {prefixed} AND {prefixed + DUPLICATE_PHONES - 1}
                THEN a.phone_rank + {DUPLICATE_PHONES} END
        )
        SELECT i, 'o' || lpad(i::VARCHAR, 8, '0') AS user_id, clean_mobile, mobile,
               md5(mobile) AS mobile_md5, sha256(mobile) AS mobile_sha256,
               CASE WHEN mail_rank < {mails} THEN NULL
                    WHEN mail_rank < {malformed}
                    THEN ['user' || i || 'example.com', 'user' || i || '@', 'user ' || i || '@example.com'][1 + (i % 3)]
                    ELSE 'user' || i || '@example.com' END AS email,
               {some("union_id", "'demo_u_' || substr(digest, 1, 21)")},
               {some("open_id", "'demo_o_' || substr(digest, 5, 21)")},
               {some("taobao_id", "'0000' || lpad((i * 13)::VARCHAR, 10, '0')")},
               {some("taobao_nick", "'演示' || " + dice.pick("i", "nick", NICKNAMES) + " || lpad(i::VARCHAR, 8, '0')")},
               {some("alipay_id", "'0000' || lpad((i * 37)::VARCHAR, 12, '0')")},
               {some("weibo_id", "'000' || lpad((i * 7)::VARCHAR, 9, '0')")},
               {some("imei", _imei("i"))},
               {some("idfa", "'00000000-0000-4000-8000-' || upper(substr(digest, 9, 12))")},
               {some("imsi", "'00101' || lpad(i::VARCHAR, 10, '0')")},
               {some("oaid", "'00000000' || substr(digest, 1, 24)")},
               {some("mac", "printf('02:00:%02x:%02x:%02x:%02x', i >> 24, (i >> 16) & 255, (i >> 8) & 255, i & 255)")}
        FROM mobiles ORDER BY i
        """
    )
    _encrypt(db)


def _imei(number: str) -> str:
    """SQL: a device number with the test allocation code 00000000, 15 digits with their check digit (beyond a million
    numbers 16 digits, which have none)."""
    digits = " + ".join(
        f"({number} // {10**place} % 10 * {weight} // 10 + {number} // {10**place} % 10 * {weight} % 10)"
        for place, weight in enumerate((2, 1, 2, 1, 2, 1))
    )
    short = f"'00000000' || lpad(({number})::VARCHAR, 6, '0') || ((10 - ({digits}) % 10) % 10)"
    long = f"'00000000' || lpad(({number} % 1000000)::VARCHAR, 6, '0') || lpad(({number} // 1000000)::VARCHAR, 2, '0')"
    return f"CASE WHEN {number} < 1000000 THEN {short} ELSE {long} END"


def _encrypt(db: duckdb.DuckDBPyConnection) -> None:
    """Add `mobile_aes`: AES-128-ECB, PKCS#7 padding, Base64, as customers' warehouses make it.

    Every phone fits one block, and in this mode blocks don't depend on each other: all go through the cipher at once.
    """
    padded = db.execute(
        """SELECT i, encode(mobile || repeat(chr((16 - length(mobile))::INTEGER), 16 - length(mobile))) AS block
           FROM ids WHERE mobile IS NOT NULL ORDER BY i"""
    ).to_arrow_table()
    blocks = b"".join(padded.column("block").to_pylist())
    encryptor = Cipher(algorithms.AES(AES_KEY.encode()), modes.ECB()).encryptor()
    secret = pa.py_buffer(encryptor.update(blocks) + encryptor.finalize())
    array = pa.FixedSizeBinaryArray.from_buffers(pa.binary(16), len(padded), [None, secret])
    db.register("secret_rows", pa.table({"i": padded.column("i"), "secret": array}))
    db.execute("ALTER TABLE ids ADD COLUMN mobile_aes VARCHAR")
    db.execute("UPDATE ids SET mobile_aes = to_base64(secret::BLOB) FROM secret_rows s WHERE s.i = ids.i")
    db.unregister("secret_rows")
