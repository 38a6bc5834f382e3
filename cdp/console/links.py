"""Links inside the workspace of the request."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from django.urls import reverse


def ws_reverse(request: HttpRequest, name: str, *args: Any, **kwargs: Any) -> str:
    """`reverse` with the request's workspace filled in."""
    slug = request.workspace.slug  # type: ignore[attr-defined]
    return reverse(name, args=[slug, *args]) if args else reverse(name, kwargs={"workspace": slug, **kwargs})
