"""Which campaigns a person sees, which of them they may link things to, and which they may change.

Administrators see and change all. Others change their own; with a manage grant they change, with a use grant they use
campaigns of other people. A main campaign is seen by whoever sees one that belongs to it, and opens those to its owner.
"""

from __future__ import annotations

from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from admin_center.permissions import grantees
from cdp.core.access import Access
from cdp.core.errors import NotFound, PermissionDenied
from insight.campaigns.models import Campaign, CampaignGrant

CREATE, SEE = "campaign.create", "campaign.manage"


def _granted(access: Access, *rights: str) -> QuerySet[CampaignGrant]:
    rows: QuerySet[CampaignGrant] = CampaignGrant.objects.in_workspace(access.workspace)
    return rows.filter(grantees.of_person(access.user), right__in=rights or CampaignGrant.Right.values)


def linkable(access: Access) -> QuerySet[Campaign]:
    """The campaigns, main ones excepted, that the person may link audiences and tasks to."""
    rows: QuerySet[Campaign] = Campaign.objects.in_workspace(access.workspace).filter(is_main=False)
    if access.is_admin:
        return rows
    if not (access.can(CREATE) or access.can(SEE)):
        return rows.none()
    mine = Q(owner=access.user) | Q(parent__owner=access.user)
    return rows.filter(mine | Q(pk__in=_granted(access).values("campaign")))


def visible(access: Access) -> QuerySet[Campaign]:
    rows: QuerySet[Campaign] = Campaign.objects.in_workspace(access.workspace)
    if access.is_admin:
        return rows
    subs = linkable(access)
    above = Q(pk__in=subs.values("parent")) | Q(owner=access.user)
    if not (access.can(CREATE) or access.can(SEE)):
        return rows.none()
    return rows.filter(Q(pk__in=subs.values("pk")) | Q(is_main=True) & above)


def get_visible(access: Access, campaign_id: str) -> Campaign:
    """Raises NotFound for campaigns of other workspaces and those without a grant alike."""
    row = visible(access).select_related("workspace", "parent", "owner").filter(pk=campaign_id).first()
    if row is None:
        raise NotFound(_("There is no such campaign here, or you have no right to see it."))
    return row


def may_change(access: Access, campaign: Campaign) -> bool:
    if access.is_admin:
        return True
    if campaign.owner_id is not None and campaign.owner_id == access.user.pk:
        return access.can(CREATE)
    return (access.can(SEE) or access.can(CREATE)) and _granted(access, CampaignGrant.Right.MANAGE).filter(
        campaign=campaign
    ).exists()


def check_change(access: Access, campaign: Campaign) -> None:
    """Raises PermissionDenied for people who may not change the campaign."""
    if not may_change(access, campaign):
        raise PermissionDenied(
            _("Only the owner of the campaign, or somebody with a manage grant, can do this.")
        )


def may_grant(access: Access, campaign: Campaign) -> bool:
    """Owners and administrators let others in; a manage grant is not passed on."""
    owns = campaign.owner_id is not None and campaign.owner_id == access.user.pk
    return not campaign.is_main and (access.is_admin or (owns and access.can(CREATE)))


def check_grant(access: Access, campaign: Campaign) -> None:
    if campaign.is_main:
        raise PermissionDenied(_("Grants are given on campaigns below a main one, or on independent ones."))
    if not may_grant(access, campaign):
        raise PermissionDenied(_("Only the owner of the campaign, or an administrator, shares it."))
