"""CSV that spreadsheets open without running what is in it."""

from __future__ import annotations

_STARTERS = ("=", "+", "-", "@", "\t", "\r")


def escape_formula(value: str) -> str:
    """The value, with an apostrophe before it where a spreadsheet would take it for a formula. Numbers stay."""
    if not value.startswith(_STARTERS):
        return value
    try:
        float(value)
    except ValueError:
        return "'" + value
    return value
