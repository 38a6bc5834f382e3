"""The list of people who must not be written to."""

from __future__ import annotations

from django.utils.translation import gettext as _

from cdp.core import audit
from cdp.core.access import Access
from cdp.core.errors import ValidationFailed
from cdp.core.identifiers import ID_TYPES
from marketing.delivery.models import Suppression
from marketing.delivery.targets import target_hash

ID_TYPE = {"email": "email", "sms": "mobile"}


def add(access: Access, channel: str, target: str) -> Suppression:
    """Never write to this target on the channel again. Adding one twice changes nothing."""
    id_type = ID_TYPES[ID_TYPE[channel]]
    normalised = id_type.normalise(target)
    if normalised is None:
        message = _("This is not a valid target of the channel.")
        raise ValidationFailed(message, errors={"target": [message]})
    row, created = Suppression.objects.get_or_create(
        workspace=access.workspace,
        channel=channel,
        target_hash=target_hash(access.workspace.pk, channel, normalised),
        defaults={"masked": id_type.mask(normalised), "reason": Suppression.Reason.MANUAL},
    )
    if created:
        audit.record(access, "suppression.added", row, after={"target": row.masked, "channel": channel})
    return row


def remove(access: Access, row: Suppression) -> None:
    """Allow messages again. The person must have agreed: the audit log keeps who removed it."""
    audit.record(access, "suppression.removed", row, before={"target": row.masked, "reason": row.reason})
    row.delete()
