"""How many IDs an organization may bring in, and how many it has brought in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from admin_center.organizations import modules
from cdp.core import audit, timezones
from cdp.core.access import Access
from cdp.core.errors import Conflict, PermissionDenied, ValidationFailed
from insight.omni.models import Intake, Quota

LEAST = 10_000
"""With fewer IDs left, nothing is pushed."""
YEAR = timedelta(days=365)
LAST_YEAR = 2200


@dataclass(frozen=True)
class Standing:
    """`used`: distinct recognised IDs of all workspaces. `owed`: those beyond every quota. `left`: may still come in.

    `spent` is what of each quota has been used, by its ID.
    """

    used: int
    owed: int
    left: int
    spent: Mapping[str, int]


def standing(
    quotas: Iterable[tuple[str, int, date, date]], uses: Iterable[tuple[date, int]], today: date
) -> Standing:
    """Spread uses over quotas: each use takes from those valid on its day, the one that ends first before others.

    quotas: (ID, amount, first day, last day); of those with the same days the one given first is used first.
    uses: (day, new IDs). What finds no quota is owed, and is taken from a later quota as soon as that is valid.
    """
    given = sorted(quotas, key=lambda quota: (quota[3], quota[2]))
    free = {key: amount for key, amount, _first, _last in given}
    taken = sorted(uses)
    events = sorted(
        [(day, 1, count) for day, count in taken] + [(first, 0, 0) for _k, _a, first, _l in given]
    )
    owed = 0
    for day, _order, count in events:
        if day > today:
            break
        owed += count
        for key, _amount, first, last in given:
            if first <= day <= last:
                part = min(owed, free[key])
                free[key] -= part
                owed -= part
    left = sum(free[key] for key, _amount, first, last in given if first <= today <= last)
    spent = {key: amount - free[key] for key, amount, _first, _last in given}
    return Standing(sum(count for _day, count in taken), owed, left, spent)


def of_organization(organization: Any, today: date) -> Standing:
    quotas = Quota.objects.filter(organization=organization).order_by("created_at", "pk")
    uses = Intake.objects.filter(workspace__organization=organization, fresh__gt=0).select_related(
        "workspace"
    )
    return standing(
        [(row.pk, row.amount, row.valid_from, row.valid_to) for row in quotas],
        [(row.created_at.astimezone(timezones.zone(row.workspace)).date(), row.fresh) for row in uses],
        today,
    )


def within(
    given: Mapping[str, Any], workspace: Any, *, everywhere: bool = False
) -> tuple[QuerySet[Quota], QuerySet[Intake]]:
    """Quotas of the organization that are valid on a day of a period, and what the workspace brought in then.

    given: `from` and `to`, days of the workspace, both included; without one, the period is open on that side.
    everywhere: what all workspaces of the organization brought in. Raises ValidationFailed.
    """
    errors: dict[str, list[str]] = {}
    first = _day(given.get("from"), date.min, "from", errors)
    last = _day(given.get("to"), date.max, "to", errors)
    if not errors and last < first:
        errors["to"] = [_("The last day is before the first.")]
    if errors:
        raise ValidationFailed(_("Some fields need another value."), errors=errors)
    quotas = Quota.objects.filter(
        organization=workspace.organization_id, valid_from__lte=last, valid_to__gte=first
    )
    intakes = Intake.objects.in_workspace(workspace)
    if everywhere:
        intakes = Intake.objects.filter(workspace__organization=workspace.organization_id)
    intakes = intakes.select_related("workspace")
    if first > date.min:
        intakes = intakes.filter(created_at__gte=_start(first, workspace))
    if last < date.max:
        intakes = intakes.filter(created_at__lt=_start(last + timedelta(days=1), workspace))
    return quotas, intakes


def _start(day: date, workspace: Any) -> datetime:
    return datetime.combine(day, time.min, timezones.zone(workspace))


def remaining(workspace: Any) -> int:
    """IDs that may still be pushed from the workspace's organization."""
    return of_organization(workspace.organization, timezones.today(workspace)).left


def check(workspace: Any) -> None:
    """Raises Conflict: module_off, or omni_resource_short where too little is left."""
    modules.check(workspace.organization, "omni_insight")
    left = remaining(workspace)
    if left < LEAST:
        raise Conflict(
            _("Only %(left)d resource IDs are left; at least %(least)d are needed.")
            % {"left": left, "least": LEAST},
            code="omni_resource_short",
        )


def manages(access: Access) -> bool:
    """Whether the person manages the organization: quotas and tag packs are theirs."""
    user = access.user
    return bool(user.is_manager and user.organization_id == access.workspace.organization_id)


def check_manages(access: Access) -> None:
    if not manages(access):
        raise PermissionDenied(_("Only managers of the organization can do this."))


def add(access: Access, data: Mapping[str, Any]) -> Quota:
    """A further quota: amount, valid_from (today), valid_to (a year later), note. Raises ValidationFailed."""
    check_manages(access)
    errors = {
        str(key): [_("Unknown field.")] for key in set(data) - {"amount", "valid_from", "valid_to", "note"}
    }
    amount = data.get("amount")
    if type(amount) is not int or not 1 <= amount <= 10**12:
        errors["amount"] = [_("Use a whole number of at least 1.")]
    today = timezones.today(access.workspace)
    first = _day(data.get("valid_from"), today, "valid_from", errors)
    if first.year > LAST_YEAR:
        errors["valid_from"] = [_("Give a day such as 2026-01-31.")]
        first = today
    last = _day(data.get("valid_to"), first + YEAR, "valid_to", errors)
    if last < first:
        errors["valid_to"] = [_("The last day is before the first.")]
    note = str(data.get("note") or "").strip()
    if len(note) > 200:
        errors["note"] = [_("Use at most %(length)d characters.") % {"length": 200}]
    if errors:
        raise ValidationFailed(_("Some fields need another value."), errors=errors)
    with transaction.atomic():
        row = Quota.objects.create(
            organization=access.workspace.organization,
            amount=amount,
            valid_from=first,
            valid_to=last,
            note=note,
            created_by=access.user,
        )
        audit.record(access, "omni.quota_added", row, after={"amount": amount, "valid_to": str(last)})
    return row


def _day(given: Any, default: date, name: str, errors: dict[str, list[str]]) -> date:
    if given in (None, ""):
        return default
    try:
        return given if type(given) is date else date.fromisoformat(str(given))
    except ValueError:
        errors[name] = [_("Give a day such as 2026-01-31.")]
        return default
