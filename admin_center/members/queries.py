"""Which workspaces people can enter, and whom an organization has."""

from __future__ import annotations

from django.db.models import Count, QuerySet

from admin_center.members.models import User, WorkspaceMember
from admin_center.organizations.models import Organization, Workspace


def workspaces_of(user: User) -> QuerySet[Workspace]:
    """The workspaces that a person can enter, by name: a manager all of the organization, others those they are in."""
    if user.is_manager:
        return Workspace.objects.filter(organization=user.organization_id)
    mine = WorkspaceMember.objects.filter(user=user).values("workspace")
    return Workspace.objects.filter(pk__in=mine)


def people_of(organization: Organization) -> QuerySet[User]:
    """Everybody in the organization, with `workspace_count`."""
    return User.objects.filter(organization=organization).annotate(workspace_count=Count("memberships"))


def landing_workspace(user: User) -> Workspace | None:
    """Where signing in leads: the workspace used last, or the only one; None where the person has to choose."""
    workspaces = list(workspaces_of(user))
    for workspace in workspaces:
        if workspace.pk == user.last_workspace_id:
            return workspace
    return workspaces[0] if len(workspaces) == 1 else None
