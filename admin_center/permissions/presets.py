"""The roles that every workspace has from the start, and the rights they begin with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.utils.translation import gettext_lazy as _

from admin_center.organizations.models import Workspace
from admin_center.permissions.models import ADMINISTRATOR, Role

ANALYST = "analyst"
DEVELOPER = "developer"

_ANALYST_POINTS = [
    "insight.dataset.view",
    "insight.analysis",
    "insight.audience.filter",
    "insight.audience.list",
    "insight.audience.analysis",
    "insight.oneid.view",
    "insight.push",
    "insight.tag.custom",
    "omni",
    "marketing.sms.view",
    "marketing.sms.create",
    "marketing.sms.send",
    "marketing.email.view",
    "marketing.email.create",
    "marketing.email.send",
    "marketing.push.view",
    "marketing.push.create",
    "marketing.push.send",
    "marketing.private.wechat",
    "marketing.private.weibo",
    "marketing.private.douyin",
    "marketing.content.manage",
    "marketing.accounts.manage",
    "marketing.ads.databank",
    "marketing.ads.dmp",
    "marketing.ads.tencent",
    "marketing.ads.oceanengine",
    "marketing.journey",
    "dashboard.view",
    "jobs.view",
]
_DEVELOPER_POINTS = [
    "insight.datasource.view",
    "insight.dataset.create",
    *_ANALYST_POINTS,
    "insight.oneid.manage",
    "insight.oneid.person",
    "marketing.event.manage",
]


@dataclass(frozen=True)
class Preset:
    label: Any
    description: Any
    points: tuple[str, ...]


PRESETS: dict[str, Preset] = {
    ADMINISTRATOR: Preset(
        _("Administrator"), _("Every right in this workspace, including its members and settings."), ()
    ),
    DEVELOPER: Preset(
        _("Developer"),
        _("Sees data sources, builds datasets and manages their own, selects and reaches audiences."),
        tuple(_DEVELOPER_POINTS),
    ),
    ANALYST: Preset(
        _("Analyst"),
        _("Analyses, selects and reaches audiences; builds no datasets."),
        tuple(_ANALYST_POINTS),
    ),
}


def create_preset_roles(workspace: Workspace, **_signal: object) -> None:
    """Give a new workspace its preset roles; the analyst is the default for people added in batches."""
    Role.objects.bulk_create(
        Role(
            workspace=workspace,
            code=code,
            kind=Role.Kind.PRESET,
            permissions=list(preset.points),
            is_default=code == ANALYST,
        )
        for code, preset in PRESETS.items()
    )
