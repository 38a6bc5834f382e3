"""Interrupting queries that nobody waits for any more.

A page that counts while the person edits sends a token with each request. A newer request with the same token
interrupts the older one inside the engine, so that outdated counts never queue up.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from django.utils.translation import gettext as _

from cdp.core.errors import Cancelled

RETRY_SECONDS = 0.05
_lock = threading.Lock()
_running: dict[str, CancelScope] = {}
_current: ContextVar[CancelScope | None] = ContextVar("cancel_scope", default=None)


class CancelScope:
    """The queries of one request: `interrupt` stops the running ones and refuses further ones."""

    def __init__(self) -> None:
        self.cancelled = False
        self._interrupts: dict[int, Callable[[], None]] = {}
        self._lock = threading.Lock()

    def interrupt(self) -> None:
        """Stop the running queries, and go on until they have ended.

        An engine forgets an interruption that comes just before a query begins, so one call is not enough.
        """
        with self._lock:
            self.cancelled = True
            if not self._interrupts:
                return
        threading.Thread(target=self._insist, name="cancel-queries", daemon=True).start()

    def _insist(self) -> None:
        while True:
            with self._lock:
                if not self._interrupts:
                    return
                for stop in self._interrupts.values():
                    stop()
            time.sleep(RETRY_SECONDS)

    def add(self, stop: Callable[[], None]) -> int:
        with self._lock:
            self._interrupts[id(stop)] = stop
        return id(stop)

    def remove(self, key: int) -> None:
        with self._lock:
            self._interrupts.pop(key, None)


@contextmanager
def interruptible(stop: Callable[[], None]) -> Iterator[None]:
    """A query that `stop` ends, as one of the request that runs here. Raises Cancelled where that is outdated."""
    scope = _current.get()
    if scope is None:
        yield
        return
    key = scope.add(stop)
    try:
        if scope.cancelled:
            raise Cancelled(_("A newer request has replaced this one."))
        yield
    finally:
        scope.remove(key)


@contextmanager
def cancellable(token: str) -> Iterator[CancelScope]:
    """Queries inside the block stop with `Cancelled` as soon as another block with the same token begins."""
    scope = CancelScope()
    with _lock:
        older = _running.get(token)
        _running[token] = scope
    if older is not None:
        older.interrupt()
    marker = _current.set(scope)
    try:
        yield scope
    finally:
        _current.reset(marker)
        with _lock:
            if _running.get(token) is scope:
                del _running[token]
