"""No identifier can be anybody's, and hashes and cipher texts are those of the phone beside them."""

from __future__ import annotations

import hashlib
import re

import duckdb
import pytest

from cdp.crypto.customer_ids import decrypt_id
from cdp.demo.retailer.profiles import AES_KEY

PATTERNS = {
    "user_id": r"o\d{8}",
    "mobile": r"(86)?100\d{8}",
    "email": r"user ?\d+(@example\.com|example\.com|@)",
    "union_id": r"demo_u_[0-9a-f]{21}",
    "open_id": r"demo_o_[0-9a-f]{21}",
    "taobao_id": r"0000\d{10}",
    "taobao_nick": r"演示\S+\d{8}",
    "alipay_id": r"0000\d{12}",
    "weibo_id": r"000\d{9}",
    "imei": r"0{8}\d{7,8}",
    "idfa": r"00000000-0000-4000-8000-[0-9A-F]{12}",
    "imsi": r"00101\d{10}",
    "oaid": r"0{8}[0-9a-f]{24}",
    "mac": r"02:00(:[0-9a-f]{2}){4}",
}


@pytest.mark.parametrize("column", list(PATTERNS))
def test_values_are_of_a_kind_that_nobody_has(tables: duckdb.DuckDBPyConnection, column: str) -> None:
    values = [
        value
        for (value,) in tables.execute(
            f"SELECT {column} FROM ads_user_tag WHERE {column} IS NOT NULL"
        ).fetchall()
    ]
    assert values
    assert [value for value in values if not re.fullmatch(PATTERNS[column], value)] == []
    if column not in ("mobile",):
        assert len(set(values)) == len(values)


def test_other_tables_carry_the_same_identifiers(tables: duckdb.DuckDBPyConnection) -> None:
    for table in ("ads_trade", "ads_rfm_customer", "ads_aipl_customer"):
        wrong = tables.execute(
            f"""SELECT count(*) FROM {table} t LEFT JOIN ads_user_tag u USING (user_id)
                WHERE u.user_id IS NULL OR t.user_id_2 IS DISTINCT FROM u.mobile
                      OR t.user_id_3 IS DISTINCT FROM u.open_id"""
        ).fetchall()
        assert wrong == [(0,)], table
    wrong = tables.execute(
        """SELECT count(*) FROM ads_behavior b LEFT JOIN ads_user_tag u USING (user_id)
           WHERE b.user_id_2 IS DISTINCT FROM u.mobile OR b.user_id_3 IS DISTINCT FROM u.open_id
                 OR NOT regexp_full_match(b.user_id, '[ox][0-9]{8}')"""
    ).fetchall()
    assert wrong == [(0,)]
    pairs = tables.execute(
        "SELECT id_type_a, id_a FROM id_pairs UNION SELECT id_type_b, id_b FROM id_pairs"
    ).fetchall()
    assert [pair for pair in pairs if not re.fullmatch(PATTERNS[pair[0]], pair[1])] == []


def test_device_numbers_have_a_right_check_digit(tables: duckdb.DuckDBPyConnection) -> None:
    def luhn(digits: str) -> int:
        doubled = [int(digit) * (2 if place % 2 else 1) for place, digit in enumerate(reversed(digits))]
        return sum(number // 10 + number % 10 for number in doubled) % 10

    numbers = tables.execute("SELECT imei FROM ads_user_tag WHERE imei IS NOT NULL").fetchall()
    assert [number for (number,) in numbers if luhn(number)] == []


def test_copies_of_the_phone_are_its_hashes_and_cipher_text(tables: duckdb.DuckDBPyConnection) -> None:
    columns = "mobile, mobile_md5, mobile_sha256, mobile_aes, user_id_2"
    for mobile, md5, sha256, aes, copy in tables.execute(f"SELECT {columns} FROM ads_user_tag").fetchall():
        assert copy == mobile
        if mobile is None:
            assert (md5, sha256, aes) == (None, None, None)
        else:
            assert md5 == hashlib.md5(mobile.encode(), usedforsecurity=False).hexdigest()
            assert sha256 == hashlib.sha256(mobile.encode()).hexdigest()
            assert decrypt_id(aes, AES_KEY) == mobile
