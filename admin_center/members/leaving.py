"""Handing over what somebody owns, and leaving a workspace."""

from __future__ import annotations

from django.apps import apps
from django.core.exceptions import FieldDoesNotExist
from django.db import models, transaction

from admin_center.members.models import ApiToken, User, WorkspaceMember
from admin_center.members.tokens import revoke_token
from admin_center.organizations.models import Workspace
from cdp.core import audit
from cdp.core.access import Access
from cdp.core.models import WorkspaceScoped


def owned_models() -> list[type[models.Model]]:
    """All kinds of objects that belong to a workspace and have an owner."""
    return [model for model in apps.get_models() if issubclass(model, WorkspaceScoped) and _has_owner(model)]


def count_works(workspace: Workspace, user: User) -> dict[str, int]:
    """How many objects of each kind somebody owns in a workspace, without the kinds of which there are none."""
    counts = {
        str(model._meta.verbose_name_plural): model._default_manager.filter(
            workspace=workspace, owner=user
        ).count()
        for model in owned_models()
    }
    return {name: number for name, number in counts.items() if number}


@transaction.atomic
def transfer_works(workspace: Workspace, giver: User, receiver: User) -> dict[str, int]:
    """Make `receiver` the owner of all that `giver` owns in the workspace; returns how many of which kind."""
    moved = {
        model._meta.label_lower: model._default_manager.filter(workspace=workspace, owner=giver).update(
            owner=receiver
        )
        for model in owned_models()
    }
    return {name: number for name, number in moved.items() if number}


@transaction.atomic
def leave_workspace(member: WorkspaceMember, receiver: User | None, *, access: Access | None = None) -> None:
    """Take a person out of a workspace; their objects go to `receiver`, their tokens stop working.

    Who is in no other workspace then leaves the organization as well, unless they manage it.
    """
    user, workspace = member.user, member.workspace
    moved = transfer_works(workspace, user, receiver) if receiver else {}
    for token in ApiToken.objects.in_workspace(workspace).filter(user=user):
        revoke_token(token, access)
    audit.record(
        access,
        "member.removed",
        member,
        detail={"moved": moved, "to": str(receiver or "")},
        workspace=workspace,
    )
    member.delete()
    if not user.is_manager and not user.memberships.exists():
        user.organization = None
        user.save(update_fields=["organization", "updated_at"])


def _has_owner(model: type[models.Model]) -> bool:
    try:
        return model._meta.get_field("owner").related_model is User
    except FieldDoesNotExist:
        return False
