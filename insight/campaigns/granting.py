"""Letting others use or manage campaigns, one or several at once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from admin_center.members.models import WorkspaceMember
from admin_center.permissions import grantees
from cdp.core import audit
from cdp.core.access import Access
from cdp.core.errors import ValidationFailed
from insight.campaigns import rights
from insight.campaigns.models import Campaign, CampaignGrant

_KNOWN = {*grantees.KINDS, "right", "expires_at"}


def grant(access: Access, campaigns: Iterable[Campaign], data: Mapping[str, Any]) -> list[CampaignGrant]:
    """Give a person (`user`), everybody with a role (`role`) or a user group (`group`) the `right` to use or manage,
    until `expires_at`.

    All campaigns or none; a grant of the same right that is there gets the new end. Raises ValidationFailed,
    PermissionDenied.
    """
    chosen = list(campaigns)
    for campaign in chosen:
        rights.check_grant(access, campaign)
    errors = {str(key): [_("Unknown field.")] for key in set(data) - _KNOWN}
    right = data.get("right", CampaignGrant.Right.USE)
    if right not in CampaignGrant.Right.values:
        errors["right"] = [_("Choose one of %(types)s.") % {"types": ", ".join(CampaignGrant.Right.values)}]
    expires = grantees.expiry(data.get("expires_at"), errors)
    if errors:
        raise ValidationFailed(_("Some fields need another value."), errors=errors)
    found = []
    with transaction.atomic():
        for campaign in chosen:
            row, _made = CampaignGrant.objects.update_or_create(
                workspace=access.workspace,
                campaign=campaign,
                **grantees.find(access, data, campaign.owner_id),
                right=right,
                defaults={"expires_at": expires, "granted_by": access.user},
            )
            audit.record(access, "campaign.granted", campaign, after=_told(row))
            found.append(row)
    return found


def revoke(access: Access, rows: Iterable[CampaignGrant]) -> None:
    """Take grants back; they stop working at once."""
    chosen = list(rows)
    for row in chosen:
        rights.check_grant(access, row.campaign)
    with transaction.atomic():
        for row in chosen:
            audit.record(access, "campaign.grant_revoked", row.campaign, before=_told(row))
            row.delete()


def common(campaigns: Iterable[Campaign]) -> list[dict[str, Any]]:
    """The grants that all of the campaigns have: [{"grantee", "right", "expires_at", "differs", "rows"}].

    `differs` says that they do not end at the same time.
    """
    chosen = list(campaigns)
    found: dict[tuple[Any, ...], list[CampaignGrant]] = {}
    grants = CampaignGrant.objects.filter(campaign__in=chosen)
    for row in grants.select_related("user", "role", "group", "campaign").order_by("created_at"):
        found.setdefault((row.user_id, row.role_id, row.group_id, row.right), []).append(row)
    return [
        {
            "grantee": rows[0].grantee,
            "right": rows[0].get_right_display(),
            "expires_at": rows[0].expires_at,
            "expired": rows[0].expired,
            "differs": len({row.expires_at for row in rows}) > 1,
            "rows": rows,
        }
        for rows in found.values()
        if len(rows) == len(chosen)
    ]


def forget(instance: WorkspaceMember, **_signal: object) -> None:
    """Take back the grants of somebody who leaves the workspace."""
    CampaignGrant.objects.in_workspace(instance.workspace_id).filter(user=instance.user_id).delete()


def _told(row: CampaignGrant) -> dict[str, Any]:
    """A grant for the audit log."""
    return {**row.told(), "right": row.right}
