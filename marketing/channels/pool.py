"""Several connections to one server that take messages from one queue.

A provider's setting bounds them over all send-outs. The first connection of a send-out is not held up by others, so
that each goes on; further ones are opened as far as there are places and the server takes them.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed, wait
from contextlib import AbstractContextManager, ExitStack, contextmanager
from contextvars import copy_context
from typing import Protocol

from django.core.cache import cache

from marketing.channels.base import Message, Outcome, PersonalSession, ProviderError

PLACE_SECONDS = 300
"""A place that nobody has used for so long is free again: its worker is gone."""
PER_CONNECTION = 5
"""Fewer messages at a time are not worth a further connection."""


class Connection(Protocol):
    def send_one(self, message: Message) -> Outcome:
        """Raises ProviderError where the connection, or every message, is at its end."""


class Pool(PersonalSession):
    """Outcomes come in any order.

    After an error no further message is begun; those under way are finished. A message of which nobody knows whether it
    was taken has the outcome `unknown`; then the gravest error is raised.
    """

    def __init__(
        self,
        connections: Sequence[Connection],
        places: Sequence[str] = (),
        threads: ThreadPoolExecutor | None = None,
    ) -> None:
        self.connections = connections
        self.places = places
        self.threads = threads
        self._touched = time.monotonic()

    def send(self, messages: Sequence[Message]) -> Iterator[Outcome]:
        self._keep_places()
        waiting, errors = deque(messages), list[Exception]()
        if self.threads is None:
            yield from _work(self.connections[0], waiting, threading.Event(), errors)
        else:
            yield from self._at_once(self.threads, waiting, errors)
        if errors:
            raise max(errors, key=_gravity)

    def _keep_places(self) -> None:
        now = time.monotonic()
        if now - self._touched > PLACE_SECONDS / 10:
            self._touched = now
            for place in self.places:
                cache.touch(place, PLACE_SECONDS)

    def _at_once(
        self, threads: ThreadPoolExecutor, waiting: deque[Message], errors: list[Exception]
    ) -> Iterator[Outcome]:
        stop = threading.Event()

        def work(connection: Connection) -> list[Outcome]:
            return list(_work(connection, waiting, stop, errors))

        # Threads begin without the language of the job.
        running = [threads.submit(copy_context().run, work, item) for item in self.connections]
        try:
            for done in as_completed(running):
                yield from done.result()
        finally:
            stop.set()
            wait(running)


def _work(
    connection: Connection, waiting: deque[Message], stop: threading.Event, errors: list[Exception]
) -> Iterator[Outcome]:
    while waiting and not stop.is_set():
        try:
            message = waiting.popleft()
        except IndexError:
            return
        try:
            yield connection.send_one(message)
        except Exception as error:
            stop.set()
            errors.append(error)
            if isinstance(error, ProviderError) and error.uncertain:
                yield Outcome(message.key, "unknown", detail=str(error))


def _gravity(error: Exception) -> tuple[bool, bool, bool]:
    """What nobody foresaw comes first, then what holds for every message, then what may have been taken."""
    if not isinstance(error, ProviderError):
        return True, True, True
    return False, error.code != "connection_lost", error.uncertain


@contextmanager
def opened(
    connect: Callable[[], AbstractContextManager[Connection]], key: str, *, most: int, at_once: int
) -> Iterator[Pool]:
    """A pool for so many messages `at_once`, of at most `most` connections over all pools with the key.

    Raises ProviderError where not even one connection can be had.
    """
    wanted = max(1, min(most, at_once // PER_CONNECTION))
    places = _take_places(key, most, wanted)
    try:
        with ExitStack() as stack:
            connections = [stack.enter_context(connect())]
            while len(connections) < len(places):
                try:
                    connections.append(stack.enter_context(connect()))
                except ProviderError:
                    # The server has let one in: it wants no more of them.
                    break
            for place in places[len(connections) :]:
                cache.delete(place)
            places = places[: len(connections)]
            threads = None
            if len(connections) > 1:
                threads = stack.enter_context(ThreadPoolExecutor(len(connections), "connection"))
            yield Pool(connections, places, threads)
    finally:
        for place in places:
            cache.delete(place)


def _take_places(key: str, most: int, wanted: int) -> list[str]:
    """As many of the places as are free, up to `wanted`."""
    taken: list[str] = []
    for number in range(most):
        place = f"connections:{key}:{number}"
        if len(taken) < wanted and cache.add(place, 1, PLACE_SECONDS):
            taken.append(place)
    return taken
