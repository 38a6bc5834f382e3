"""Addresses that count opens and clicks, unsubscribe, and hand recipients files to platforms.

Tokens are signed and name rows of ours, so a tracking address can only lead to a link of its send-out: it is no open
redirect, and nobody can guess another person's.
"""

from __future__ import annotations

import re
from typing import Any

from django.conf import settings
from django.core import signing
from django.urls import reverse
from django.utils import timezone

from marketing.delivery.models import Engagement, Recipient, SendBatch, Suppression, TrackedLink

_person = signing.Signer(salt="tideline.tracking")
_file = signing.TimestampSigner(salt="tideline.recipients")
FILE_SECONDS = 24 * 3600
_MACHINES = re.compile(
    r"bot\b|crawler|spider|preview|scanner|proofpoint|mimecast|barracuda|safelinks|symantec|curl|wget|python-requests",
    re.IGNORECASE,
)


def person_token(recipient_id: int, link: int = 0) -> str:
    return _person.sign(f"{recipient_id:x}-{link}")


def read_person_token(token: str) -> tuple[int, int] | None:
    """(recipient ID, link number) of a token; None where it is not ours."""
    try:
        recipient, _, link = _person.unsign(token).partition("-")
        return int(recipient, 16), int(link)
    except (signing.BadSignature, ValueError):
        return None


def click_url(recipient_id: int, link: int) -> str:
    return _absolute("delivery-public:click", person_token(recipient_id, link))


def open_url(recipient_id: int) -> str:
    return _absolute("delivery-public:open", person_token(recipient_id))


def unsubscribe_url(recipient_id: int) -> str:
    return _absolute("delivery-public:unsubscribe", person_token(recipient_id))


def file_url(out_id: str) -> str:
    """An address, good for 24 hours, under which a platform fetches a batch's recipients file."""
    return _absolute("delivery-public:recipients", _file.sign(out_id))


def read_file_token(token: str) -> str | None:
    try:
        return _file.unsign(token, max_age=FILE_SECONDS)
    except signing.BadSignature:
        return None


def _absolute(name: str, token: str) -> str:
    return settings.BASE_URL + reverse(name, args=[token])


def record(
    recipient: Recipient, kind: str, *, link: TrackedLink | None, user_agent: str, method: str
) -> None:
    """Note an open or click. A machine's visit is kept but changes no person's state."""
    machine = method == "HEAD" or not user_agent or bool(_MACHINES.search(user_agent))
    Engagement.objects.create(
        send_out_id=recipient.send_out_id,
        recipient=recipient,
        link=link,
        kind=kind,
        user_agent=user_agent[:300],
        is_machine=machine,
    )
    if machine:
        return
    now = timezone.now()
    changes: dict[str, Any] = {}
    if recipient.opened_at is None:
        changes["opened_at"] = now
    if kind == Engagement.Kind.CLICK and recipient.clicked_at is None:
        changes["clicked_at"] = now
    if recipient.state in (Recipient.State.HANDED, Recipient.State.UNKNOWN, Recipient.State.HANDING):
        # Who opened it has received it, whatever the provider says.
        changes.update(state=Recipient.State.DELIVERED, reported_at=now, reason="")
    if changes:
        Recipient.objects.filter(pk=recipient.pk).update(**changes)


def unsubscribe(recipient: Recipient, *, user_agent: str) -> None:
    """Stop all later messages of this channel to the person's target."""
    from cdp.core.identifiers import ID_TYPES
    from marketing.channels.base import provider_type

    send_out = recipient.send_out
    id_type = ID_TYPES[provider_type(send_out.provider).id_type]
    Suppression.objects.get_or_create(
        workspace_id=send_out.workspace_id,
        channel=send_out.channel,
        target_hash=recipient.person_hash,
        defaults={
            "masked": id_type.mask(recipient.target),
            "reason": Suppression.Reason.UNSUBSCRIBED,
            "source": send_out.pk,
        },
    )
    if recipient.unsubscribed_at is None:
        Recipient.objects.filter(pk=recipient.pk).update(unsubscribed_at=timezone.now())
        Engagement.objects.create(
            send_out=send_out,
            recipient=recipient,
            kind=Engagement.Kind.UNSUBSCRIBE,
            user_agent=user_agent[:300],
        )


def batch_targets(out_id: str) -> list[str] | None:
    """The targets of a batch (or of a test), one a line for the recipients file; None where there is no such batch."""
    from django.core.cache import cache

    test = cache.get(f"test-send:{out_id}")
    if test is not None:
        return list(test)
    if not SendBatch.objects.filter(pk=out_id).exists():
        return None
    left = [Recipient.State.QUEUED, Recipient.State.FILTERED, Recipient.State.CANCELLED]
    rows = Recipient.objects.filter(batch=out_id).exclude(state__in=left)
    return [row.target for row in rows.only("target").order_by("pk")]
