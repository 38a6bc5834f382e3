"""How long the recipients of a send-out are kept after its end: a week, or longer where the workspace says so."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import Q

from admin_center.organizations.models import Workspace
from admin_center.organizations.settings import LEAST_RECIPIENT_DAYS, workspace_settings

LEAST = timedelta(days=LEAST_RECIPIENT_DAYS)


def kept_for(workspace: Workspace) -> timedelta:
    return timedelta(days=workspace_settings(workspace).recipients_days)


def is_over(now: datetime) -> Q:
    """Send-outs that have ended so long ago that their recipients go."""
    found = Q(finished_at__lte=now - LEAST)
    for workspace in Workspace.objects.filter(settings__recipients_days__gt=LEAST_RECIPIENT_DAYS):
        found &= ~Q(workspace=workspace) | Q(finished_at__lte=now - kept_for(workspace))
    return found
