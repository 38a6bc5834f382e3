"""What everyday work leaves behind: a token, a user group, a download."""

from __future__ import annotations

from admin_center.audit.models import DownloadLog
from admin_center.members.models import ApiToken, WorkspaceMember
from admin_center.permissions import groups
from admin_center.permissions.access import access_for
from admin_center.permissions.models import UserGroup
from admin_center.permissions.services import create_token
from cdp.core.access import Access
from cdp.demo.steps import one
from insight.audiences import members
from insight.audiences.models import Audience

TOKEN, TOKEN_DAYS = "订单系统", 90
TEAM = "会员运营组"


def load(access: Access, audience: Audience) -> None:
    """A token that may read audiences, whose secret nobody knows; a group of the workspace's people; and somebody has
    downloaded an audience.
    """
    own = access_for(access.user, access.workspace)
    one(
        ApiToken,
        access,
        lambda: create_token(own, name=TOKEN, days=TOKEN_DAYS, scopes=["insight.audience"])[0],
        name=TOKEN,
    )
    people = WorkspaceMember.objects.in_workspace(access.workspace).values_list("pk", flat=True)
    one(UserGroup, access, lambda: groups.create(access, TEAM, people), name=TEAM)
    if audience.current is not None and not DownloadLog.objects.in_workspace(access.workspace).exists():
        for _piece in members.export(access, audience, audience.current):
            pass
