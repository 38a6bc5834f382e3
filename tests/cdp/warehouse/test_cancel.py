"""A newer request interrupts the older one of its token, in whatever process either of them runs."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.core.cache import cache
from redis.exceptions import ConnectionError as NoRedis

from cdp.core.errors import Cancelled
from cdp.warehouse import cancel, cancellable
from tests.processes import script


@pytest.fixture(autouse=True)
def _redis(db: None) -> None:
    """The real one, emptied."""


def stopped(scope: cancel.CancelScope, seconds: float = 30) -> bool:
    """Whether the query of a scope is told to stop within the time."""
    told = threading.Event()
    key = scope.add(told.set)
    try:
        return told.wait(seconds)
    finally:
        scope.remove(key)


def elsewhere(token: str) -> int:
    """Another process that begins and ends a request with the token."""
    return script(f"from cdp.warehouse import cancellable\nwith cancellable({token!r}): pass")


def test_a_newer_request_of_another_process_stops_the_older_one() -> None:
    with cancellable("page-1") as scope:
        other = threading.Thread(target=elsewhere, args=("page-1",))
        other.start()
        assert stopped(scope, 120) and scope.cancelled
        other.join(120)
        with pytest.raises(Cancelled), cancel.interruptible(lambda: None):
            raise AssertionError("A query of an outdated request has begun.")


def test_requests_of_other_tokens_and_of_none_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cancel, "LOOK_SECONDS", 0.01)
    with cancellable("page-1") as one, cancellable("page-2") as two, cancellable("") as none:
        with cancellable(""), cancellable("page-3"):
            assert not stopped(one, 0.2)
        assert not (one.cancelled or two.cancelled or none.cancelled)


def test_a_request_that_has_ended_is_watched_no_longer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cancel, "LOOK_SECONDS", 0.01)
    with cancellable("page-1"):
        pass
    for thread in threading.enumerate():
        if thread.name == "watch-newer-query":
            thread.join(10)
            assert not thread.is_alive()


def test_without_redis_requests_of_one_process_still_replace_each_other(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def refuse(*_args: Any, **_more: Any) -> None:
        raise NoRedis

    monkeypatch.setattr(cache, "set", refuse)
    with cancellable("page-1") as older, cancellable("page-1") as newer:
        assert older.cancelled and not newer.cancelled
