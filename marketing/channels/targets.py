"""Targets: the address or number that a message goes to, and the keyed hash that stands for it."""

from __future__ import annotations

import hmac

from django.conf import settings

from marketing.channels.models import Provider


def target_hash(workspace_id: str, channel: str, target: str) -> str:
    """Keyed hash of a normalised target (hex, 64 characters); the same target always gives the same hash.

    Keyed with HASH_KEY, so that a copy of the database alone does not reveal phone numbers by trying them all.
    Addresses that differ in case alone have the same hash: hardly any server tells their mailboxes apart.
    """
    same = target.lower() if channel == Provider.Channel.EMAIL else target
    message = "\n".join((workspace_id, channel, same)).encode()
    return hmac.digest(settings.HASH_KEY.encode(), message, "sha256").hex()
