"""Where the present request comes from, for entries that are written far below the view."""

from __future__ import annotations

from contextvars import ContextVar
from dataclasses import dataclass
from ipaddress import ip_address

from django.conf import settings
from django.http import HttpRequest


@dataclass(frozen=True)
class Origin:
    """`via` is "console" or "api"; outside of requests there is no origin."""

    via: str
    ip: str | None


current: ContextVar[Origin | None] = ContextVar("origin", default=None)


def client_ip(request: HttpRequest) -> str | None:
    """The caller's address; behind a trusted proxy, the one that the nearest proxy saw."""
    address = request.META.get("REMOTE_ADDR", "")
    if settings.SECURE_PROXY_SSL_HEADER:
        address = request.headers.get("X-Forwarded-For", "").rpartition(",")[2].strip() or address
    try:
        return str(ip_address(address))
    except ValueError:
        return None


def of(request: HttpRequest) -> Origin:
    return Origin("api" if "Authorization" in request.headers else "console", client_ip(request))
