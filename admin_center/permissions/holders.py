"""Who in a workspace holds a right."""

from __future__ import annotations

from typing import Any

from django.db.models import Q, QuerySet

from admin_center.members.models import User
from admin_center.permissions.models import ADMINISTRATOR, Role


def people_with(workspace: Any, point: str) -> QuerySet[User]:
    """The active members whose roles have the permission point; administrators have all of them."""
    roles = Role.objects.filter(workspace=workspace).filter(
        Q(kind=Role.Kind.PRESET, code=ADMINISTRATOR) | Q(permissions__contains=[point])
    )
    return User.objects.filter(
        is_active=True, memberships__workspace=workspace, memberships__assignments__role__in=roles
    ).distinct()
