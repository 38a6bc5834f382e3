"""`manage.py rotate_encryption`: write every encrypted value again under the first key."""

from __future__ import annotations

from typing import Any

from django.apps import apps
from django.core.management.base import BaseCommand
from django.db import connection, models, transaction

from cdp.crypto.at_rest import EncryptedJSONField, EncryptedTextField, reencrypt

ROWS = 1000


class Command(BaseCommand):
    help = "Encrypts all secrets again with the first of ENCRYPTION_KEYS. Afterwards the older keys can be removed."

    def handle(self, *args: Any, **options: Any) -> None:
        for model in apps.get_models(include_auto_created=True):
            for field in model._meta.local_concrete_fields:
                if isinstance(field, EncryptedTextField | EncryptedJSONField):
                    count = _rotate(model, field)
                    self.stdout.write(f"{model._meta.label}.{field.name}: {count}")


def _rotate(model: type[models.Model], field: models.Field[Any, Any]) -> int:
    """Rewrites one column in pieces, each in a transaction of its own; may be interrupted and started again."""
    table, column, key = (
        connection.ops.quote_name(name)
        for name in (model._meta.db_table, field.column, model._meta.pk.column)
    )
    last: Any = None
    count = 0
    while True:
        condition = f"WHERE {key} > %s" if last is not None else ""
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(
                f"SELECT {key}, {column} FROM {table} {condition} ORDER BY {key} LIMIT {ROWS} FOR UPDATE",
                [last] if last is not None else [],
            )
            rows = cursor.fetchall()
            renewed = [(reencrypt(cipher), pk) for pk, cipher in rows if cipher]
            cursor.executemany(f"UPDATE {table} SET {column} = %s WHERE {key} = %s", renewed)
        if not rows:
            return count
        last, count = rows[-1][0], count + len(renewed)
