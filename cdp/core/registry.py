"""Registries: how a lower layer learns of what higher ones offer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Generic, TypeVar

T = TypeVar("T")


class Registry(Generic[T]):
    """Named things, each registered once, listed in the order of registration."""

    def __init__(self, what: str) -> None:
        self.what = what
        self._items: dict[str, T] = {}

    def add(self, key: str, item: T) -> T:
        if self._items.get(key, item) is not item:
            raise ValueError(f"{self.what} {key!r} is registered twice.")
        self._items[key] = item
        return item

    def register(self, key: str) -> Callable[[T], T]:
        """Decorator form of `add`."""
        return lambda item: self.add(key, item)

    def get(self, key: str) -> T | None:
        return self._items.get(key)

    def __getitem__(self, key: str) -> T:
        try:
            return self._items[key]
        except KeyError:
            raise KeyError(f"No {self.what} is registered as {key!r}.") from None

    def __contains__(self, key: object) -> bool:
        return key in self._items

    def __iter__(self) -> Iterator[T]:
        return iter(self._items.values())

    def keys(self) -> list[str]:
        return list(self._items)
