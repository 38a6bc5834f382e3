"""What a person may do in a workspace: organization manager, roles, and the scopes of a token."""

from __future__ import annotations

from typing import Any

from django.utils.functional import cached_property
from django.utils.translation import gettext as _

from admin_center.members.models import ApiToken, User, WorkspaceMember
from admin_center.members.queries import workspaces_of
from admin_center.organizations import modules
from admin_center.organizations.models import Workspace
from admin_center.permissions.models import Role
from admin_center.permissions.points import POINTS
from cdp.core.errors import NotFound, PermissionDenied


class MemberAccess:
    """A person in a workspace (implements cdp.core.access.Access). Roles are read once, when first asked for."""

    def __init__(
        self, user: User, workspace: Workspace, member: WorkspaceMember | None, token: ApiToken | None = None
    ) -> None:
        self.user = user
        self.workspace = workspace
        self.member = member
        self.token = token

    def __repr__(self) -> str:
        return f"<MemberAccess {self.user.username} in {self.workspace.slug}>"

    @cached_property
    def roles(self) -> list[Role]:
        """The person's roles here; an organization manager may have none and still every right."""
        if self.member is None:
            return []
        return list(Role.objects.filter(assignments__member=self.member))

    @cached_property
    def is_admin(self) -> bool:
        """Whether the person is this workspace's administrator or a manager of its organization."""
        if self.user.is_manager and self.user.organization_id == self.workspace.organization_id:
            return True
        return any(role.is_administrator for role in self.roles)

    @cached_property
    def points(self) -> frozenset[str]:
        """All permission points held, before a token narrows them."""
        there = {point.code for point in POINTS if not self._is_off(point.code)}
        if self.is_admin:
            return frozenset(there)
        everyone = {point.code for point in POINTS if point.everyone}
        return frozenset(there & everyone.union(*(role.permissions for role in self.roles)))

    @cached_property
    def workspaces(self) -> list[Workspace]:
        """All workspaces that the person can enter, for the switcher."""
        return list(workspaces_of(self.user))

    def can(self, point: str) -> bool:
        """Whether the person holds the point. Raises KeyError for one that nobody has registered."""
        return POINTS[point].code in self.points and self._in_scope(point)

    def require(self, point: str) -> None:
        """Raises PermissionDenied where `can(point)` is false, saying whether roles or the token lack it.

        Where its module is switched off, NotFound (module_off).
        """
        if self.can(point):
            return
        if self._is_off(point):
            raise NotFound(modules.message(POINTS[point].module), code="module_off")
        if point in self.points:
            raise PermissionDenied(
                _(
                    "The token's scopes do not include “%(point)s”. Make a token with this scope and use that one."
                )
                % {"point": point},
                point=point,
            )
        raise PermissionDenied(
            _(
                "Your roles do not include the right “%(label)s” (%(point)s). Ask an administrator of the workspace."
            )
            % {"label": POINTS[point].label, "point": point},
            point=point,
        )

    def _is_off(self, point: str) -> bool:
        return modules.is_off(self.workspace.organization, POINTS[point].module)

    def _in_scope(self, point: str) -> bool:
        """A token without scopes may do what its person may; a scope covers itself and all points below it."""
        if self.token is None or not self.token.scopes:
            return True
        if POINTS[point].everyone:
            return True
        return any(point == scope or point.startswith(f"{scope}.") for scope in self.token.scopes)


def access_for(user: Any, workspace: Workspace | str, *, token: ApiToken | None = None) -> MemberAccess:
    """The access of `user` to a workspace, given as an object or by its slug.

    Raises NotFound where the workspace does not exist, the person is not in it, or the token is another workspace's:
    the three look alike, so that nobody learns which workspaces exist.
    """
    missing = NotFound(_("There is no such workspace, or you are not a member of it."))
    if user is None or not user.is_authenticated or not user.is_active:
        raise missing
    if isinstance(workspace, str):
        found = Workspace.objects.select_related("organization").filter(slug=workspace).first()
        if found is None:
            raise missing
        workspace = found
    if isinstance(token, ApiToken) and token.workspace_id != workspace.pk:
        raise missing
    member = WorkspaceMember.objects.filter(workspace=workspace, user_id=user.pk).first()
    is_manager = user.is_manager and user.organization_id == workspace.organization_id
    if member is None and not is_manager:
        raise missing
    return MemberAccess(user, workspace, member, token if isinstance(token, ApiToken) else None)
