"""The product's addresses, and a page with nothing on it to compare with."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.urls import path

from cdp.urls import handler400, handler403, handler404, handler500
from cdp.urls import urlpatterns as product

EMPTY = "bench/empty/"


def empty(request: HttpRequest) -> HttpResponse:
    """Goes through every middleware and reads who is signed in."""
    return HttpResponse("yes" if request.user.is_authenticated else "no")


urlpatterns = [path(EMPTY, empty), *product]
__all__ = ["handler400", "handler403", "handler404", "handler500", "urlpatterns"]
