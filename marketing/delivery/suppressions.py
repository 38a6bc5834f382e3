"""The list of people who must not be written to."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from cdp.core import audit
from cdp.core.access import Access
from cdp.core.errors import PermissionDenied, ValidationFailed
from cdp.core.identifiers import ID_TYPES
from marketing.channels.models import Provider
from marketing.channels.targets import target_hash
from marketing.delivery.models import Suppression

_BROAD = ("union_id", "open_id", "alipay_id", "taobao_nick", "one_id")
"""Types that take nearly every text: asked last what a text is."""
_ANY = (*(key for key in ID_TYPES if key not in _BROAD), *_BROAD)
ID_TYPES_OF: dict[str, tuple[str, ...]] = {
    "email": ("email",),
    "sms": ("mobile",),
    # Browsers are registered by an ID of any type.
    "push": ("imei", "idfa", *(key for key in _ANY if key not in ("imei", "idfa"))),
    "custom": _ANY,
}
"""The ID types that a channel writes to. A provider of the channel takes one of them."""
BY_REPLY = "reply"
"""The `source` of suppressions that people asked for by answering."""
MOST_WORDS = 200
ID_TYPE = {channel: types[0] for channel, types in ID_TYPES_OF.items()}
"""The ID type by whose rule a channel's targets are masked."""


def all_normalised(channel: str, target: str) -> dict[str, str]:
    """By each ID type of the channel that it can be one of, the target as it is written to."""
    found = {key: ID_TYPES[key].normalise(target) for key in ID_TYPES_OF[channel]}
    return {key: value for key, value in found.items() if value is not None}


def add(access: Access, channel: str, target: str) -> Suppression:
    """Never write to this target on the channel again. Adding one twice changes nothing."""
    key, value = next(iter(all_normalised(channel, target).items()), ("", ""))
    if not value:
        message = _("This is not a valid target of the channel.")
        raise ValidationFailed(message, errors={"target": [message]})
    row, created = Suppression.objects.get_or_create(
        workspace=access.workspace,
        channel=channel,
        target_hash=target_hash(access.workspace.pk, channel, value),
        signature="",
        defaults={"masked": ID_TYPES[key].mask(value), "reason": Suppression.Reason.MANUAL},
    )
    if created:
        audit.record(access, "suppression.added", row, after={"target": row.masked, "channel": channel})
    return row


def unsubscribe_from(workspace: Any, target: str, signature: str) -> Suppression:
    """Somebody answered that they want no more promotional SMS with this signature; "" is any signature."""
    row, _created = Suppression.objects.get_or_create(
        workspace=workspace,
        channel=Provider.Channel.SMS,
        target_hash=target_hash(workspace.pk, Provider.Channel.SMS, target),
        signature=signature,
        defaults={
            "masked": ID_TYPES["mobile"].mask(target),
            "reason": Suppression.Reason.UNSUBSCRIBED,
            "source": BY_REPLY,
        },
    )
    return row


def remove(access: Access, row: Suppression, why: str = "") -> None:
    """Allow messages again. The person must have agreed: the audit log keeps who removed it.

    Whoever unsubscribed by a reply is only brought back by an administrator, with a reason. Raises PermissionDenied,
    ValidationFailed.
    """
    why = why.strip()
    if row.source == BY_REPLY:
        if not access.is_admin:
            raise PermissionDenied(
                _("Only administrators bring back somebody who unsubscribed by a reply, and say why.")
            )
        if not 1 <= len(why) <= MOST_WORDS:
            message = _("Say in 1 to %(most)d characters why messages may go there again.") % {
                "most": MOST_WORDS
            }
            raise ValidationFailed(message, errors={"why": [message]})
    before = {"target": row.masked, "reason": row.reason, "signature": row.signature}
    with transaction.atomic():
        audit.record(access, "suppression.removed", row, before=before, detail={"why": why} if why else None)
        row.delete()
