"""Encrypted columns of real tables, and the command that moves them to a new key."""

from __future__ import annotations

from typing import Any

import pytest
from cryptography.fernet import Fernet
from django.core.management import call_command
from django.db import connection

from admin_center.members.models import User
from cdp.crypto.at_rest import CannotDecrypt, EncryptedJSONField
from tests import factories

pytestmark = pytest.mark.django_db


def _with_secret(secret: str) -> User:
    user = factories.make_user()
    user.totp_secret = secret
    user.save()
    return user


def _read(user: User) -> str:
    return User.objects.get(pk=user.pk).totp_secret


def test_a_secret_comes_back_and_is_not_readable_in_the_table() -> None:
    user = _with_secret("s3cret-中")
    with connection.cursor() as cursor:
        cursor.execute(f"SELECT totp_secret FROM {User._meta.db_table} WHERE id = %s", [user.pk])
        stored = str(cursor.fetchone()[0])
    assert _read(user) == "s3cret-中"
    assert "s3cret" not in stored


def test_json_keeps_its_types_and_null_stays_null() -> None:
    field = EncryptedJSONField()
    stored = field.get_prep_value({"port": 25, "list": [None, "中"]})
    assert "port" not in stored
    assert field.from_db_value(stored, None, connection) == {"port": 25, "list": [None, "中"]}
    assert field.get_prep_value(None) is None
    assert field.from_db_value(None, None, connection) is None


def test_rotation_makes_the_old_key_needless(settings: Any, capsys: pytest.CaptureFixture[str]) -> None:
    old, new = Fernet.generate_key().decode(), Fernet.generate_key().decode()
    settings.ENCRYPTION_KEYS = [old]
    first, second = _with_secret("one"), _with_secret("two")
    empty = factories.make_user()
    settings.ENCRYPTION_KEYS = [new, old]
    call_command("rotate_encryption")
    settings.ENCRYPTION_KEYS = [new]
    assert [_read(user) for user in (first, second, empty)] == ["one", "two", ""]
    assert "members.User.totp_secret: 2" in capsys.readouterr().out


def test_without_the_right_key_reading_says_what_to_check(settings: Any) -> None:
    user = _with_secret("lost")
    settings.ENCRYPTION_KEYS = [Fernet.generate_key().decode()]
    with pytest.raises(CannotDecrypt, match="ENCRYPTION_KEYS"):
        _read(user)
