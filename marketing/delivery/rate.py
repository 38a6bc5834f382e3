"""Rate limits shared by all workers: a token bucket per provider or send-out, kept in Redis."""

from __future__ import annotations

import time
from collections.abc import Callable

import redis
from django.conf import settings

# Refills the bucket for the time since the last call, takes what is asked, and answers the seconds to wait until
# the bucket would have held it. It may go below zero, so that callers queue behind each other fairly.
_TAKE = """
local level = redis.call('HMGET', KEYS[1], 'tokens', 'at')
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1000000
local rate, burst, wanted = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local tokens = tonumber(level[1] or burst)
local at = tonumber(level[2] or now)
tokens = math.min(burst, tokens + (now - at) * rate) - wanted
redis.call('HSET', KEYS[1], 'tokens', tokens, 'at', now)
redis.call('EXPIRE', KEYS[1], math.ceil(burst / rate) + 3600)
if tokens >= 0 then return '0' end
return tostring(-tokens / rate)
"""
_client: redis.Redis | None = None


def take(key: str, *, per_second: float, wanted: int = 1) -> float:
    """Take `wanted` messages from the bucket; returns the seconds the caller must wait before sending them."""
    global _client
    if _client is None:
        _client = redis.Redis.from_url(settings.REDIS_URL)
    burst = max(1.0, per_second)
    answer = _client.eval(_TAKE, 1, f"rate:{key}", per_second, burst, wanted)
    return float(answer)


def wait(seconds: float, check: Callable[[], None]) -> None:
    """Wait, looking once a second whether the send-out was paused or cancelled."""
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        time.sleep(min(left, 1.0))
        check()
