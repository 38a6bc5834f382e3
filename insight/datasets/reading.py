"""Walking a definition: fields and errors are collected, every error at its path."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from insight.datasets.joining import Source
from insight.datasets.models import DatasetField


class Reader:
    """Collects fields and errors while walking a definition."""

    def __init__(self, source: Source | None) -> None:
        self.source = source
        self.errors: dict[str, list[str]] = {}
        self.fields: list[DatasetField] = []

    def wrong(self, path: str, message: str) -> None:
        self.errors.setdefault(path, []).append(message)

    def column(self, value: Any, path: str) -> str:
        """A column of the table, by name."""
        if not isinstance(value, str) or not value:
            self.wrong(path, _("Name a column."))
            return ""
        if self.source is not None and self.source.column_type(value) is None:
            self.wrong(path, _("The table has no column “%(name)s”.") % {"name": value})
        return value

    def add(self, column: str, role: str, **values: Any) -> None:
        name = str(values.pop("name", "") or column)[:64]
        self.fields.append(DatasetField(column=column, role=role, name=name, **values))

    def mapping(self, value: Any, path: str, known: set[str]) -> dict[str, Any]:
        if not isinstance(value, dict):
            self.wrong(path, _("An object is needed here."))
            return {}
        for key in set(value) - known:
            self.wrong(f"{path}/{key}", _("Unknown field."))
        return value

    def listing(self, value: Any, path: str) -> list[Any]:
        if value is None:
            return []
        if not isinstance(value, list):
            self.wrong(path, _("A list is needed here."))
            return []
        return value
