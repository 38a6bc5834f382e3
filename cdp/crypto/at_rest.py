"""Encryption at rest: secrets and personal targets leave PostgreSQL only in cipher text.

Fernet (AES-128-CBC with HMAC-SHA256) with the keys of `settings.ENCRYPTION_KEYS`: the first encrypts, all of them
decrypt, so that a key can be replaced while the old one still reads (`manage.py rotate_encryption`).
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.db import models


@lru_cache(maxsize=4)
def _cipher(keys: tuple[str, ...]) -> MultiFernet:
    if not keys:
        raise ImproperlyConfigured("ENCRYPTION_KEYS holds no key.")
    return MultiFernet([Fernet(key) for key in keys])


def _current() -> MultiFernet:
    return _cipher(tuple(settings.ENCRYPTION_KEYS))


class CannotDecrypt(Exception):
    """None of the keys reads a stored value: ENCRYPTION_KEYS lacks the key it was written with."""


def encrypt_text(text: str) -> str:
    """Cipher text of `text`; different on every call."""
    return _current().encrypt(text.encode()).decode()


def decrypt_text(cipher: str) -> str:
    """The text behind `encrypt_text`; raises CannotDecrypt."""
    try:
        return _current().decrypt(cipher.encode()).decode()
    except InvalidToken:
        raise CannotDecrypt("A stored value cannot be decrypted: check ENCRYPTION_KEYS.") from None


def reencrypt(cipher: str) -> str:
    """The same secret under the first key; raises CannotDecrypt."""
    try:
        return _current().rotate(cipher.encode()).decode()
    except InvalidToken:
        raise CannotDecrypt("A stored value cannot be decrypted: check ENCRYPTION_KEYS.") from None


class EncryptedTextField(models.TextField):
    """Text that is stored encrypted. It cannot be searched; store a keyed hash beside it for that."""

    def get_prep_value(self, value: Any) -> Any:
        return encrypt_text(str(value)) if value not in (None, "") else value

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Any:
        return decrypt_text(value) if value else value

    def to_python(self, value: Any) -> Any:
        return value


class EncryptedJSONField(models.TextField):
    """JSON that is stored encrypted."""

    def get_prep_value(self, value: Any) -> Any:
        return None if value is None else encrypt_text(json.dumps(value, ensure_ascii=False))

    def from_db_value(self, value: Any, expression: Any, connection: Any) -> Any:
        return json.loads(decrypt_text(value)) if value else value

    def to_python(self, value: Any) -> Any:
        return value
