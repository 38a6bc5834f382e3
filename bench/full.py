"""Filling a workspace: many copies of an object of every kind, with the rules, versions and folders they need."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Callable, Iterable
from typing import Any

from django.db import models, transaction

from admin_center.audit.models import AuditEntry
from admin_center.members.models import User, WorkspaceMember
from admin_center.permissions.models import Role, RoleAssignment
from cdp.console.models import Notification
from cdp.jobs.models import Job
from insight.audiences.models import Audience, AudienceVersion, Dependency, Folder
from insight.datasets.models import Dataset, DatasetField, DatasetFolder, DatasetVersion, TagCategory
from insight.datasources.models import SourceTable
from marketing.channels.models import Provider, SenderAddress
from marketing.content.models import Signature, Template
from marketing.delivery.models import Recipient, SendOut, Suppression

FULL = {
    "audiences": 1000,
    "datasets": 200,
    "jobs": 10_000,
    "tables": 200,
    "folders": 50,
    "members": 100,
    "templates": 300,
    "send-outs": 300,
    "suppressions": 5000,
    "notices": 2000,
    "audit entries": 20_000,
}
"""How many of each a full workspace has."""
RECIPIENTS = 1000
"""Rows in the ledger of the one send-out that is finished."""

_numbers = itertools.count(1)
"""So that no two copies of a run are called alike."""
Values = Callable[[int, Any], dict[str, Any]]


def fill(workspace: Any, sizes: dict[str, int]) -> None:
    """Bring the workspace to these numbers. Every kind must have an object already, which is copied."""
    with transaction.atomic():
        _people(workspace, sizes["members"])
        _data(workspace, sizes)
        _audiences(workspace, sizes)
        _messages(workspace, sizes)
        _more(Job, {"workspace": workspace}, sizes["jobs"])
        _more(Notification, {"workspace": workspace}, sizes["notices"])
        _more(AuditEntry, {"workspace": workspace}, sizes["audit entries"])


def _more(
    model: type[models.Model], where: dict[str, Any], wanted: int, values: Values | None = None
) -> list[Any]:
    """Copies of the existing rows in turn, until there are as many as wanted; the new ones."""
    rows: Any = model._default_manager.filter(**where)
    originals = list(rows.order_by("pk"))
    missing = max(0, wanted - len(originals))
    copies = [
        _copy(row, number, values(number, row) if values else {})
        for number, row in zip(itertools.islice(_numbers, missing), itertools.cycle(originals), strict=False)
    ]
    return model._default_manager.bulk_create(copies, batch_size=1000)


def _copy(row: Any, number: int, values: dict[str, Any]) -> Any:
    made = copy.copy(row)
    made._state = models.base.ModelState()
    made.pk = row._meta.pk.get_default() if row._meta.pk.has_default() else None
    names = {field.name for field in row._meta.fields}
    if "name" in names and "name" not in values and not isinstance(row, DatasetField):
        made.name = f"{row.name[:24]} {number}"
    if "dedupe_key" in names:
        made.dedupe_key = ""
    for name, value in values.items():
        setattr(made, name, value)
    return made


def _children(
    made: Iterable[Any], model: type[models.Model], link: str, values: Values | None = None
) -> list[Any]:
    """Copies of the children that the first row of that parent's kind has, for each new parent."""
    parents = list(made)
    if not parents:
        return []
    rows: Any = model._default_manager
    held = rows.values_list(link, flat=True).filter(**{f"{link}__workspace": parents[0].workspace})
    sample = list(rows.filter(**{link: held.order_by(link).first()}))
    copies = [
        _copy(row, number, {link: parent} | (values(number, row) if values else {}))
        for number, parent in enumerate(parents)
        for row in sample
    ]
    return model._default_manager.bulk_create(copies, batch_size=1000)


def _people(workspace: Any, wanted: int) -> None:
    missing = max(0, wanted - WorkspaceMember.objects.filter(workspace=workspace).count())
    users = [
        User(username=f"{workspace.pk}-{number}", nickname=f"Person {number}")
        for number in itertools.islice(_numbers, missing)
    ]
    User.objects.bulk_create(users)
    members = WorkspaceMember.objects.bulk_create(
        WorkspaceMember(workspace=workspace, user=user) for user in users
    )
    roles = list(Role.objects.filter(workspace=workspace))
    RoleAssignment.objects.bulk_create(
        RoleAssignment(member=member, role=role) for member in members for role in roles[:2]
    )


def _data(workspace: Any, sizes: dict[str, int]) -> None:
    own = {"workspace": workspace}
    _more(SourceTable, own, sizes["tables"])
    folders = list(DatasetFolder.objects.filter(**own)) + _more(DatasetFolder, own, sizes["folders"])
    _more(TagCategory, own, 20)
    made = _more(
        Dataset,
        own,
        sizes["datasets"],
        lambda number, row: {"is_default": False, "folder": folders[number % len(folders)]},
    )
    _children(made, DatasetField, "dataset")
    _children(made, DatasetVersion, "dataset")


def _audiences(workspace: Any, sizes: dict[str, int]) -> None:
    own = {"workspace": workspace}
    folders = list(Folder.objects.filter(**own)) + _more(Folder, own, sizes["folders"])
    inputs = list(Audience.objects.filter(**own, origin="selection", current__isnull=False).order_by("pk"))

    def values(number: int, row: Audience) -> dict[str, Any]:
        """Every third one is made from two others."""
        found: dict[str, Any] = {"folder": folders[number % len(folders)], "public": number % 2 == 0}
        if number % 3 == 2:
            leaves = [
                {"kind": "audience", "audience": inputs[0].pk},
                {"kind": "audience", "audience": row.pk},
            ]
            found |= {"origin": "combination", "rule": {"op": "union", "items": leaves}}
        return found

    made = _more(Audience, own, sizes["audiences"], values)
    versions = _children(made, AudienceVersion, "audience")
    newest = {
        version.audience_id: version for version in sorted(versions, key=lambda version: version.number)
    }
    for row in made:
        row.current = newest[row.pk]
    Audience.objects.bulk_update(made, ["current"], batch_size=500)
    Dependency.objects.bulk_create(
        [
            *(
                Dependency(audience=row, kind="audience", target=inputs[0].pk)
                for row in made
                if row.origin == "combination"
            ),
            *(
                Dependency(audience=row, kind="dataset", target=row.rule["dataset"])
                for row in made
                if row.origin == "selection" and "dataset" in row.rule
            ),
        ]
    )


def _messages(workspace: Any, sizes: dict[str, int]) -> None:
    own = {"workspace": workspace}
    for model in (Provider, SenderAddress, Signature):
        changed: Values | None = None
        if model is SenderAddress:
            changed = lambda number, row: {"address": f"a{number}@example.com"}  # noqa: E731
        if model is Signature:
            changed = lambda number, row: {"text": f"Tides {number}"}  # noqa: E731
        _more(model, own, 20, changed)
    _more(Template, own, sizes["templates"])
    _more(SendOut, own, sizes["send-outs"])
    _more(Suppression, own, sizes["suppressions"], lambda number, row: {"target_hash": f"{number:064d}"})
    finished = SendOut.objects.filter(**own, recipients__isnull=False).first()
    if finished is not None:
        wanted = RECIPIENTS if sizes["send-outs"] >= FULL["send-outs"] else 2
        _more(
            Recipient,
            {"send_out": finished},
            wanted,
            lambda number, row: {"person": f"p{number}", "person_hash": f"{number:064d}"},
        )
