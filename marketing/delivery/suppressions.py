"""The list of people who must not be written to."""

from __future__ import annotations

from django.utils.translation import gettext as _

from cdp.core import audit
from cdp.core.access import Access
from cdp.core.errors import ValidationFailed
from cdp.core.identifiers import ID_TYPES
from marketing.delivery.models import Suppression
from marketing.delivery.targets import target_hash

_BROAD = ("union_id", "open_id", "alipay_id", "taobao_nick", "one_id")
"""Types that take nearly every text: asked last what a text is."""
ID_TYPES_OF: dict[str, tuple[str, ...]] = {
    "email": ("email",),
    "sms": ("mobile",),
    "push": ("imei", "idfa"),
    "custom": (*(key for key in ID_TYPES if key not in _BROAD), *_BROAD),
}
"""The ID types that a channel writes to. A provider of the channel takes one of them."""
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
        defaults={"masked": ID_TYPES[key].mask(value), "reason": Suppression.Reason.MANUAL},
    )
    if created:
        audit.record(access, "suppression.added", row, after={"target": row.masked, "channel": channel})
    return row


def remove(access: Access, row: Suppression) -> None:
    """Allow messages again. The person must have agreed: the audit log keeps who removed it."""
    audit.record(access, "suppression.removed", row, before={"target": row.masked, "reason": row.reason})
    row.delete()
