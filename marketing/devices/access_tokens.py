"""Tokens by which push services know us, kept between calls and shared by all workers, encrypted."""

from __future__ import annotations

import hashlib
from collections.abc import Callable

from django.core.cache import cache

from cdp.crypto.at_rest import CannotDecrypt, decrypt_text, encrypt_text

SPARE_SECONDS = 300
"""So long before its end a token is not used any more."""


class Kept:
    """The token of one channel with these settings. `make` gives a new one and for how many seconds it is good."""

    def __init__(self, channel: str, settings: str, make: Callable[[], tuple[str, float]]) -> None:
        digest = hashlib.sha256(settings.encode()).hexdigest()[:32]
        self._name = f"push-access:{channel}:{digest}"
        self._make = make

    def get(self, *, instead_of: str = "") -> str:
        """A token; another one than `instead_of`, which has been refused."""
        kept = cache.get(self._name)
        if kept:
            try:
                token = decrypt_text(str(kept))
            except CannotDecrypt:
                token = ""
            if token and token != instead_of:
                return token
        token, seconds = self._make()
        if seconds > SPARE_SECONDS:
            cache.set(self._name, encrypt_text(token), int(seconds - SPARE_SECONDS))
        return token
