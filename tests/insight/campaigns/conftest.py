from __future__ import annotations

from typing import Any

import pytest

from admin_center.permissions.models import Role
from tests.factories import make_access


@pytest.fixture
def admin(db: None) -> Any:
    return make_access()


@pytest.fixture
def planner(admin: Any) -> Any:
    """May create campaigns."""
    return with_points(admin.workspace, "planner", "campaign.create", "insight.audience.list")


@pytest.fixture
def guest(admin: Any) -> Any:
    """May see campaigns, with a grant."""
    return with_points(admin.workspace, "guest", "campaign.manage", "insight.audience.list")


def with_points(workspace: Any, code: str, *points: str) -> Any:
    Role.objects.create(workspace=workspace, code=code, permissions=list(points))
    return make_access(workspace, code)
