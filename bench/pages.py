"""B11: server time and number of queries of every console page and API list, on a full workspace."""

from __future__ import annotations

import logging
import math
import statistics
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from time import perf_counter, process_time
from typing import Any

from django.core.cache import cache
from django.db import connection
from django.test import Client, override_settings
from django.test.utils import CaptureQueriesContext

from bench.full import FULL, fill
from bench.measure import Result
from bench.urls import EMPTY
from cdp.demo.steps import finish
from cdp.jobs.models import Job
from tests.factories import make_token
from tests.walking.addresses import addresses
from tests.walking.full import Full, make_full

LIMIT = 0.1
"""Seconds of server time at the 95th percentile."""
BACKEND = "admin_center.members.backends.NameOrEmailBackend"
STREAMS = ("w/jobs/<str:job_id>/events/", "w/jobs/{job_id}/events/")
"""Answers without an end."""
SHOWN = 10
SMALL = 6


@dataclass(frozen=True)
class Time:
    """One request: how long it took, and the processor time of this process (the database's is not in it)."""

    seconds: float
    processor: float


@dataclass(frozen=True)
class Page:
    """One address. `queries` are counted on the small and on the full workspace."""

    place: str
    times: list[Time]
    queries: tuple[int, int]

    @property
    def median(self) -> float:
        return statistics.median(time.seconds for time in self.times)

    @property
    def is_constant(self) -> bool:
        return self.queries[0] == self.queries[1]


def console_pages(scale: float, repetitions: int) -> list[Result]:
    """All pages and lists. From scale 0.1 on the workspace is full, below it has a part of that."""
    sizes = {name: max(SMALL, int(size * min(scale * 10, 1))) for name, size in FULL.items()}
    pages, empty = walk(sizes, repetitions)
    times = [time for page in pages for time in page.times]
    seconds = [time.seconds for time in times]
    result = Result(
        "B11",
        "console pages and API lists, full workspace",
        "all pages, 95th percentile",
        {"pages": len(pages), "requests": len(times), **sizes},
        seconds={
            "all pages, 95th percentile": percentile(seconds, 95),
            "all pages, median": statistics.median(seconds),
            "empty page, 95th percentile": percentile([time.seconds for time in empty], 95),
            "empty page, median": statistics.median(time.seconds for time in empty),
        },
        processor={
            "all pages, 95th percentile": percentile([time.processor for time in times], 95),
            "all pages, median": statistics.median(time.processor for time in times),
            "empty page, 95th percentile": percentile([time.processor for time in empty], 95),
            "empty page, median": statistics.median(time.processor for time in empty),
        },
        limits={"all pages, 95th percentile": LIMIT},
    )
    slowest = sorted(pages, key=lambda page: -page.median)[:SHOWN]
    most = max(pages, key=lambda page: page.queries[1])
    result.notes = [
        *(f"{page.place}: median {page.median * 1000:.0f} ms, {page.queries[1]} queries" for page in slowest),
        f"Most queries: {most.queries[1]}, {most.place}.",
        *(
            f"Not constant: {page.place}: {page.queries[0]} queries in a small workspace, {page.queries[1]} in this"
            for page in pages
            if not page.is_constant
        ),
    ]
    return [result]


def walk(sizes: dict[str, int], repetitions: int) -> tuple[list[Page], list[Time]]:
    """Every page that answers 200 to GET, downloads left out, and the times of an empty page.

    Queries are counted on a small workspace too, with few enough objects for one page and all kinds of them.
    """
    with override_settings(ROOT_URLCONF="bench.urls", ALLOWED_HOSTS=["testserver"]), _quiet():
        full = make_full(_run_jobs)
        browser, headers = _clients(full)
        fill(full.workspace, dict.fromkeys(sizes, SMALL))
        paths = _paths(full)
        small = {path: _queries(browser, path, headers) for _place, path in paths}
        fill(full.workspace, sizes)
        with connection.cursor() as cursor:
            cursor.execute("ANALYZE")
        pages = []
        for place, path in paths:
            if small[path] is None:
                continue
            counted = _queries(browser, path, headers)
            if counted is None:
                raise AssertionError(f"{path} answers no more in a full workspace")
            cache.clear()
            times = [_timed(browser, path, headers) for _number in range(repetitions + 1)][1:]
            pages.append(Page(place, times, (small[path] or 0, counted)))
        empty = [_timed(browser, f"/{EMPTY}", headers) for _number in range(len(pages))]
    return pages, empty


@contextmanager
def _quiet() -> Iterator[None]:
    """No warning for each address that does not answer to GET."""
    log = logging.getLogger("django.request")
    level = log.level
    log.setLevel(logging.ERROR)
    try:
        yield
    finally:
        log.setLevel(level)


def _paths(full: Full) -> list[tuple[str, str]]:
    slug = full.workspace.slug
    found = [
        (address.place, address.path(slug, full.objects))
        for address in addresses()
        if address.place not in STREAMS
    ]
    return [*found, *((f"w/{path}", f"/w/{slug}/{path}") for path in full.more)]


def _clients(full: Full) -> tuple[Client, dict[str, str]]:
    browser = Client(raise_request_exception=True)
    browser.force_login(full.world.access.user, backend=BACKEND)
    return browser, {"HTTP_AUTHORIZATION": f"Bearer {make_token(full.world.access)}"}


def _get(browser: Client, path: str, headers: dict[str, str]) -> Any:
    more: Any = headers if path.startswith("/api/") else {}
    answer: Any = browser.get(path, **more)
    return answer


def _queries(browser: Client, path: str, headers: dict[str, str]) -> int | None:
    """Queries of the second request, when what is cached has been cached; None unless it answers with a page."""
    first = _get(browser, path, headers)
    if first.status_code != 200 or first.streaming:
        return None
    with CaptureQueriesContext(connection) as found:
        _get(browser, path, headers)
    return len(found)


def _timed(browser: Client, path: str, headers: dict[str, str]) -> Time:
    started, processor = perf_counter(), process_time()
    _get(browser, path, headers)
    return Time(perf_counter() - started, process_time() - processor)


def percentile(values: list[float], percent: int) -> float:
    """The value that `percent` of a hundred do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


def _run_jobs() -> None:
    while job := Job.objects.filter(status=Job.Status.QUEUED).order_by("created_at").first():
        finish(job)
