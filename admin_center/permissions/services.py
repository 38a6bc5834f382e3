"""Giving and taking roles."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import transaction
from django.utils.translation import gettext as _

from admin_center.members import services as members
from admin_center.members.models import User, WorkspaceMember
from admin_center.organizations.models import Workspace
from admin_center.permissions.models import Role, RoleAssignment
from cdp.core import audit
from cdp.core.access import Access
from cdp.core.errors import ValidationFailed


@transaction.atomic
def add_member(
    workspace: Workspace, user: User, roles: Iterable[str], *, access: Access | None = None
) -> WorkspaceMember:
    """Put a person into a workspace with roles, given by code. Raises ValidationFailed for none or unknown roles."""
    chosen = roles_by_code(workspace, roles)
    member = members.add_member(workspace, user, access=access)
    RoleAssignment.objects.bulk_create(RoleAssignment(member=member, role=role) for role in chosen)
    after = {"roles": [role.code for role in chosen]}
    audit.record(
        access, "member.roles_changed", member, before={"roles": []}, after=after, workspace=workspace
    )
    return member


def roles_by_code(workspace: Workspace, codes: Iterable[str]) -> list[Role]:
    """The roles of these codes. Raises ValidationFailed where there are none, or one is not the workspace's."""
    wanted = list(dict.fromkeys(codes))
    found = {role.code: role for role in Role.objects.in_workspace(workspace).filter(code__in=wanted)}
    unknown = [code for code in wanted if code not in found]
    if unknown:
        message = _("The workspace has no role “%(code)s”.") % {"code": unknown[0]}
        raise ValidationFailed(message, errors={"roles": [message]})
    if not wanted:
        message = _("Choose at least one role.")
        raise ValidationFailed(message, errors={"roles": [message]})
    return [found[code] for code in wanted]
