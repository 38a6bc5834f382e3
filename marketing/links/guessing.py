"""A brake on trying out codes: whoever asks for many unknown ones gets no answer for a while."""

from __future__ import annotations

import hashlib

from django.core.cache import cache

MISSES = 30
SECONDS = 60


def _name(ip: str) -> str:
    return f"short-link-misses:{hashlib.sha256(ip.encode()).hexdigest()[:32]}"


def is_blocked(ip: str | None) -> bool:
    return ip is not None and cache.get(_name(ip), 0) >= MISSES


def note_miss(ip: str | None) -> None:
    """Count an unknown code; the count begins anew a minute after the first."""
    if ip is None or cache.add(_name(ip), 1, SECONDS):
        return
    try:
        cache.incr(_name(ip))
    except ValueError:
        # It ended between the two calls.
        cache.set(_name(ip), 1, SECONDS)
