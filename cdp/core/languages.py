"""The language in which somebody is written to when nobody asks."""

from __future__ import annotations

from typing import Any


def language_of(person: Any) -> str:
    """The language that the person has chosen; English where there is nobody, or nothing was chosen."""
    return getattr(person, "locale", "") or "en"
