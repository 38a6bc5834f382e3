"""People who may or may not send through webhooks."""

from __future__ import annotations

from typing import Any

from admin_center.permissions.models import Role
from tests.factories import make_access

POINTS = ["marketing.custom.view", "marketing.custom.create", "marketing.custom.send"]


def sender(workspace: Any, *more: str, points: list[str] = POINTS, code: str = "caller") -> Any:
    """Somebody with a role of the custom channel and what an analyst may."""
    analyst = Role.objects.get(workspace=workspace, code="analyst")
    Role.objects.get_or_create(
        workspace=workspace,
        code=code,
        defaults={"name": code, "permissions": [*analyst.permissions, *points, *more]},
    )
    return make_access(workspace, code)
