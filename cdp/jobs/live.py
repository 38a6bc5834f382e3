"""Live progress: workers publish each change of a job on Redis, pages listen by server-sent events."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import redis
import redis.asyncio
from django.conf import settings
from django.core.serializers.json import DjangoJSONEncoder

if TYPE_CHECKING:
    from cdp.jobs.models import Job

log = logging.getLogger(__name__)
_client: redis.Redis | None = None
HEARTBEAT_SECONDS = 15


def _channel(job_id: str) -> str:
    return f"job:{job_id}"


def publish(job: Job) -> None:
    """Tell listening pages. A page that misses it reads the row again, so a Redis failure is only logged."""
    global _client
    if _client is None:
        _client = redis.Redis.from_url(settings.REDIS_URL)
    try:
        _client.publish(_channel(job.pk), json.dumps(job.for_page(), cls=DjangoJSONEncoder))
    except redis.RedisError:
        log.warning("Progress of %s could not be published.", job.pk, exc_info=True)


async def events(job: Job) -> AsyncIterator[str]:
    """Server-sent events `job` with the job's JSON: the present state, then each change until it ends."""
    client = redis.asyncio.Redis.from_url(settings.REDIS_URL)
    listener = client.pubsub()
    try:
        await listener.subscribe(_channel(job.pk))
        # Read after subscribing: a change between the two is then seen twice instead of never.
        await job.arefresh_from_db()
        yield _event(json.dumps(job.for_page(), cls=DjangoJSONEncoder))
        active = job.is_active
        while active:
            message = await listener.get_message(ignore_subscribe_messages=True, timeout=HEARTBEAT_SECONDS)
            if message is None:
                yield ": still here\n\n"
                continue
            data = message["data"].decode()
            yield _event(data)
            active = json.loads(data)["status"] in ("queued", "running")
    except asyncio.CancelledError:
        raise
    finally:
        await listener.aclose()
        await client.aclose()


def _event(data: str) -> str:
    return f"event: job\ndata: {data}\n\n"
