"""Writing replies to the return sources of their platforms: once each, and again until the database takes them."""

from __future__ import annotations

from typing import Any

from django.core.cache import cache
from django.db import transaction

from cdp.core.errors import DomainError
from marketing.channels import return_source
from marketing.channels.models import Provider
from marketing.replies.models import InboundMessage

PER_CALL = 500
_LOCK, _LOCK_SECONDS = "replies-returning", 600


def write_all() -> int:
    """Write what waits; returns how many. What a database does not take stays, and its provider says why."""
    if not cache.add(_LOCK, True, _LOCK_SECONDS):
        return 0
    try:
        waiting = InboundMessage.objects.filter(raw__isnull=False)
        keys = waiting.order_by().values_list("provider", flat=True).distinct()
        rows = Provider.objects.filter(pk__in=keys).select_related("workspace", "shared")
        return sum(_of_provider(provider) for provider in rows)
    finally:
        cache.delete(_LOCK)


def waiting(provider: Provider) -> int:
    """So many replies of a provider are still to be written to its return source."""
    return InboundMessage.objects.filter(provider=provider, raw__isnull=False).count()


def _of_provider(provider: Provider) -> int:
    rows = InboundMessage.objects.filter(provider=provider, raw__isnull=False).order_by("received_at")
    if not return_source.of(provider):
        # Nobody wants them there any more.
        rows.update(raw=None)
        return 0
    done, error = 0, ""
    try:
        source = return_source.find(provider)
        while page := list(rows[:PER_CALL]):
            return_source.write(source, [_as_row(row) for row in page])
            with transaction.atomic():
                InboundMessage.objects.filter(pk__in=[row.pk for row in page]).update(raw=None)
            done += len(page)
    except DomainError as problem:
        error = str(problem)[:500]
    if provider.return_error != error:
        Provider.objects.filter(pk=provider.pk).update(return_error=error)
    return done


def _as_row(row: InboundMessage) -> dict[str, Any]:
    return {
        "id": row.pk,
        "workspace_id": row.workspace_id,
        "phone": row.mobile,
        "content": row.text,
        "sign_name": row.signature_text,
        "dest_code": row.extension,
        "received_at": row.received_at,
        "raw": row.raw,
    }
