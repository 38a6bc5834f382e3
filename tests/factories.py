"""Organizations, workspaces and people for tests, made through the services that make them in production."""

from __future__ import annotations

from itertools import count
from typing import Any

from admin_center.members.models import User, WorkspaceMember
from admin_center.members.services import create_user
from admin_center.members.tokens import issue_token
from admin_center.organizations.models import Organization, Workspace
from admin_center.organizations.services import create_organization, create_workspace
from admin_center.permissions.access import MemberAccess, access_for
from admin_center.permissions.services import add_member

PASSWORD = "correct horse 42"
_numbers = count(1)


def make_organization(name: str = "") -> Organization:
    return create_organization(name or f"Organization {next(_numbers)}")


def make_workspace(organization: Organization | None = None, **values: Any) -> Workspace:
    """A workspace with the preset roles. `values`: name, slug, description, time_zone."""
    name = values.pop("name", "") or f"Workspace {next(_numbers)}"
    return create_workspace(organization or make_organization(), name, **values)


def make_user(username: str = "", **values: Any) -> User:
    """Somebody who is in no workspace, with the password PASSWORD."""
    return create_user(username or f"person{next(_numbers)}", **{"password": PASSWORD, **values})


def make_manager(organization: Organization, username: str = "") -> User:
    """A manager of the organization, who has every right in all of its workspaces."""
    return make_user(username, organization=organization, is_manager=True)


def make_member(workspace: Workspace, *roles: str, user: User | None = None) -> WorkspaceMember:
    """A member with roles (administrator unless told): administrator, developer, analyst."""
    return add_member(workspace, user or make_user(), roles or ("administrator",))


def make_access(workspace: Workspace | None = None, *roles: str, user: User | None = None) -> MemberAccess:
    """The access of a new member with these roles (administrator unless told)."""
    workspace = workspace or make_workspace()
    member = make_member(workspace, *roles, user=user)
    return access_for(member.user, workspace)


def make_token(access: MemberAccess, *scopes: str, days: int = 30) -> str:
    """A bearer token for the API in the name of a member."""
    return issue_token(access.user, access.workspace, name="test", scopes=scopes, days=days)[1]
