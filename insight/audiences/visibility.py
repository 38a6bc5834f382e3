"""Which audiences a person sees, and which of them they may change, use or download."""

from __future__ import annotations

from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from cdp.core.access import Access
from cdp.core.errors import NotFound, PermissionDenied
from insight.audiences.models import Audience


def manages_all(access: Access) -> bool:
    return access.is_admin or access.can("insight.audience.manage")


def visible(access: Access) -> QuerySet[Audience]:
    """All audiences for those who manage everybody's; one's own and the public ones for others."""
    rows = Audience.objects.in_workspace(access.workspace)
    if manages_all(access):
        return rows
    if access.user.pk is None:
        # Somebody who has gone owns nothing, also not what has no owner.
        return rows.filter(public=True)
    return rows.filter(Q(owner=access.user) | Q(public=True))


def mine(access: Access) -> QuerySet[Audience]:
    """What stands under “mine”: everything for those who manage everybody's audiences."""
    rows = Audience.objects.in_workspace(access.workspace)
    return rows if manages_all(access) else rows.filter(owner=access.user)


def get_visible(access: Access, audience_id: str) -> Audience:
    """Raises NotFound for audiences of other workspaces and private ones of other people alike."""
    row = (
        visible(access)
        .select_related("owner", "folder", "current", "workspace")
        .filter(pk=audience_id)
        .first()
    )
    if row is None:
        raise NotFound(_("There is no such audience here."))
    return row


def may_change(access: Access, audience: Audience) -> bool:
    return manages_all(access) or audience.owner_id == access.user.pk


def check_change(access: Access, audience: Audience) -> None:
    """Raises PermissionDenied where the audience is somebody else's."""
    if not may_change(access, audience):
        raise PermissionDenied(
            _(
                "Only the owner of the audience, or somebody who manages everybody's audiences, can change it."
            ),
            point="insight.audience.manage",
        )


def may_download(access: Access, audience: Audience) -> bool:
    return may_change(access, audience) or access.can("insight.audience.download")


def check_download(access: Access, audience: Audience) -> None:
    """Raises PermissionDenied: other people's public audiences need a right of their own."""
    if not may_download(access, audience):
        raise PermissionDenied(
            _("Downloading other people's audiences needs the right “Download public audiences”."),
            point="insight.audience.download",
        )


_SELECT, _ANALYSE = "insight.audience.filter", "insight.audience.analysis"
_POINTS = {"copy": _SELECT, "combine": _SELECT, "edit": _SELECT, "replace": _SELECT, "analyse": _ANALYSE}
"""Actions that need a permission point of their own, whoever the audience belongs to."""


def may(access: Access, audience: Audience, action: str) -> bool:
    """Whether the person may do to the audience what one of its actions means; its origin must offer it besides."""
    if action in _POINTS and not access.can(_POINTS[action]):
        return False
    if action == "push":
        return access.can("insight.push") and may_download(access, audience)
    if action == "download":
        return may_download(access, audience)
    return action in ("copy", "combine", "analyse", "use") or may_change(access, audience)
