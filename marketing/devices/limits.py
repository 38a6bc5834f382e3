"""A brake on registering: one network address can do it so often a minute and no more."""

from __future__ import annotations

import hashlib

from django.core.cache import cache

CALLS = 30
SECONDS = 60


def is_too_much(ip: str | None, site: str) -> bool:
    """Counts the call. The count begins anew a minute after the first."""
    name = f"push-registrations:{hashlib.sha256(f'{site} {ip}'.encode()).hexdigest()[:32]}"
    if cache.add(name, 1, SECONDS):
        return False
    try:
        return cache.incr(name) > CALLS
    except ValueError:
        # It ended between the two calls.
        cache.set(name, 1, SECONDS)
        return False
