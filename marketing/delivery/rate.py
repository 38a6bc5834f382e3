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
# Takes one message where the bucket holds one; otherwise takes nothing and answers the seconds until it does.
_TRY = """
local level = redis.call('HMGET', KEYS[1], 'tokens', 'at')
local time = redis.call('TIME')
local now = tonumber(time[1]) + tonumber(time[2]) / 1000000
local rate, burst = tonumber(ARGV[1]), tonumber(ARGV[2])
local tokens = math.min(burst, tonumber(level[1] or burst) + (now - tonumber(level[2] or now)) * rate)
local wait = 0
if tokens >= 1 then tokens = tokens - 1 else wait = (1 - tokens) / rate end
redis.call('HSET', KEYS[1], 'tokens', tokens, 'at', now)
redis.call('EXPIRE', KEYS[1], math.ceil(burst / rate) + 3600)
return tostring(wait)
"""
_client: redis.Redis | None = None


def take(key: str, *, per_second: float, wanted: int = 1) -> float:
    """Take `wanted` messages from the bucket; returns the seconds the caller must wait before sending them."""
    return float(_connected().eval(_TAKE, 1, f"rate:{key}", per_second, max(1.0, per_second), wanted))


def try_take(key: str, *, per_second: float) -> float:
    """Take one message if there is one (0); otherwise the seconds until there is, and nothing is taken."""
    return float(_connected().eval(_TRY, 1, f"rate:{key}", per_second, max(1.0, per_second)))


def _connected() -> redis.Redis:
    global _client
    if _client is None:
        _client = redis.Redis.from_url(settings.REDIS_URL)
    return _client


def wait(seconds: float, check: Callable[[], None]) -> None:
    """Wait, looking once a second whether the send-out was paused or cancelled."""
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        time.sleep(min(left, 1.0))
        check()
