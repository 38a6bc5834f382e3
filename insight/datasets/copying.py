"""Copies of datasets: the same tables, columns and schedule under another name, to be changed on their own."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from cdp.core import audit, naming
from cdp.core.access import Access
from cdp.core.errors import ActionNotSupported, PermissionDenied, ValidationFailed
from insight.datasets import definition, services
from insight.datasets.models import Dataset
from insight.datasets.rights import check_manage

CREATE = "insight.dataset.create"
CHANGEABLE = frozenset({"name", "description", "folder"})


def may_copy(access: Access, dataset: Dataset) -> bool:
    """Whether the page offers it to somebody who manages the dataset."""
    return dataset.kind != Dataset.Kind.CUSTOM_TAGS and access.can(CREATE)


def copy(access: Access, dataset: Dataset, data: Mapping[str, Any]) -> Dataset:
    """A dataset of one's own with the same definition, which starts computing; `data`: name, description, folder.

    Whom the first one was shared with is not copied, nor are columns that are gone. Only who manages the dataset copies
    it: the copy has all rows. Raises PermissionDenied, ActionNotSupported, ValidationFailed.
    """
    check_manage(dataset, access)
    if not access.can(CREATE):
        raise PermissionDenied(point=CREATE)
    if dataset.kind == Dataset.Kind.CUSTOM_TAGS:
        raise ActionNotSupported(_("Custom tags stand in one dataset per user identifier. Copy the tags."))
    unknown = {key: [_("Unknown field.")] for key in sorted(set(data) - CHANGEABLE)}
    if unknown:
        raise ValidationFailed(_("Some fields need another value."), errors=unknown)
    written = definition.write(dataset)
    if "tags" in written:
        written["tags"] = [
            {key: value for key, value in tag.items() if key != "lost"}
            for tag in written["tags"]
            if not tag.get("lost")
        ]
    given = {
        "name": free_name(dataset),
        "kind": dataset.kind,
        "refresh": dataset.refresh or None,
        **written,
        **data,
    }
    with transaction.atomic():
        made = services.create(access, {key: value for key, value in given.items() if value is not None})
        services.queue_refresh(made, owner=access.user)
        audit.record(access, "dataset.copied", made, detail={"from": dataset.pk})
    return made


def free_name(dataset: Dataset) -> str:
    """A name for a copy that no dataset of the workspace has."""
    rows = Dataset.objects.in_workspace(dataset.workspace_id)
    return naming.first_free(dataset.name, naming.copies(), set(rows.values_list("name", flat=True)))
