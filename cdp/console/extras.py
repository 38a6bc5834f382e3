"""Entries that other modules put on the page of an object, and marks that they put beside its name in lists."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Any

from django.db.models import QuerySet, Value

from cdp.core.access import Access
from cdp.core.registry import Registry


@dataclass(frozen=True)
class Entry:
    """An entry of the menu. `dot` marks it, and the menu, as something to be looked at."""

    label: Any
    icon: str
    url: str
    dot: bool = False


@dataclass(frozen=True)
class _Extra:
    entries: Callable[[Access, Any], Iterable[Entry]]
    marks: Callable[[], Any] | None


class Extras:
    """What modules have to add to one kind of objects."""

    def __init__(self, what: str) -> None:
        self._extras: Registry[_Extra] = Registry(what)

    def add(
        self,
        key: str,
        entries: Callable[[Access, Any], Iterable[Entry]],
        marks: Callable[[], Any] | None = None,
    ) -> None:
        """Called in AppConfig.ready. `entries` are those for one object; `marks` gives a condition, over objects, of
        having something to be seen.
        """
        self._extras.add(key, _Extra(entries, marks))

    def entries(self, access: Access, obj: Any) -> list[Entry]:
        return [entry for extra in self._extras for entry in extra.entries(access, obj)]

    def with_marks(self, rows: QuerySet[Any]) -> QuerySet[Any]:
        """The objects with `is_marked`."""
        conditions = [extra.marks() for extra in self._extras if extra.marks]
        return rows.annotate(is_marked=reduce(or_, conditions) if conditions else Value(False))
