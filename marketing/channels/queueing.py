"""Going through the providers that have queues, one reader to each."""

from __future__ import annotations

import logging
from collections.abc import Callable

from django.core.cache import cache

from cdp.core.errors import DomainError
from marketing.channels.base import Queueing, provider_type
from marketing.channels.models import Channel, Provider

log = logging.getLogger(__name__)
LOCK_SECONDS = 600


def each(what: str, read: Callable[[Provider, Queueing], int]) -> int:
    """Let `read` at the queue of each provider that nobody else reads now; the sum of its answers.

    A shared provider has one queue for all of its workspaces. One that fails keeps none of the others.
    """
    rows = {row.line: row for row in Provider.objects.filter(channel=Channel.SMS).select_related("workspace")}
    done = 0
    for line, provider in rows.items():
        kind = provider_type(provider)
        lock = f"queue:{what}:{line}"
        if not isinstance(kind, Queueing) or not cache.add(lock, True, LOCK_SECONDS):
            continue
        try:
            done += read(provider, kind)
        except DomainError as error:
            log.warning("The queue of %s of provider %s cannot be read: %s", what, provider.pk, error)
        finally:
            cache.delete(lock)
    return done
