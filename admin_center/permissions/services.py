"""Members of a workspace, their roles and tokens."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import transaction
from django.utils.translation import gettext as _

from admin_center.members import leaving
from admin_center.members import services as members
from admin_center.members.account import update_profile
from admin_center.members.backends import find_user
from admin_center.members.models import ApiToken, User, WorkspaceMember
from admin_center.members.tokens import issue_token
from admin_center.organizations.models import Workspace
from admin_center.permissions.access import MemberAccess
from admin_center.permissions.models import ADMINISTRATOR, Role, RoleAssignment
from admin_center.permissions.points import POINTS
from cdp.core import audit
from cdp.core.access import Access
from cdp.core.errors import Conflict, PermissionDenied, ValidationFailed


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


@transaction.atomic
def invite_member(
    workspace: Workspace,
    username: str,
    roles: Iterable[str],
    *,
    email: str = "",
    nickname: str = "",
    access: Access | None = None,
) -> tuple[WorkspaceMember, bool]:
    """Add somebody by account name or address; makes the account where there is none, and says whether it did.

    Raises ValidationFailed with the fields that need another value.
    """
    user = find_user(username) if username.strip() else None
    created = user is None
    if user is None:
        user = members.create_user(
            username, email=email, nickname=nickname, organization=workspace.organization, access=access
        )
    return add_member(workspace, user, roles, access=access), created


@transaction.atomic
def change_member(
    member: WorkspaceMember,
    *,
    nickname: str | None = None,
    roles: Iterable[str] | None = None,
    access: Access | None = None,
) -> None:
    """Change nickname and roles. Raises ValidationFailed for the nickname of an organization manager."""
    if nickname is not None and nickname != member.user.nickname:
        if member.user.is_manager:
            message = _("Managers of the organization choose their nickname themselves.")
            raise ValidationFailed(message, errors={"nickname": [message]})
        update_profile(member.user, {"nickname": nickname}, access=access)
    if roles is not None:
        set_roles(member, roles, access=access)


@transaction.atomic
def set_roles(member: WorkspaceMember, codes: Iterable[str], *, access: Access | None = None) -> None:
    """Give a member exactly these roles. Raises Conflict where the workspace loses its last administrator."""
    chosen = roles_by_code(member.workspace, codes)
    before = sorted(member.assignments.values_list("role__code", flat=True))
    after = sorted(role.code for role in chosen)
    if before == after:
        return
    if ADMINISTRATOR not in after:
        _keep_an_administrator(member)
    member.assignments.exclude(role__in=chosen).delete()
    RoleAssignment.objects.bulk_create(
        (RoleAssignment(member=member, role=role) for role in chosen), ignore_conflicts=True
    )
    audit.record(
        access,
        "member.roles_changed",
        member,
        before={"roles": before},
        after={"roles": after},
        workspace=member.workspace,
    )


@transaction.atomic
def remove_member(
    member: WorkspaceMember, receiver: WorkspaceMember | None = None, *, access: Access | None = None
) -> None:
    """Take somebody out of the workspace; what they own goes to `receiver`.

    Raises ValidationFailed where they own something and nobody (or they themselves) would receive it,
    Conflict where the workspace would lose its last administrator.
    """
    _keep_an_administrator(member)
    if receiver is not None and (receiver.pk == member.pk or receiver.workspace_id != member.workspace_id):
        message = _("Choose another member of this workspace.")
        raise ValidationFailed(message, errors={"transfer_to": [message]})
    if receiver is None and leaving.count_works(member.workspace, member.user):
        message = _("This person owns objects here. Choose who takes them over.")
        raise ValidationFailed(message, errors={"transfer_to": [message]})
    leaving.leave_workspace(member, receiver.user if receiver else None, access=access)


def create_token(
    access: MemberAccess, *, name: str, days: int, scopes: Iterable[str]
) -> tuple[ApiToken, str]:
    """A token for oneself; returns its row and the secret, which is shown once.

    Raises ValidationFailed for scopes that are no permission points or beginnings of them, PermissionDenied
    where a token would make one that may do more or lives longer than itself.
    """
    wanted = sorted({scope.strip() for scope in scopes if scope.strip()})
    points = POINTS.keys()
    for scope in wanted:
        if not any(point == scope or point.startswith(f"{scope}.") for point in points):
            message = _("“%(scope)s” is not a scope.") % {"scope": scope}
            raise ValidationFailed(message, errors={"scopes": [message]})
    with transaction.atomic():
        row, secret = issue_token(
            access.user, access.workspace, name=name, days=days, scopes=wanted, access=access
        )
        if access.token is not None and not _within(row, access.token):
            raise PermissionDenied(
                _("A token cannot make one that may do more, or lives longer, than itself.")
            )
    return row, secret


def roles_by_code(workspace: Workspace, codes: Iterable[str]) -> list[Role]:
    """The roles of these codes. Raises ValidationFailed for no codes, and for one the workspace lacks."""
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


def _keep_an_administrator(leaving_member: WorkspaceMember) -> None:
    """Raises Conflict where nobody else could administer the workspace; organization managers stand in."""
    workspace = leaving_member.workspace
    # Two administrators that remove each other at the same moment must not both pass.
    Workspace.objects.select_for_update().get(pk=workspace.pk)
    others = RoleAssignment.objects.filter(
        role__workspace=workspace, role__code=ADMINISTRATOR, member__user__is_active=True
    ).exclude(member=leaving_member)
    managers = User.objects.filter(organization=workspace.organization_id, is_manager=True, is_active=True)
    was_one = leaving_member.assignments.filter(role__code=ADMINISTRATOR).exists()
    if was_one and not others.exists() and not managers.exists():
        raise Conflict(
            _("This is the last administrator of the workspace: make somebody else one first."),
            code="last_administrator",
        )


def _within(made: ApiToken, maker: ApiToken) -> bool:
    if made.expires_at > maker.expires_at:
        return False
    if not maker.scopes:
        return True
    covered = all(any(s == m or s.startswith(f"{m}.") for m in maker.scopes) for s in made.scopes)
    return bool(made.scopes) and covered
