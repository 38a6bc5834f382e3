"""What people decide about identities: joining two people, telling two apart, and taking that back."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from cdp.core import audit
from cdp.core.access import Access
from cdp.core.errors import Conflict, ValidationFailed
from insight.oneid import services
from insight.oneid.graph import Decisions, Id
from insight.oneid.models import IdentityDecision
from insight.oneid.queries import Person

REASON_LENGTH = 200


def in_force(workspace: Any) -> Decisions:
    """The decisions that runs keep to."""
    found = Decisions()
    rows = IdentityDecision.objects.in_workspace(workspace).filter(withdrawn_at=None)
    for row in rows.order_by("created_at", "pk"):
        first, second = _ids(row.first), _ids(row.second)
        if row.kind == IdentityDecision.Kind.MERGE:
            found.joined.append((first[0], second[0]))
        else:
            found.parted.append((first, second))
    # What was moved away together stays together, unless it has been told apart, too.
    for _kept, moved in found.parted:
        found.joined.extend((moved[0], item) for item in moved[1:] if not _apart(moved[0], item, found))
    return found


def _apart(first: Id, second: Id, found: Decisions) -> bool:
    return any(
        (first in one and second in other) or (first in other and second in one)
        for one, other in found.parted
    )


def merge(access: Access, first: Person, second: Person, reason: str = "") -> IdentityDecision:
    """Two people are one. Starts a run. Raises Conflict where they are the same already, PermissionDenied."""
    access.require(services.MANAGE)
    if first.one_id == second.one_id:
        raise Conflict(_("This is the same person already."), code="same_person")
    row = _decide(access, IdentityDecision.Kind.MERGE, [_anchor(first)], [_anchor(second)], reason)
    audit.record(access, "oneid.merged", row, detail={"people": [first.one_id, second.one_id]})
    return row


def split(access: Access, person: Person, keys: list[str], reason: str = "") -> IdentityDecision:
    """The IDs named by `keys` belong to somebody else. Starts a run. Raises ValidationFailed, PermissionDenied."""
    access.require(services.MANAGE)
    moved = [item for item in person.ids if str(item.key) in keys]
    kept = [item for item in person.ids if str(item.key) not in keys]
    if not moved or not kept:
        message = _("Choose some of the IDs, and leave at least one.")
        raise ValidationFailed(message, errors={"ids": [message]})
    row = _decide(
        access,
        IdentityDecision.Kind.SPLIT,
        [item.as_id() for item in kept],
        [item.as_id() for item in moved],
        reason,
    )
    audit.record(access, "oneid.split", row, detail={"person": person.one_id, "ids": len(moved)})
    return row


def withdraw(access: Access, decision: IdentityDecision) -> IdentityDecision:
    """A decision no longer counts. Starts a run. Raises Conflict where it does not count any more, PermissionDenied."""
    access.require(services.MANAGE)
    with transaction.atomic():
        done = IdentityDecision.objects.filter(pk=decision.pk, withdrawn_at=None).update(
            withdrawn_at=timezone.now()
        )
        if not done:
            raise Conflict(_("This decision has been withdrawn already."), code="already_withdrawn")
        services.queue(services.get_graph(access.workspace), owner=access.user)
    audit.record(access, "oneid.decision_withdrawn", decision)
    decision.refresh_from_db()
    return decision


@transaction.atomic
def _decide(access: Access, kind: str, first: list[Id], second: list[Id], reason: str) -> IdentityDecision:
    if len(reason) > REASON_LENGTH:
        message = _("Use at most %(length)d characters.") % {"length": REASON_LENGTH}
        raise ValidationFailed(message, errors={"reason": [message]})
    _overrule(access, kind, first, second)
    row = IdentityDecision.objects.create(
        workspace=access.workspace, kind=kind, first=first, second=second, reason=reason, owner=access.user
    )
    services.queue(services.get_graph(access.workspace), owner=access.user)
    return row


def _overrule(access: Access, kind: str, first: list[Id], second: list[Id]) -> None:
    """The later decision counts: earlier ones of the other kind about the same two sides are withdrawn."""
    one, other = {tuple(item) for item in first}, {tuple(item) for item in second}
    rows = IdentityDecision.objects.in_workspace(access.workspace).filter(withdrawn_at=None)
    for row in rows.exclude(kind=kind):
        a, b = {tuple(item) for item in row.first}, {tuple(item) for item in row.second}
        if (a & one and b & other) or (a & other and b & one):
            IdentityDecision.objects.filter(pk=row.pk).update(withdrawn_at=timezone.now())


def _anchor(person: Person) -> Id:
    """The ID that stands for a person: the surest one."""
    if not person.ids:
        raise Conflict(_("This person has no IDs."), code="no_ids")
    return max(person.ids, key=lambda item: (item.confidence, item.id_type, item.value)).as_id()


def _ids(stored: Any) -> list[Id]:
    return [(item[0], item[1], item[2]) for item in stored]
