"""Request limits of the API, per token (or per person for the console's own calls)."""

from __future__ import annotations

import math
import time
from typing import Any

from rest_framework.request import Request
from rest_framework.throttling import SimpleRateThrottle


class TokenThrottle(SimpleRateThrottle):
    """A sliding window per token. What is left is told in `RateLimit-*` headers (see `headers`)."""

    scope = "token"

    def get_cache_key(self, request: Request, view: Any) -> str | None:
        if not request.user or not request.user.is_authenticated:
            return None
        who = getattr(request.auth, "pk", None) or f"user-{request.user.pk}"
        return self.cache_format % {"scope": self.scope, "ident": who}

    def allow_request(self, request: Request, view: Any) -> bool:
        allowed = super().allow_request(request, view)
        request._request.rate_limit = self.state(allowed)  # type: ignore[attr-defined]
        return allowed

    def state(self, allowed: bool) -> dict[str, str] | None:
        """Header values: the limit, the requests left in the window, and seconds until one becomes free."""
        history = getattr(self, "history", None)
        if history is None or self.num_requests is None:
            return None
        left = max(0, self.num_requests - len(history)) if allowed else 0
        oldest = history[-1] if history else time.time()
        reset = max(0, math.ceil(oldest + self.duration - time.time()))
        return {
            "RateLimit-Limit": str(self.num_requests),
            "RateLimit-Remaining": str(left),
            "RateLimit-Reset": str(reset),
        }
