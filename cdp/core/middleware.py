"""Request middleware of the kernel."""

from __future__ import annotations

import re
import time
import uuid
from collections.abc import Callable

from django.core.exceptions import BadRequest
from django.http import HttpRequest, HttpResponse

from cdp.core import metrics
from cdp.core.logs import correlation_id

_GIVEN = re.compile(r"[A-Za-z0-9._-]{8,64}")


class CorrelationIdMiddleware:
    """Takes or makes the request's correlation ID, returns it as `X-Request-ID`, and measures the request."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        given = request.headers.get("X-Request-ID", "")
        identifier = given if _GIVEN.fullmatch(given) else uuid.uuid4().hex
        token = correlation_id.set(identifier)
        started = time.perf_counter()
        try:
            response = self.get_response(request)
        finally:
            correlation_id.reset(token)
        seconds = time.perf_counter() - started
        match = request.resolver_match
        metrics.REQUESTS.labels(
            match.view_name if match else "none", request.method, response.status_code
        ).observe(seconds)
        response.headers["X-Request-ID"] = identifier
        response.headers["Server-Timing"] = f"app;dur={seconds * 1000:.1f}"
        return response


class NoNulMiddleware:
    """Refuses addresses with the character NUL: the database holds it in no text, so nothing is found by it.

    Pages outside of the console and the API answer them as any other address that was never given out.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        inside = request.path.startswith(("/w/", "/api/", "/organization/"))
        if inside and ("\0" in request.path or "%00" in request.META.get("QUERY_STRING", "")):
            raise BadRequest("NUL in the address")
        return self.get_response(request)
