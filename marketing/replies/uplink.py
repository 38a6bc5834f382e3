"""Fetching replies from the queues of platforms that have such, for the workspace that each one answers to."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from cdp.core.identifiers import ID_TYPES
from marketing.channels import queueing
from marketing.channels.base import Queueing
from marketing.channels.models import Channel, Provider
from marketing.channels.targets import target_hash
from marketing.content.models import Signature
from marketing.delivery.models import Recipient
from marketing.replies import receiving

log = logging.getLogger(__name__)


def read_all() -> int:
    """Read every queue of replies; returns how many were new."""
    return queueing.each("replies", _read)


def _read(provider: Provider, kind: Queueing) -> int:
    return sum(take_in(provider, given) for page in kind.uplink(provider) for given in page)


def take_in(provider: Provider, given: Mapping[str, Any]) -> bool:
    """Keep a reply where it belongs; False where it is known or none."""
    try:
        _message, new = receiving.receive(answered(provider, given), given)
    except receiving.Unreadable as error:
        log.warning("A reply of provider %s cannot be read: %s", provider.pk, error)
        return False
    return new


def answered(provider: Provider, given: Mapping[str, Any]) -> Provider:
    """Of the workspaces that share a provider the one that wrote to the number last, with the signature if it can be.

    Where none has, the one that has the signature.
    """
    rows = list(provider.alike().order_by("created_at"))
    mobile = ID_TYPES["mobile"].normalise(str(given.get("phoneNum") or ""))
    if len(rows) < 2 or mobile is None:
        return provider
    by_hash = {target_hash(row.workspace_id, Channel.SMS, mobile): row for row in rows}
    signature = receiving.signature_in(given)
    written = Recipient.objects.filter(
        person_hash__in=by_hash, send_out__provider__in=rows, handed_at__isnull=False
    ).order_by("-handed_at")
    last = written.filter(send_out__signature__text=signature).first() or written.first()
    if last is not None:
        return by_hash[last.person_hash]
    known = Signature.objects.filter(provider__in=rows, text=signature).values_list("provider", flat=True)
    return next((row for row in rows if row.pk in set(known)), provider)
