"""Fetching returned mails from the providers' bounce mailboxes."""

from __future__ import annotations

import logging

from django.core.cache import cache
from django.db import DataError
from django.utils import timezone

from cdp.core.errors import DomainError
from marketing.channels import mailbox
from marketing.channels.models import Provider
from marketing.delivery.bounces import applying, parsing

log = logging.getLogger(__name__)
LOCK_SECONDS = 600


def read_all() -> int:
    """Read every mailbox; returns how many reports changed something. One that fails keeps none of the others."""
    rows = Provider.objects.filter(channel=Provider.Channel.EMAIL, type="smtp").select_related("workspace")
    boxes = {row.line: row for row in rows if row.config.get("imap_host")}
    return sum(read(row) for row in boxes.values())


def read(provider: Provider) -> int:
    """Read the provider's mailbox unless somebody is at it. What went wrong is kept on the provider."""
    key = f"bounces:{provider.line}"
    if not cache.add(key, True, LOCK_SECONDS):
        return 0
    error, taken = "", 0
    try:
        with mailbox.opened(provider) as folder:
            for number in folder.unread():
                # Marked after it is taken in: should this die in between, the mail is read again and changes nothing.
                try:
                    taken += take_in(provider, folder.fetch(number))
                except (DataError, ValueError, LookupError):
                    # One mail that nobody can read must not keep those behind it.
                    log.exception("A mail in the bounce mailbox of provider %s cannot be read.", provider.pk)
                folder.mark_read(number)
    except (DomainError, UnicodeError) as failure:
        error = str(failure)[:500]
        log.warning("Bounce mailbox of provider %s: %s", provider.pk, error)
    finally:
        cache.delete(key)
    provider.alike().update(mailbox_checked_at=timezone.now(), mailbox_error=error)
    return taken


def take_in(provider: Provider, raw: bytes) -> bool:
    """Whether this mail is a report that changed something, in whichever workspace has the server."""
    returned = parsing.read(raw)
    return returned is not None and any(applying.apply(row, returned) for row in provider.alike())
