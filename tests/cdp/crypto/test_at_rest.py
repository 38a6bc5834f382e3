"""Encryption at rest and of customers' IDs."""

from __future__ import annotations

import pytest
from cryptography.fernet import Fernet

from cdp.core.errors import ValidationFailed
from cdp.crypto.at_rest import CannotDecrypt, decrypt_text, encrypt_text, reencrypt
from cdp.crypto.customer_ids import decrypt_id, encrypt_id


def test_a_secret_comes_back_and_looks_different_each_time() -> None:
    first, second = encrypt_text("s3cret é中"), encrypt_text("s3cret é中")
    assert first != second
    assert "s3cret" not in first
    assert decrypt_text(first) == decrypt_text(second) == "s3cret é中"


def test_an_older_key_still_reads_and_rotation_moves_to_the_new_one(settings: object) -> None:
    old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    settings.ENCRYPTION_KEYS = [old]  # type: ignore[attr-defined]
    cipher = encrypt_text("kept")
    settings.ENCRYPTION_KEYS = [new, old]  # type: ignore[attr-defined]
    moved = reencrypt(cipher)
    settings.ENCRYPTION_KEYS = [new]  # type: ignore[attr-defined]
    assert decrypt_text(moved) == "kept"
    with pytest.raises(CannotDecrypt):
        decrypt_text(cipher)


@pytest.mark.parametrize(
    ("key", "expected"),
    [("0123456789ABCDEF", "D/sJzgv2sHWBONDIZXW/Eg=="), ("0123456789abcdef", "8fIrGTYAQzFR+tN2Wt0yDQ==")],
)
def test_customer_ids_match_the_format_of_mysql(key: str, expected: str) -> None:
    assert encrypt_id("13800138000", key) == expected
    assert decrypt_id(expected, key) == "13800138000"


def test_a_value_under_another_key_does_not_decrypt() -> None:
    assert decrypt_id("D/sJzgv2sHWBONDIZXW/Eg==", "FFFFFFFFFFFFFFFF") is None
    assert decrypt_id("not base64!", "FFFFFFFFFFFFFFFF") is None


def test_a_key_of_another_form_is_refused() -> None:
    with pytest.raises(ValidationFailed):
        encrypt_id("1", "too short")
