"""The list of people who must not be written to."""

from __future__ import annotations

from django.utils.translation import gettext as _

from cdp.core import audit
from cdp.core.access import Access
from cdp.core.errors import ValidationFailed
from cdp.core.identifiers import ID_TYPES
from marketing.channels.targets import target_hash
from marketing.delivery.models import Suppression

_FIRST, _LAST = ("imei", "idfa"), ("one_id",)
ID_TYPES_OF = {
    "email": ("email",),
    "sms": ("mobile",),
    # Browsers are registered by an ID of any type. Nearly every text is a valid OneID, so this comes last.
    "push": (*_FIRST, *(key for key in ID_TYPES if key not in (*_FIRST, *_LAST)), *_LAST),
}
"""The ID types that a channel writes to. A provider of the channel takes one of them."""
ID_TYPE = {channel: types[0] for channel, types in ID_TYPES_OF.items()}
"""The ID type by whose rule a channel's targets are masked."""


def normalised(channel: str, target: str) -> str | None:
    """The target as the channel writes to it; None where it is not valid there."""
    found = (ID_TYPES[key].normalise(target) for key in ID_TYPES_OF[channel])
    return next((value for value in found if value is not None), None)


def add(access: Access, channel: str, target: str) -> Suppression:
    """Never write to this target on the channel again. Adding one twice changes nothing."""
    value = normalised(channel, target)
    if value is None:
        message = _("This is not a valid target of the channel.")
        raise ValidationFailed(message, errors={"target": [message]})
    row, created = Suppression.objects.get_or_create(
        workspace=access.workspace,
        channel=channel,
        target_hash=target_hash(access.workspace.pk, channel, value),
        defaults={"masked": ID_TYPES[ID_TYPE[channel]].mask(value), "reason": Suppression.Reason.MANUAL},
    )
    if created:
        audit.record(access, "suppression.added", row, after={"target": row.masked, "channel": channel})
    return row


def remove(access: Access, row: Suppression) -> None:
    """Allow messages again. The person must have agreed: the audit log keeps who removed it."""
    audit.record(access, "suppression.removed", row, before={"target": row.masked, "reason": row.reason})
    row.delete()
