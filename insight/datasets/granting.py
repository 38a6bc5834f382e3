"""Letting others use or manage a dataset, all of it or some of its rows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import IntegrityError, transaction
from django.utils.translation import gettext as _

from admin_center.members.models import WorkspaceMember
from admin_center.permissions import grantees
from cdp.core import audit
from cdp.core.access import Access
from cdp.core.errors import ValidationFailed
from insight.datasets import rights
from insight.datasets.models import Dataset, DatasetGrant

MOST_COLUMNS = 5
MOST_VALUES = 200


def share(access: Access, dataset: Dataset, *, public: bool, row_columns: Any) -> Dataset:
    """Whether everybody may use the dataset, and the columns by whose values grants choose rows.

    Grants keep the values of columns that stay. Raises ValidationFailed, PermissionDenied.
    """
    rights.check_grant(dataset, access)
    known = rights.row_choices(dataset)
    if not isinstance(row_columns, list) or not all(isinstance(column, str) for column in row_columns):
        raise ValidationFailed(errors={"row_columns": [_("A list is needed here.")]})
    chosen = list(dict.fromkeys(row_columns))
    errors = [
        _("Rows cannot be chosen by “%(name)s”.") % {"name": column}
        for column in chosen
        if column not in known
    ]
    if len(chosen) > MOST_COLUMNS:
        errors.append(_("Choose at most %(most)d columns.") % {"most": MOST_COLUMNS})
    if errors:
        raise ValidationFailed(errors={"row_columns": errors})
    before = {"public": dataset.public, "row_columns": dataset.row_columns}
    dataset.public, dataset.row_columns = public, chosen
    with transaction.atomic():
        dataset.save(update_fields=["public", "row_columns"])
        after = {"public": public, "row_columns": chosen}
        audit.record(access, "dataset.shared", dataset, before=before, after=after)
    return dataset


def grant(access: Access, dataset: Dataset, data: Mapping[str, Any]) -> DatasetGrant:
    """Let a person (`user`), everybody with a role (`role`) or a user group (`group`) in.

    Raises ValidationFailed, PermissionDenied.

    Of data: `right` use or manage, `expires_at`, and `rows` {column: values} where the dataset chooses rows.
    """
    rights.check_grant(dataset, access)
    grantee = grantees.find(access, data, dataset.owner_id)
    row = DatasetGrant(workspace=access.workspace, dataset=dataset, granted_by=access.user, **grantee)
    _fill(row, dataset, data)
    try:
        with transaction.atomic():
            row.save()
            audit.record(access, "dataset.granted", dataset, after=_told(row))
    except IntegrityError as error:
        if "dataset_grant_once" not in str(error):
            raise
        field = next(kind for kind, found in grantee.items() if found)
        raise ValidationFailed(errors={field: [_("There is a grant already. Change that one.")]}) from None
    return row


def change(access: Access, row: DatasetGrant, data: Mapping[str, Any]) -> DatasetGrant:
    """Another right, time or rows of a grant; what `data` leaves out stays."""
    rights.check_grant(row.dataset, access)
    before = _told(row)
    present = {"right": row.right, "expires_at": row.expires_at, "rows": row.rows}
    for key in grantees.KINDS:
        if data.get(key) is not None:
            raise ValidationFailed(errors={key: [_("Make another grant for somebody else.")]})
    _fill(row, row.dataset, {**present, **data})
    with transaction.atomic():
        row.save()
        audit.record(access, "dataset.granted", row.dataset, before=before, after=_told(row))
    return row


def revoke(access: Access, row: DatasetGrant) -> None:
    """Take a grant back; it stops working at once."""
    rights.check_grant(row.dataset, access)
    with transaction.atomic():
        audit.record(access, "dataset.grant_revoked", row.dataset, before=_told(row))
        row.delete()


def forget(instance: WorkspaceMember, **_signal: object) -> None:
    """Take back the grants of somebody who leaves the workspace."""
    DatasetGrant.objects.in_workspace(instance.workspace_id).filter(user=instance.user_id).delete()


def _fill(row: DatasetGrant, dataset: Dataset, data: Mapping[str, Any]) -> None:
    errors: dict[str, list[str]] = {}
    unknown = set(data) - {*grantees.KINDS, "right", "expires_at", "rows"}
    errors |= {key: [_("Unknown field.")] for key in unknown}
    right = data.get("right", DatasetGrant.Right.USE)
    if right not in DatasetGrant.Right.values:
        choices = ", ".join(DatasetGrant.Right.values)
        errors["right"] = [_("Choose one of %(types)s.") % {"types": choices}]
    expires = grantees.expiry(data.get("expires_at"), errors)
    rows = data.get("rows") or {}
    values: dict[str, list[str]] = {}
    if not isinstance(rows, Mapping):
        errors["rows"] = [_("An object is needed here.")]
    else:
        for column, given in rows.items():
            if column not in dataset.row_columns:
                errors[f"rows/{column}"] = [_("Rows of this dataset are not chosen by this column.")]
            elif not isinstance(given, list) or not all(isinstance(value, str) for value in given):
                errors[f"rows/{column}"] = [_("A list is needed here.")]
            elif len(given) > MOST_VALUES:
                errors[f"rows/{column}"] = [_("Give at most %(most)d values.") % {"most": MOST_VALUES}]
            else:
                values[column] = list(dict.fromkeys(value.strip() for value in given if value.strip()))
    if right == DatasetGrant.Right.USE and not errors:
        for column in dataset.row_columns:
            if not values.get(column):
                errors[f"rows/{column}"] = [_("Give at least one value: without one, nobody sees a row.")]
    if errors:
        raise ValidationFailed(_("Some fields need another value."), errors=errors)
    row.right, row.expires_at = right, expires
    row.rows = values if right == DatasetGrant.Right.USE else {}


def _told(row: DatasetGrant) -> dict[str, Any]:
    """A grant for the audit log."""
    return {**row.told(), "right": row.right, "rows": row.rows}
