"""Whom rights on single objects are granted to: a person of the workspace, everybody with a role, or a group."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from admin_center.members.models import WorkspaceMember
from admin_center.permissions.models import Role, UserGroup
from cdp.core.access import Access
from cdp.core.errors import ValidationFailed

KINDS = ("user", "role", "group")


def find(access: Access, data: Mapping[str, Any], owner_id: Any) -> dict[str, Any]:
    """The person (`user`, a user name), the role (`role`, a code) or the group (`group`, an ID) of `data`, as the
    fields of a grant: `{"user", "role", "group"}`, one of them set. Raises ValidationFailed at the field.
    """
    nobody: dict[str, Any] = dict.fromkeys(KINDS)
    if sum(bool(data.get(kind)) for kind in KINDS) != 1:
        raise ValidationFailed(errors={"user": [_("Give a person, a role or a user group.")]})
    if data.get("role"):
        role = Role.objects.in_workspace(access.workspace).filter(code=str(data["role"])).first()
        if role is None:
            raise ValidationFailed(errors={"role": [_("There is no such role here.")]})
        return {**nobody, "role": role}
    if data.get("group"):
        group = UserGroup.objects.in_workspace(access.workspace).filter(pk=str(data["group"])).first()
        if group is None:
            raise ValidationFailed(errors={"group": [_("There is no such user group here.")]})
        return {**nobody, "group": group}
    members = WorkspaceMember.objects.filter(workspace=access.workspace).select_related("user")
    member = members.filter(user__username=str(data["user"])).first()
    if member is None:
        raise ValidationFailed(errors={"user": [_("Nobody in this workspace has this user name.")]})
    if owner_id is not None and member.user_id == owner_id:
        raise ValidationFailed(errors={"user": [_("The owner needs no grant.")]})
    return {**nobody, "user": member.user}


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
    """People, roles and user groups of the workspace for a select field, as `user:<name>`, `role:<code>` and
    `group:<id>`; `without` the owner.
    """
    members = (
        WorkspaceMember.objects.filter(workspace=workspace, user__is_active=True)
        .exclude(user=without)
        .select_related("user")
        .order_by("user__username")
    )
    roles = Role.objects.in_workspace(workspace)
    groups = [(f"group:{group.pk}", group.name) for group in UserGroup.objects.in_workspace(workspace)]
    return [
        ("", ""),
        (_("People"), [(f"user:{member.user.username}", str(member.user)) for member in members]),
        *([(_("User groups"), groups)] if groups else []),
        (_("Everybody with a role"), [(f"role:{role.code}", str(role)) for role in roles]),
    ]


def of_person(user: Any) -> Q:
    """Grants, with the fields of `ObjectGrant`, that hold for a person now."""
    mine = Q(user=user) | Q(role__assignments__member__user=user) | Q(group__members__user=user)
    return mine & (Q(expires_at__isnull=True) | Q(expires_at__gt=timezone.now()))
