"""Endpoints for orchestrators: is the process alive, and can it serve?"""

from __future__ import annotations

import logging
from collections.abc import Callable

from django.core.cache import cache
from django.db import connection
from django.http import HttpRequest, HttpResponse, JsonResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

log = logging.getLogger(__name__)


def live(request: HttpRequest) -> JsonResponse:
    return JsonResponse({"status": "ok"})


def ready(request: HttpRequest) -> JsonResponse:
    """200 when PostgreSQL, Redis and the lake answer, else 503 with the name of what does not."""
    failed = [name for name, check in _CHECKS.items() if not _passes(name, check)]
    return JsonResponse(
        {"status": "failed" if failed else "ok", "failed": failed}, status=503 if failed else 200
    )


def metrics(request: HttpRequest) -> HttpResponse:
    return HttpResponse(generate_latest(), content_type=CONTENT_TYPE_LATEST)


def _passes(name: str, check: Callable[[], object]) -> bool:
    try:
        check()
    except Exception:
        log.warning("Readiness: %s does not answer.", name, exc_info=True)
        return False
    return True


def _database() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT 1")


def _lake() -> None:
    from cdp import lake

    with lake.cursor() as cursor:
        cursor.execute("SELECT 1")


_CHECKS: dict[str, Callable[[], object]] = {
    "postgresql": _database,
    "redis": lambda: cache.get("health"),
    "lake": _lake,
}
