"""Rows for every table of a state of the migrations, whatever its models are: two of each, with and without nulls."""

from __future__ import annotations

import datetime as dt
import uuid
from decimal import Decimal
from typing import Any

from django.db import DatabaseError, connection, models, transaction

MOMENT = dt.datetime(2026, 1, 2, 3, 4, tzinfo=dt.UTC)
ROWS = 2
Snapshot = dict[str, dict[Any, dict[str, Any]]]
"""Table → primary key → column → value."""


class Filler:
    """Fills tables of historical models; `filled` names the tables that have rows."""

    def __init__(self) -> None:
        self.filled: set[str] = set()

    def fill(self, apps: Any, labels: set[str]) -> None:
        """Two rows for each table of these apps, and of what they refer to, that has none yet."""
        for model in apps.get_models(include_auto_created=True):
            if model._meta.app_label in labels and model._meta.managed and not model._meta.auto_created:
                self._rows(model, ())

    def _rows(self, model: Any, asking: tuple[Any, ...]) -> list[Any]:
        rows = list(model._base_manager.order_by("pk")[:ROWS])
        if rows or model in asking:
            return rows
        made = []
        for number in range(ROWS):
            made.append(self._row(model, number, (*asking, model)))
        self.filled.add(model._meta.db_table)
        return made

    def _row(self, model: Any, number: int, asking: tuple[Any, ...]) -> Any:
        """The second row has a value in every column, if the table allows it; the first has nulls where it may."""
        nullable = {field.attname for field in model._meta.concrete_fields if field.null}
        nearly_full = [{name} for name in sorted(nullable)]
        problem: Exception | None = None
        for empty in ([set(), nullable] if number else [nullable, set()]) + nearly_full:
            try:
                with transaction.atomic():
                    row = model(**self._values(model, number, asking, empty))
                    row.save(force_insert=True)
                    return row
            except DatabaseError as error:
                problem = error
        raise AssertionError(f"No row fits into {model._meta.label}: {problem}")

    def _values(self, model: Any, number: int, asking: tuple[Any, ...], empty: set[str]) -> dict[str, Any]:
        values = {}
        for field in model._meta.concrete_fields:
            if isinstance(field, models.AutoField) or field.attname in empty:
                continue
            if field.is_relation:
                others = self._rows(field.remote_field.model, asking)
                if others:
                    values[field.attname] = others[min(number, len(others) - 1)].pk
            elif field.has_default() and not field.unique and not field.null:
                values[field.attname] = field.get_default()
            else:
                values[field.attname] = _value(field, number)
        return values


def _value(field: Any, number: int) -> Any:
    if field.primary_key and field.has_default():
        return field.get_default()
    if field.choices:
        return field.flatchoices[0][0]
    kind = field.get_internal_type()
    if kind in ("CharField", "TextField", "SlugField", "FileField", "EmailField", "URLField"):
        return f"{field.name}{number}"[-(field.max_length or 50) :]
    simple: dict[str, Any] = {
        "BooleanField": False,
        "DateTimeField": MOMENT,
        "DateField": MOMENT.date(),
        "TimeField": MOMENT.time(),
        "DurationField": dt.timedelta(hours=1),
        "DecimalField": Decimal(number + 1),
        "FloatField": number + 0.5,
        "JSONField": {},
        "ArrayField": [],
        "BinaryField": b"x",
        "GenericIPAddressField": "127.0.0.1",
    }
    if kind in simple:
        return simple[kind]
    return uuid.UUID(int=number + 1) if kind == "UUIDField" else number + 1


def snapshot(tables: set[str]) -> Snapshot:
    """All rows of tables as they stand in the database."""
    found: Snapshot = {}
    with connection.cursor() as cursor:
        for table in sorted(tables):
            keys = [*connection.introspection.get_primary_key_columns(cursor, table)]
            cursor.execute(f'SELECT * FROM "{table}"')
            columns = [item.name for item in cursor.description]
            rows = [dict(zip(columns, row, strict=True)) for row in cursor.fetchall()]
            found[table] = {tuple(row[key] for key in keys): row for row in rows}
    return found


def differences(before: Snapshot, after: Snapshot) -> set[str]:
    """Columns that both have and in which a row has another value; tables that have lost or gained rows."""
    found = set()
    for table, rows in before.items():
        if table not in after or rows.keys() != after[table].keys():
            found.add(table)
            continue
        for key, row in rows.items():
            later = after[table][key]
            found |= {
                f"{table}.{column}" for column, value in row.items() if later.get(column, value) != value
            }
    return found
