"""Use cases of user groups: people to whom rights on single objects are granted together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from admin_center.members.models import WorkspaceMember
from admin_center.permissions.models import UserGroup
from cdp.core import audit
from cdp.core.access import Access
from cdp.core.errors import Conflict, ValidationFailed

MANAGE = "admin.workspace"
LONGEST = 32


def create(access: Access, name: str, members: Iterable[str] = ()) -> UserGroup:
    """A new group of these members, by their IDs. Raises ValidationFailed, PermissionDenied."""
    access.require(MANAGE)
    group = UserGroup(workspace=access.workspace, name=_name(name))
    chosen = _members(access, members)
    with transaction.atomic():
        _save(group)
        group.members.set(chosen)
        audit.record(access, "user_group.created", group, after=_told(group, chosen))
    return group


def change(
    access: Access, group: UserGroup, *, name: str | None = None, members: Iterable[str] | None = None
) -> UserGroup:
    """Another name, or other members; what is None stays. Grants to the group follow at the next request."""
    access.require(MANAGE)
    chosen = None if members is None else _members(access, members)
    with transaction.atomic():
        present = _held(group)
        before = _told(group, present)
        if name is not None:
            group.name = _name(name)
            _save(group)
        if chosen is not None:
            group.members.set(chosen)
        audit.record(
            access,
            "user_group.changed",
            group,
            before=before,
            after=_told(group, present if chosen is None else chosen),
        )
    return group


def add(access: Access, group: UserGroup, members: Iterable[str]) -> UserGroup:
    """These members as well. Raises ValidationFailed."""
    with transaction.atomic():
        present = [member.pk for member in _held(group)]
        return change(access, group, members=[*present, *members])


def remove(access: Access, group: UserGroup, member: WorkspaceMember) -> UserGroup:
    """All but this member; nothing changes where it is not in the group."""
    with transaction.atomic():
        present = [row.pk for row in _held(group)]
        return change(access, group, members=[key for key in present if key != member.pk])


def delete(access: Access, group: UserGroup) -> None:
    """Remove an empty group, with the grants to it. Raises Conflict while somebody is in it."""
    access.require(MANAGE)
    with transaction.atomic():
        present = _held(group)
        if present:
            raise Conflict(
                _("People are in this group: %(names)s. Take them out first.")
                % {"names": ", ".join(str(member) for member in present[:10])},
                code="group_not_empty",
            )
        audit.record(access, "user_group.deleted", group, before={"name": group.name})
        group.delete()


def _held(group: UserGroup) -> list[WorkspaceMember]:
    """The members. Inside a transaction the group is held, so that two changes do not undo each other."""
    UserGroup.objects.select_for_update().get(pk=group.pk)
    return list(group.members.select_related("user").order_by("user__username"))


def _name(given: Any) -> str:
    name = given.strip() if isinstance(given, str) else ""
    if not 1 <= len(name) <= LONGEST:
        message = _("Give a name of 1 to %(length)d characters.") % {"length": LONGEST}
        raise ValidationFailed(message, errors={"name": [message]})
    return name


def _members(access: Access, ids: Iterable[str]) -> list[WorkspaceMember]:
    wanted = list(dict.fromkeys(str(key) for key in ids))
    rows = WorkspaceMember.objects.in_workspace(access.workspace).filter(pk__in=wanted)
    found = list(rows.select_related("user").order_by("user__username"))
    if len(found) != len(wanted):
        message = _("Choose members of this workspace.")
        raise ValidationFailed(message, errors={"members": [message]})
    return found


def _save(group: UserGroup) -> None:
    try:
        with transaction.atomic():
            group.save()
    except IntegrityError:
        message = _("There is a user group of this name already.")
        raise ValidationFailed(message, errors={"name": [message]}) from None


def _told(group: UserGroup, members: Sequence[WorkspaceMember]) -> dict[str, Any]:
    return {"name": group.name, "members": [member.user.username for member in members]}
