"""How many send-outs a workspace may have on a channel."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _

from admin_center.organizations.settings import workspace_settings
from cdp.core.errors import Conflict
from marketing.delivery.models import SendOut


def check(workspace: Any, channel: str) -> None:
    """Raises Conflict where one more is not allowed. All count that have not been removed, failed ones too.

    Answers to people who wrote, and the runs of a plan, do not.
    """
    most: int | None = getattr(workspace_settings(workspace).quotas, channel, None)
    if (
        most is None
        or SendOut.objects.in_workspace(workspace).filter(channel=channel, origin="", plan=None).count()
        < most
    ):
        return
    raise Conflict(
        _("The workspace may have %(most)d send-outs on this channel and has them. Remove some first.")
        % {"most": most},
        code="send_out_quota",
    )
