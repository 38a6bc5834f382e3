"""Texts from outside that the database has to hold: it takes no NUL and no half characters."""

from __future__ import annotations


def is_storable(text: str) -> bool:
    """Whether the database can hold it as it is."""
    return "\x00" not in text and not any("\ud800" <= sign <= "\udfff" for sign in text)


def storable(value: object, most: int | None = None) -> str:
    """At most so many characters of a text, with `?` for half characters and without NUL."""
    return str(value).replace("\x00", "").encode(errors="replace").decode()[:most]


def holds_nul(body: bytes) -> bool:
    """Whether a NUL stands in JSON, written out or as it is."""
    return b"\\u0000" in body or b"\x00" in body
