"""B11: server time and number of queries of every console page and API list, on a full workspace."""

from __future__ import annotations

import logging
import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.core.cache import cache
from django.db import connection
from django.test import Client, override_settings
from django.test.utils import CaptureQueriesContext

from bench.full import FULL, fill
from bench.measure import Result
from bench.urls import EMPTY
from cdp.demo.load import finish
from cdp.jobs.models import Job
from tests.factories import make_token
from tests.walking.full import Full, addresses, make_full

LIMIT = 0.1
"""Seconds of server time at the 95th percentile."""
BACKEND = "admin_center.members.backends.NameOrEmailBackend"
STREAMS = ("w/jobs/<str:job_id>/events/", "w/jobs/{job_id}/events/")
"""Answers without an end."""
SHOWN = 10
SMALL = 6


@dataclass
class Page:
    """One address. `queries` are counted on the small and on the full workspace."""

    place: str
    path: str
    seconds: list[float]
    queries: tuple[int, int]

    @property
    def is_constant(self) -> bool:
        return self.queries[0] == self.queries[1]


def console_pages(scale: float, repetitions: int) -> list[Result]:
    """All pages and lists. The scale does not matter here: a full workspace is always the same size."""
    pages, empty = walk(
        {name: max(2, int(size * min(scale * 10, 1))) for name, size in FULL.items()}, repetitions
    )
    times = [seconds for page in pages for seconds in page.seconds]
    result = Result(
        "B11",
        "console pages and API lists, full workspace",
        "95th percentile of all requests",
        {"pages": len(pages), "requests": len(times), **FULL},
        seconds={
            "95th percentile of all requests": percentile(times, 95),
            "median of all requests": statistics.median(times),
            "the framework's empty page": statistics.median(empty),
        },
        limits={"95th percentile of all requests": LIMIT},
    )
    slowest = sorted(pages, key=lambda page: -statistics.median(page.seconds))[:SHOWN]
    result.notes = [
        f"{page.path.split('/', 3 if page.path.startswith('/w/') else 5)[-1]}: median "
        f"{statistics.median(page.seconds) * 1000:.0f} ms, {page.queries[1]} queries"
        for page in slowest
    ]
    growing = [page for page in pages if not page.is_constant]
    result.notes.append(f"Most queries on one page: {max(page.queries[1] for page in pages)}.")
    result.notes += [
        f"Not constant: {page.path}: {page.queries[0]} → {page.queries[1]} queries" for page in growing
    ]
    return [result]


def walk(sizes: dict[str, int], repetitions: int) -> tuple[list[Page], list[float]]:
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
            pages.append(Page(place, path, times, (small[path] or 0, counted)))
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


def _timed(browser: Client, path: str, headers: dict[str, str]) -> float:
    started = time.perf_counter()
    _get(browser, path, headers)
    return time.perf_counter() - started


def percentile(values: list[float], percent: int) -> float:
    """The value that `percent` of a hundred do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, round(len(ordered) * percent / 100))]


def _run_jobs() -> None:
    while job := Job.objects.filter(status=Job.Status.QUEUED).order_by("created_at").first():
        finish(job)
