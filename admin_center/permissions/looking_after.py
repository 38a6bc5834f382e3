"""Those who look after a workspace or an organization, and telling them that something is wrong."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db.models import QuerySet
from django.utils import translation
from django.utils.functional import Promise

from admin_center.members.models import User
from admin_center.members.queries import landing_workspace, workspaces_of
from admin_center.permissions.models import ADMINISTRATOR
from cdp.console.notices import notify
from cdp.core.languages import language_of


def administrators_of(workspace: Any) -> QuerySet[User]:
    """Those who administer a workspace; the organization's managers where nobody does."""
    found = User.objects.filter(
        memberships__workspace=workspace, memberships__assignments__role__code=ADMINISTRATOR, is_active=True
    ).distinct()
    return found if found.exists() else managers_of(workspace.organization)


def managers_of(organization: Any) -> QuerySet[User]:
    return User.objects.filter(organization=organization, is_manager=True, is_active=True)


def tell(
    people: Iterable[User],
    title: Promise,
    words: dict[str, Any],
    *,
    text: Any,
    url: str,
    level: str,
    workspace: Any = None,
) -> None:
    """One notice each, in their language. Without a `workspace` it waits in the one that they use."""
    for person in people:
        place = workspace or landing_workspace(person) or workspaces_of(person).first()
        if place is None:
            continue
        with translation.override(language_of(person)):
            notify(place, person, str(title) % words, text=str(text), url=url, level=level)
