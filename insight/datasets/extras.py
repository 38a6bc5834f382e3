"""Entries that other modules put on the page of a dataset, and marks that they put beside its name."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import Any

from django.db.models import QuerySet, Value

from cdp.core.access import Access
from cdp.core.registry import Registry
from insight.datasets.models import Dataset


@dataclass(frozen=True)
class Entry:
    """An entry of the menu. `dot` marks it as something to be looked at."""

    label: Any
    icon: str
    url: str
    dot: bool = False


@dataclass(frozen=True)
class Extra:
    """`entries` are those for one dataset; `marks` is a condition, over datasets, of having something to be seen."""

    key: str
    entries: Callable[[Access, Dataset], Iterable[Entry]]
    marks: Callable[[], Any]


EXTRAS: Registry[Extra] = Registry("dataset extra")


def register(extra: Extra) -> Extra:
    """Called in AppConfig.ready."""
    return EXTRAS.add(extra.key, extra)


def entries(access: Access, dataset: Dataset) -> list[Entry]:
    return [entry for extra in EXTRAS for entry in extra.entries(access, dataset)]


def with_marks(rows: QuerySet[Dataset]) -> QuerySet[Dataset]:
    """The datasets with `is_marked`."""
    conditions = [extra.marks() for extra in EXTRAS]
    return rows.annotate(is_marked=reduce(or_, conditions) if conditions else Value(False))
