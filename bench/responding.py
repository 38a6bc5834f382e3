"""How quickly the console answers while something else goes on: a web server of its own, asked all the time."""

from __future__ import annotations

import statistics
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import requests
from django.conf import settings
from django.test import Client

from cdp.runtime import ports
from tests.processes import eventually, process

BACKEND = "admin_center.members.backends.NameOrEmailBackend"
PAUSE = 0.1
"""Seconds between two questions: one person who clicks without rest."""
START_SECONDS = 120


@dataclass
class Answers:
    """Seconds of each answer, by the time at which it was asked for."""

    url: str
    """Of the web server."""
    asked: list[float] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    def between(self, first: float, last: float) -> str:
        """Median and 95th percentile of what was asked for in a time (`time.perf_counter`), in words."""
        found = [took for at, took in zip(self.asked, self.seconds, strict=True) if first <= at < last]
        if len(found) < 2:
            return f"{len(found)} answers"
        p95 = statistics.quantiles(found, n=20)[-1]
        return f"median {statistics.median(found) * 1000:.0f} ms, p95 {p95 * 1000:.0f} ms of {len(found):,} answers"


@contextmanager
def asked(access: Any, paths: Sequence[str]) -> Iterator[Answers]:
    """Console pages of the person's workspace, opened one after the other until the end. Any but 200 is an error."""
    port = ports.free_port(None)
    url = f"http://{ports.LOOPBACK}:{port}"
    command = ["-m", "uvicorn", "cdp.asgi:application", "--port", str(port)]
    options = ["--lifespan", "off", "--no-access-log", "--log-level", "error"]
    answers, over, failures = Answers(url), threading.Event(), []

    def ask() -> None:
        with requests.Session() as person:
            person.cookies.update(_signed_in(access))
            while not over.is_set():
                for path in paths:
                    begun = time.perf_counter()
                    answer = person.get(f"{url}/w/{access.workspace.slug}/{path}", timeout=60)
                    answers.seconds.append(time.perf_counter() - begun)
                    answers.asked.append(begun)
                    if answer.status_code != 200:
                        failures.append(f"{path}: {answer.status_code}")
                        return
                    if over.wait(PAUSE):
                        return

    with process(*command, *options, BASE_URL=url):
        try:
            wait(f"{url}/health/live")
            thread = threading.Thread(target=ask, daemon=True)
            thread.start()
            yield answers
            over.set()
            thread.join(60)
        finally:
            over.set()
    if failures:
        raise AssertionError(f"The console did not answer: {failures[0]}")


def _signed_in(access: Any) -> dict[str, str]:
    client = Client()
    client.force_login(access.user, backend=BACKEND)
    return {settings.SESSION_COOKIE_NAME: client.cookies[settings.SESSION_COOKIE_NAME].value}


def wait(url: str) -> None:
    """Until what is there answers well."""
    eventually(lambda: _answers(url), START_SECONDS)


def _answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=5).ok
    except requests.RequestException:
        return False
