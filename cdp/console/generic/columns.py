"""Columns of lists: where a value comes from, how it looks, how it sorts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.template.loader import render_to_string
from django.utils.html import format_html
from django.utils.safestring import SafeString

Value = str | Callable[[Any], Any]


@dataclass(frozen=True)
class Column:
    """A column. `value`: attribute path ("owner.username") or function of the row; `sort`: ORM field to sort by.

    `link`: the cell leads to the row's page. `export`: part of the CSV. `optional`: people choose whether they see it;
    `shown`: they do until they choose.
    """

    name: str
    label: Any
    value: Value | None = None
    sort: str = ""
    link: bool = False
    css: str = ""
    export: bool = True
    optional: bool = False
    shown: bool = True

    def raw(self, row: Any) -> Any:
        """The cell's value."""
        source = self.value if self.value is not None else self.name
        if callable(source):
            return source(row)
        found = row
        for part in source.split("."):
            found = getattr(found, part, None)
            if found is None:
                return None
        return found() if callable(found) else found

    def cell(self, row: Any) -> Any:
        """What the table shows."""
        value = self.raw(row)
        return "–" if value in (None, "") else value

    def text(self, row: Any) -> str:
        """What the CSV holds."""
        value = self.raw(row)
        return "" if value is None else str(value)


@dataclass(frozen=True)
class TextColumn(Column):
    """Text with a smaller second line."""

    below: Value | None = None

    def cell(self, row: Any) -> Any:
        second = Column("", "", self.below).raw(row) if self.below is not None else None
        if second in (None, ""):
            return super().cell(row)
        return format_html('{}<div class="text-secondary small">{}</div>', super().cell(row), second)


@dataclass(frozen=True)
class NumberColumn(Column):
    """A number, right-aligned, with separators."""

    css: str = "text-end td-number"

    def cell(self, row: Any) -> Any:
        value = self.raw(row)
        return "–" if value is None else format_html("{}", f"{value:,}")


@dataclass(frozen=True)
class DateColumn(Column):
    """A moment as "3 hours ago", the exact time on hover."""

    css: str = "text-nowrap"

    def cell(self, row: Any) -> Any:
        return SafeString(render_to_string("components/moment.html", {"moment": self.raw(row)}))

    def text(self, row: Any) -> str:
        value = self.raw(row)
        return value.isoformat() if value else ""


@dataclass(frozen=True)
class BadgeColumn(Column):
    """A state as a badge. `label_of` gives its words, `hint` its explanation on hover."""

    label_of: Value | None = None
    hint: Value | None = None

    def cell(self, row: Any) -> Any:
        state = self.raw(row)
        label = Column("", "", self.label_of).raw(row) if self.label_of is not None else state
        hint = Column("", "", self.hint).raw(row) if self.hint is not None else ""
        return SafeString(
            render_to_string("components/badge.html", {"state": state, "label": label, "hint": hint})
        )


@dataclass(frozen=True)
class BooleanColumn(Column):
    """A check mark or nothing."""

    def cell(self, row: Any) -> Any:
        mark = SafeString('<i class="ti ti-check text-green" role="img" aria-label="✓"></i>')
        return mark if self.raw(row) else ""
