"""Whom rights on single objects are granted to: a person of the workspace, or everybody with a role."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from admin_center.members.models import WorkspaceMember
from admin_center.permissions.models import Role
from cdp.core.access import Access
from cdp.core.errors import ValidationFailed


def find(access: Access, data: Mapping[str, Any], owner_id: Any) -> tuple[Any, Role | None]:
    """The person (`user`, a user name) or the role (`role`, a code) of `data`. Raises ValidationFailed at the field."""
    if bool(data.get("user")) == bool(data.get("role")):
        raise ValidationFailed(errors={"user": [_("Give either a person or a role.")]})
    if data.get("role"):
        role = Role.objects.in_workspace(access.workspace).filter(code=str(data["role"])).first()
        if role is None:
            raise ValidationFailed(errors={"role": [_("There is no such role here.")]})
        return None, role
    members = WorkspaceMember.objects.filter(workspace=access.workspace).select_related("user")
    member = members.filter(user__username=str(data["user"])).first()
    if member is None:
        raise ValidationFailed(errors={"user": [_("Nobody in this workspace has this user name.")]})
    if owner_id is not None and member.user_id == owner_id:
        raise ValidationFailed(errors={"user": [_("The owner needs no grant.")]})
    return member.user, None


def expiry(given: Any, errors: dict[str, list[str]]) -> datetime | None:
    """The end of a grant, None for no end; what is wrong with it goes to `errors` at `expires_at`."""
    if given in (None, ""):
        return None
    try:
        found = given if isinstance(given, datetime) else datetime.fromisoformat(str(given))
    except ValueError:
        errors["expires_at"] = [_("Give a time such as 2026-03-31T18:00:00+08:00.")]
        return None
    if timezone.is_naive(found):
        found = timezone.make_aware(found)
    if found <= timezone.now():
        errors["expires_at"] = [_("Give a time in the future.")]
    return found


def choices(workspace: Any, *, without: Any = None) -> list[Any]:
    """People and roles of the workspace for a select field, as `user:<name>` and `role:<code>`; `without` the owner."""
    members = (
        WorkspaceMember.objects.filter(workspace=workspace, user__is_active=True)
        .exclude(user=without)
        .select_related("user")
        .order_by("user__username")
    )
    roles = Role.objects.in_workspace(workspace)
    return [
        ("", ""),
        (_("People"), [(f"user:{member.user.username}", str(member.user)) for member in members]),
        (_("Everybody with a role"), [(f"role:{role.code}", str(role)) for role in roles]),
    ]


def of_person(user: Any) -> Q:
    """Grants, with fields `user`, `role` and `expires_at`, that hold for a person now."""
    mine = Q(user=user) | Q(role__assignments__member__user=user)
    return mine & (Q(expires_at__isnull=True) | Q(expires_at__gt=timezone.now()))
