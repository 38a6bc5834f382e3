"""Names that nothing else has: of copies, of runs, of what the product makes itself."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator
from itertools import count

from django.utils.translation import gettext as _


def first_free(name: str, endings: Iterable[str], taken: Container[str], length: int = 64) -> str:
    """The name with the first of the endings with which it is not taken, cut so that both have `length` characters."""
    return next(found for ending in endings if (found := name[: length - len(ending)] + ending) not in taken)


def numbered(word: str) -> Iterator[str]:
    """“ (word)”, “ (word 2)”, “ (word 3)” …"""
    yield f" ({word})"
    yield from (f" ({word} {number})" for number in count(2))


def copies() -> Iterator[str]:
    """“ (copy)”, “ (copy 2)” …"""
    yield _(" (copy)")
    yield from (_(" (copy %(number)d)") % {"number": number} for number in count(2))
