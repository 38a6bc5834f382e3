"""Domain errors that no view caught: a page or a toast that says what happened, never a stack trace."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from cdp.core.errors import DomainError


class DomainErrorMiddleware:
    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: Any, error: Exception) -> HttpResponse | None:
        if not isinstance(error, DomainError) or request.path.startswith("/api/"):
            return None
        if request.htmx:
            # htmx leaves the page as it is and shows the toast that this event asks for.
            response = HttpResponse(str(error), status=error.status, content_type="text/plain; charset=utf-8")
            response.headers["HX-Reswap"] = "none"
            toast = {"toast": {"level": "error", "text": str(error)}}
            response.headers["HX-Trigger"] = json.dumps(toast)
            return response
        return error_page(request, error.status, str(error.title), str(error))


def error_page(request: HttpRequest, status: int, title: str, detail: str) -> HttpResponse:
    """The shell's error page; outside of a workspace without navigation."""
    template = "console/error.html" if getattr(request, "access", None) else "console/error_plain.html"
    return render(request, template, {"status": status, "title": title, "detail": detail}, status=status)


def flash(request: HttpRequest, text: Any, level: int = messages.SUCCESS) -> None:
    """A message on the next page."""
    messages.add_message(request, level, str(text))
