"""Letting others send through a webhook: people, roles or user groups, never two of these on one webhook."""

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

_KNOWN = {*grantees.KINDS, "expires_at"}


def grant(access: Access, webhook: Webhook, data: Mapping[str, Any]) -> WebhookGrant:
    """Let a person (`user`), everybody with a role (`role`) or a user group (`group`) send through it.

    Until `expires_at`; a grant that is there gets the new end. The first of a kind takes back those of the others.
    """
    errors = {str(key): [_("Unknown field.")] for key in set(data) - _KNOWN}
    expires = grantees.expiry(data.get("expires_at"), errors)
    if errors:
        raise ValidationFailed(_("Some fields need another value."), errors=errors)
    grantee = grantees.find(access, data, None)
    kind = next(kind for kind, found in grantee.items() if found)
    with transaction.atomic():
        Webhook.objects.select_for_update(of=("self",)).get(pk=webhook.pk)
        dropped = webhook.grants.filter(**{f"{kind}__isnull": True})
        for other in dropped.select_related("user", "role", "group"):
            revoke(access, other)
        row, _made = WebhookGrant.objects.update_or_create(
            workspace=access.workspace,
            webhook=webhook,
            **grantee,
            defaults={"expires_at": expires},
        )
        audit.record(access, "webhook.granted", webhook, after=row.told())
    return row


def revoke(access: Access, row: WebhookGrant) -> None:
    """Take a grant back; send-outs of the person that wait will not leave."""
    with transaction.atomic():
        audit.record(access, "webhook.grant_revoked", row.webhook, before=row.told())
        row.delete()


def forget(instance: WorkspaceMember, **_signal: object) -> None:
    """Take back the grants of somebody who leaves the workspace."""
    WebhookGrant.objects.in_workspace(instance.workspace_id).filter(user=instance.user_id).delete()
