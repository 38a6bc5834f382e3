"""What a template says for people who have no value for one of its variables, by the variable's type."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from django.db import models
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

LONGEST = 200
LONGEST_NUMBER = 30
Defaults = Mapping[str, Mapping[str, str]]
"""By variable its `type` and `value` as text: a number as 12.5, a date as 2026-05-31."""


class Type(models.TextChoices):
    TEXT = "text", gettext_lazy("Text")
    NUMBER = "number", gettext_lazy("Number")
    DATE = "date", gettext_lazy("Date")


def problems(given: Any, names: Iterable[str]) -> list[str]:
    """What is wrong with the defaults of a template that has these variables."""
    if not isinstance(given, dict) or not all(isinstance(item, dict) for item in given.values()):
        return [_("Give an object with an object for each variable.")]
    found = []
    known = list(names)
    for name, item in given.items():
        if name not in known:
            found.append(_("“%(name)s” is no variable of the template.") % {"name": str(name)[:40]})
        elif set(item) != {"type", "value"} or item["type"] not in Type.values:
            found.append(_("“%(name)s”: give type (text, number or date) and value.") % {"name": name})
        elif message := problem(item["type"], item["value"]):
            found.append(f"“{name}”: {message}")
    return found


def problem(kind: str, value: Any) -> str:
    """Why the value is none of the type; empty where it is one."""
    if not isinstance(value, str) or not value.strip():
        return _("A default has a value.")
    if typed(kind, value) is not None:
        return ""
    return {
        Type.NUMBER: _("Write a number as in 12.5, without separators."),
        Type.DATE: _("Write a date as in 2026-05-31."),
    }.get(Type(kind), _("At most %(most)d characters.") % {"most": LONGEST})


def typed(kind: str, value: str) -> str | Decimal | date | None:
    """The value of its type; None where it is none."""
    text = value.strip()
    if kind == Type.DATE:
        try:
            return date.fromisoformat(text) if len(text) == 10 else None
        except ValueError:
            return None
    if kind == Type.NUMBER:
        try:
            number = Decimal(text)
        except InvalidOperation:
            return None
        return (
            number if number.is_finite() and len(text) <= LONGEST_NUMBER and "e" not in text.lower() else None
        )
    return text if len(text) <= LONGEST else None


def together(*several: Defaults) -> dict[str, Mapping[str, str]]:
    """Those of several templates; of a variable of two templates the first one's counts."""
    found: dict[str, Mapping[str, str]] = {}
    for given in several:
        found = {**given, **found}
    return found


def texts(given: Defaults) -> dict[str, str]:
    """The values by variable, as they were written."""
    return {name: item["value"] for name, item in given.items()}
