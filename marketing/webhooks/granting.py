"""Letting others send through a webhook: people, or everybody with a role, never both on one webhook."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from admin_center.members.models import WorkspaceMember
from admin_center.permissions import grantees
from cdp.core import audit
from cdp.core.access import Access
from cdp.core.errors import ValidationFailed
from marketing.webhooks.models import Webhook, WebhookGrant

_KNOWN = {"user", "role", "expires_at"}


def grant(access: Access, webhook: Webhook, data: Mapping[str, Any]) -> WebhookGrant:
    """Let a person (`user`) or everybody with a role (`role`) send through it, until `expires_at`.

    A grant that is there gets the new end. The first grant of a kind takes back those of the other kind.
    """
    errors = {str(key): [_("Unknown field.")] for key in set(data) - _KNOWN}
    expires = grantees.expiry(data.get("expires_at"), errors)
    if errors:
        raise ValidationFailed(_("Some fields need another value."), errors=errors)
    user, role = grantees.find(access, data, None)
    with transaction.atomic():
        Webhook.objects.select_for_update(of=("self",)).get(pk=webhook.pk)
        dropped = webhook.grants.filter(user__isnull=user is not None)
        for other in dropped.select_related("user", "role"):
            revoke(access, other)
        row, _made = WebhookGrant.objects.update_or_create(
            workspace=access.workspace,
            webhook=webhook,
            user=user,
            role=role,
            defaults={"expires_at": expires},
        )
        audit.record(access, "webhook.granted", webhook, after=_told(row))
    return row


def revoke(access: Access, row: WebhookGrant) -> None:
    """Take a grant back; send-outs of the person that wait will not leave."""
    with transaction.atomic():
        audit.record(access, "webhook.grant_revoked", row.webhook, before=_told(row))
        row.delete()


def forget(instance: WorkspaceMember, **_signal: object) -> None:
    """Take back the grants of somebody who leaves the workspace."""
    WebhookGrant.objects.in_workspace(instance.workspace_id).filter(user=instance.user_id).delete()


def _told(row: WebhookGrant) -> dict[str, Any]:
    """A grant for the audit log."""
    return {
        "user": row.user.username if row.user else None,
        "role": row.role.code if row.role else None,
        "expires_at": row.expires_at.isoformat() if row.expires_at else None,
    }
