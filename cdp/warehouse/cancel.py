"""Interrupting queries that nobody waits for any more.

A page that counts while the person edits sends a token with each request. A newer request with the same token
interrupts the older one inside the engine, so that outdated counts never queue up. The two may be served by different
processes: the newest request of each token is noted in Redis, and whoever runs an older one looks there.
"""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from django.core.cache import cache
from django.utils.translation import gettext as _
from redis.exceptions import RedisError

from cdp.core.errors import Cancelled

log = logging.getLogger(__name__)
RETRY_SECONDS = 0.05
LOOK_SECONDS = 0.1
NOTED_SECONDS = 3600
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
    """Queries inside the block stop with `Cancelled` as soon as another block with the same token begins.

    That may be in another process. A block without a token ("") is never replaced.
    """
    scope = CancelScope()
    ended = threading.Event()
    if token:
        _replace(token, scope, ended)
    marker = _current.set(scope)
    try:
        yield scope
    finally:
        ended.set()
        _current.reset(marker)
        with _lock:
            if _running.get(token) is scope:
                del _running[token]


def _replace(token: str, scope: CancelScope, ended: threading.Event) -> None:
    """Make the scope the newest one of its token, here at once and for other processes within a moment."""
    with _lock:
        older = _running.get(token)
        _running[token] = scope
    if older is not None:
        older.interrupt()
    name, mark = f"newest-query:{token}", uuid.uuid4().hex
    try:
        cache.set(name, mark, NOTED_SECONDS)
    except RedisError:
        # Without Redis an outdated count of another process runs to its end; the newer one is still right.
        log.warning("The newest request of a token could not be noted.", exc_info=True)
        return
    watch = threading.Thread(
        target=_watch, args=(name, mark, scope, ended), name="watch-newer-query", daemon=True
    )
    watch.start()


def _watch(name: str, mark: str, scope: CancelScope, ended: threading.Event) -> None:
    """Interrupt the scope once a newer one is noted. Most queries have ended before the first look."""
    while not ended.wait(LOOK_SECONDS):
        try:
            newest = cache.get(name)
        except RedisError:
            continue
        if newest not in (mark, None):
            scope.interrupt()
            return
