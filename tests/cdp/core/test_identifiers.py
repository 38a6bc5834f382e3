"""The fourteen ID types."""

from __future__ import annotations

import duckdb
import pytest
from django.db import connection
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cdp.core.identifiers import ENCRYPTIONS, ID_TYPES, Encryption

_engine = duckdb.connect()


@pytest.mark.parametrize(
    ("key", "given", "expected"),
    [
        ("one_id", "  007 ", "007"),
        ("mobile", "138 0013-8000", "13800138000"),
        ("mobile", "+86 13800138000", "13800138000"),
        ("mobile", "008613800138000", "13800138000"),
        ("mobile", "8613800138000", "13800138000"),
        ("mobile", "1380013800", None),
        ("mobile", "１３８００１３８０００", None),
        ("email", " Ann.Lee@Example.COM ", "Ann.Lee@example.com"),
        ("email", "ann@", None),
        ("email", "ann@example", None),
        ("email", "a b@example.com", None),
        (
            "email",
            "a@" + "b" * 60 + ("." + "b" * 62) * 3 + ".cn",
            "a@" + "b" * 60 + ("." + "b" * 62) * 3 + ".cn",
        ),
        ("email", "a" * 2 + "@" + "b" * 60 + ("." + "b" * 62) * 3 + ".cn", None),
        ("email", "ann@\u0130x.com", None),
        ("taobao_id", "0012", "0012"),
        ("weibo_id", "12a", None),
        ("imei", "00000000abcdef", "00000000ABCDEF"),
        ("idfa", "6d92078a-8246-4ba4-ae5b-76104861e7dc", "6D92078A-8246-4BA4-AE5B-76104861E7DC"),
        ("imsi", "460001234567890", "460001234567890"),
        ("oaid", "ABCDEF0123456789", "abcdef0123456789"),
        ("mac", "a1-b2-c3-d4-e5-f6", "A1:B2:C3:D4:E5:F6"),
        ("mac", "a1b2.c3d4.e5f6", "A1:B2:C3:D4:E5:F6"),
        ("mac", "a1b2c3", None),
        ("mac", "a1\u00a0b2c3d4e5f6", None),
    ],
)
def test_normalising(key: str, given: str, expected: str | None) -> None:
    assert ID_TYPES[key].normalise(given) == expected


def test_the_country_prefix_stays_wrong_where_it_is_not_to_be_mended() -> None:
    assert ID_TYPES["mobile"].normalise("8613800138000", fix_prefix=False) is None


@pytest.mark.parametrize(
    ("key", "value", "expected"),
    [
        ("mobile", "13800138000", "138****8000"),
        ("email", "ann@example.com", "a***@example.com"),
        ("one_id", "a0001-long-id", "a00***-id"),
        ("one_id", "short", "s***"),
        ("taobao_nick", "海", "***"),
        ("mobile", "7945bd83237335e5376ff44d62e4f0ae", "794***0ae"),
        ("taobao_nick", "海边的卡夫卡", "海**"),
        ("imei", "00000000ABCDEF", "***CDEF"),
        ("mac", "A1:B2:C3:D4:E5:F6", "**:**:**:**:E5:F6"),
    ],
)
def test_masking(key: str, value: str, expected: str) -> None:
    assert ID_TYPES[key].mask(value) == expected


@given(value=st.text(min_size=1, max_size=40))
def test_a_mask_never_shows_the_whole_value(value: str) -> None:
    for id_type in ID_TYPES.values():
        assert id_type.mask(value) != value or set(value) <= {"*"}


@pytest.mark.parametrize("key", ID_TYPES)
def test_hashed_values_are_lower_case_hexadecimal_of_the_right_length(key: str) -> None:
    digest = "7945BD83237335E5376FF44D62E4F0AE"
    assert ID_TYPES[key].normalise(f" {digest} ", encryption="md5") == digest.lower()
    assert ID_TYPES[key].normalise(digest, encryption="sha256") is None
    assert ID_TYPES[key].normalise(digest[:-1] + "G", encryption="md5") is None


@pytest.mark.parametrize("key", ID_TYPES)
def test_aes_values_are_only_trimmed(key: str) -> None:
    assert (
        ID_TYPES[key].normalise(" D/sJzgv2sHWBONDIZXW/Eg== ", encryption="aes") == "D/sJzgv2sHWBONDIZXW/Eg=="
    )
    assert ID_TYPES[key].normalise("  ", encryption="aes") is None


def test_hashes_are_lower_case_hexadecimal() -> None:
    assert ID_TYPES["mobile"].hash("13800138000", "md5") == "7945bd83237335e5376ff44d62e4f0ae"
    assert ID_TYPES["mobile"].hash("13800138000", "sha256") == (
        "a6942f9771d67f34034d2f1926988ed3fad3bf1b4e7cedb9a31f31398dea43bc"
    )


_CHARACTERS = st.sampled_from(list("0123456789abcdefABCDEF+-:. @_xé中\t\n\x1c\xa0\u0130\u212a\u017f１"))
_VALUES = st.one_of(
    st.text(_CHARACTERS, max_size=20),
    st.text(max_size=12).filter(lambda text: "\x00" not in text),
    st.from_regex(r"\A ?(\+86|86|0086)?1[0-9 -]{10,12}\Z"),
    st.from_regex(r"\A[a-zA-Z.]{1,8}@[A-Za-z-]{1,6}(\.[A-Za-z]{1,4}){0,2}\Z"),
    st.from_regex(r"\A([0-9a-fA-F]{2}[:-]){5}[0-9a-fA-F]{2}\Z"),
    st.from_regex(r"\A([0-9a-fA-F]{2}[: \u00a0\x1c]){5}[0-9a-fA-F]{2}\Z"),
    st.from_regex(r"\Aa@[A-Z\u0130\u212a]{1,3}\.[a-z\u0130]{2}\Z"),
    st.from_regex(r"\Aaa?@(b{61}\.){3}b{60,61}\.c[nN]\Z"),
    st.from_regex(r"\A[0-9a-fA-F]{32}([0-9a-fA-F]{32})?\Z"),
)


@settings(max_examples=200, deadline=None)
@given(value=_VALUES, encryption=st.sampled_from(ENCRYPTIONS), fix_prefix=st.booleans())
def test_the_engine_normalises_exactly_as_python_does(
    value: str, encryption: Encryption, fix_prefix: bool
) -> None:
    for id_type in ID_TYPES.values():
        options = {"encryption": encryption, "fix_prefix": fix_prefix}
        statement = f"SELECT {id_type.sql_normalise('$1::VARCHAR', **options)}"  # type: ignore[arg-type]
        found = _engine.execute(statement, [value]).fetchone()
        assert found is not None
        assert found[0] == id_type.normalise(value, **options), id_type.key  # type: ignore[arg-type]


@pytest.mark.django_db
@settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))
@given(value=_VALUES, encryption=st.sampled_from(ENCRYPTIONS), fix_prefix=st.booleans())
def test_postgresql_normalises_exactly_as_python_does(
    value: str, encryption: Encryption, fix_prefix: bool
) -> None:
    parts, expected = [], []
    for id_type in ID_TYPES.values():
        found = id_type.normalise(value, encryption=encryption, fix_prefix=fix_prefix)
        sql = id_type.sql_normalise(
            "given", encryption=encryption, fix_prefix=fix_prefix, dialect="postgresql"
        )
        parts.append(sql.replace("%", "%%"))
        expected.append(found)
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT {', '.join(parts)} FROM (SELECT %s::text AS given) v", [value])
        assert list(cursor.fetchone()) == expected
