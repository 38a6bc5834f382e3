"""Use cases of sharing an organization's sources with workspaces: tables, rows, columns. All work at once.

Callers have checked that the person manages the organization.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from admin_center.organizations.models import Workspace
from cdp.core import audit
from cdp.core.access import Access
from cdp.core.errors import NotFound, ValidationFailed
from insight.datasources.connections import browsing
from insight.datasources.connections.diagnosis import session
from insight.datasources.connections.types import RemoteColumn
from insight.datasources.models import ColumnGrant, Connection, RowGrant, TableControl, TableGrant
from insight.datasources.organization.conditions import CONTROL_TYPES, normal
from insight.datasources.organization.grants import EVERY_TABLE, obey_anew

MOST_FIELDS = 5
MOST_VALUES = 5000
"""Values of one field that one workspace can be given; beyond, all values are the better grant."""


def workspaces_named(source: Connection, slugs: Iterable[Any]) -> list[Workspace]:
    """Workspaces of the source's organization. Raises ValidationFailed for none, and for others."""
    wanted = list(dict.fromkeys(str(slug) for slug in slugs))
    found = {
        row.slug: row
        for row in Workspace.objects.filter(organization=source.organization_id, slug__in=wanted)
    }
    unknown = [slug for slug in wanted if slug not in found]
    if unknown or not wanted:
        raise _wrong("workspaces", _("Choose workspaces of your organization."))
    return [found[slug] for slug in wanted]


def grant_tables(
    access: Access,
    source: Connection,
    tables: Sequence[str],
    workspaces: Sequence[Workspace],
    *,
    expires_at: datetime | None = None,
) -> None:
    """Share tables, [EVERY_TABLE] for all, until a time or for good. What was shared before gets the new end.

    Raises ValidationFailed for a time that is over and for tables that are not there, DomainError (502).
    """
    if expires_at is not None and expires_at <= timezone.now():
        raise _wrong("expires_at", _("Give a time in the future."))
    _check_tables(source, tables)
    with transaction.atomic():
        for table in tables:
            for workspace in workspaces:
                TableGrant.objects.update_or_create(
                    connection=source,
                    workspace=workspace,
                    remote=table,
                    defaults={"expires_at": expires_at, "warned": None, "created_by": access.user},
                )
        until = expires_at.isoformat() if expires_at else None
        _changed(access, "source.tables_granted", source, tables, workspaces, after={"until": until})


def revoke_tables(
    access: Access, source: Connection, tables: Sequence[str], workspaces: Sequence[Workspace]
) -> None:
    """Take tables back. Raises NotFound where none of them was shared."""
    with transaction.atomic():
        gone, _by_model = TableGrant.objects.filter(
            connection=source, remote__in=tables, workspace__in=workspaces
        ).delete()
        if not gone:
            raise NotFound(_("There is no such grant any more."))
        _changed(access, "source.tables_revoked", source, tables, workspaces)


def granted(source: Connection, tables: Sequence[str]) -> list[dict[str, Any]]:
    """The workspaces that all of the tables are shared with: [{"workspace", "expires_at", "differs"}].

    Where the ends differ there is none, and `differs` says so.
    """
    found: dict[str, list[TableGrant]] = {}
    rows = TableGrant.objects.filter(connection=source, remote__in=tables).select_related("workspace")
    for row in rows.order_by("workspace__name"):
        found.setdefault(row.workspace_id, []).append(row)
    listed = []
    for grants in found.values():
        if len(grants) < len(set(tables)):
            continue
        ends = {grant.expires_at for grant in grants}
        end = ends.pop() if len(ends) == 1 else None
        listed.append({"workspace": grants[0].workspace, "expires_at": end, "differs": bool(ends)})
    return listed


def control_rows(
    access: Access, source: Connection, table: str, fields: Sequence[str], *, confirmed: bool = False
) -> TableControl | None:
    """The columns whose values decide about rows, the same for all workspaces; [] ends it, which must be confirmed.

    A new one hides all rows until values of it are given; one that goes takes its values along. Raises
    ValidationFailed, DomainError (502).
    """
    wanted = list(dict.fromkeys(fields))
    if wanted:
        present = columns_of(source, table)
        unfit = [name for name in wanted if name not in present or present[name].type not in CONTROL_TYPES]
        if unfit:
            message = _("Rows cannot be shared by %(names)s: choose columns of the table that hold no dates.")
            raise _wrong("fields", message % {"names": ", ".join(unfit)})
        if len(wanted) > MOST_FIELDS:
            raise _wrong("fields", _("Choose at most %(most)d columns.") % {"most": MOST_FIELDS})
    with transaction.atomic():
        control = _locked(source, table)
        before = list(control.fields)
        if before and not wanted and not confirmed:
            raise _unconfirmed()
        control.fields = wanted
        RowGrant.objects.filter(control=control).exclude(field__in=wanted).delete()
        audit.record(
            access,
            "source.rows_controlled",
            source,
            before={"fields": before},
            after={"fields": wanted},
            detail={"table": table},
        )
        kept = _kept(control)
        obey_anew(source, [table])
        return kept


def give_values(
    access: Access,
    source: Connection,
    table: str,
    workspace: Workspace,
    field: str,
    values: Sequence[str] | None,
) -> None:
    """Give a workspace the rows with these values of a controlled field; None gives every value, also those to come.

    Raises ValidationFailed, DomainError (502).
    """
    column = None if values is None else columns_of(source, table).get(field)
    with transaction.atomic():
        control = _locked(source, table)
        if field not in control.fields or (values is not None and column is None):
            raise _wrong("field", _("Rows of this table are not shared by this column."))
        mine = {"control": control, "workspace": workspace, "field": field}
        if values is None or column is None:
            RowGrant.objects.filter(**mine, every=False).delete()
            RowGrant.objects.get_or_create(**mine, value="", every=True)
        else:
            kept = list(dict.fromkeys(normal(column, str(value)) for value in values))
            count = RowGrant.objects.filter(**mine).exclude(value__in=kept).count() + len(kept)
            if not kept or count > MOST_VALUES:
                raise _wrong("values", _("Give 1 to %(most)d values.") % {"most": MOST_VALUES})
            rows = [RowGrant(**mine, value=value) for value in kept]
            RowGrant.objects.bulk_create(rows, ignore_conflicts=True)
        told = "*" if values is None else list(values)
        _changed_part(access, "source.rows_granted", source, table, workspace, {field: told})


def take_values(
    access: Access,
    source: Connection,
    table: str,
    workspace: Workspace,
    field: str,
    values: Sequence[str] | None,
) -> None:
    """Take values of a controlled field back; None takes the grant of every value. Raises NotFound."""
    with transaction.atomic():
        rows = RowGrant.objects.filter(
            control=_locked(source, table), workspace=workspace, field=field, every=values is None
        )
        gone, _by_model = (rows if values is None else rows.filter(value__in=values)).delete()
        if not gone:
            raise NotFound(_("There is no such grant any more."))
        told = "*" if values is None else list(values)
        _changed_part(access, "source.rows_revoked", source, table, workspace, {field: told})


def control_columns(
    access: Access, source: Connection, table: str, enabled: bool, *, confirmed: bool = False
) -> TableControl | None:
    """Whether a table is shared by columns. Ending it must be confirmed, and takes the granted columns along."""
    present = list(columns_of(source, table)) if enabled else []
    with transaction.atomic():
        control = _locked(source, table)
        before = control.by_columns
        if before and not enabled and not confirmed:
            raise _unconfirmed()
        control.by_columns = enabled
        if enabled and not before:
            control.known_columns = present
        if not enabled:
            ColumnGrant.objects.filter(control=control).delete()
        audit.record(
            access,
            "source.columns_controlled",
            source,
            before={"enabled": before},
            after={"enabled": enabled},
            detail={"table": table},
        )
        kept = _kept(control)
        obey_anew(source, [table])
        return kept


def give_columns(
    access: Access, source: Connection, table: str, workspace: Workspace, names: Sequence[str] | None
) -> None:
    """Give a workspace columns; None gives all that the table has now. Raises ValidationFailed, DomainError (502)."""
    present = columns_of(source, table)
    wanted = list(present) if names is None else list(dict.fromkeys(names))
    if not wanted or any(name not in present for name in wanted):
        raise _wrong("columns", _("Choose columns of the table."))
    with transaction.atomic():
        control = _locked(source, table)
        if not control.by_columns:
            raise _wrong("columns", _("This table is not shared by columns."))
        rows = [ColumnGrant(control=control, workspace=workspace, name=name) for name in wanted]
        ColumnGrant.objects.bulk_create(rows, ignore_conflicts=True)
        _changed_part(access, "source.columns_granted", source, table, workspace, {"columns": wanted})


def take_columns(
    access: Access, source: Connection, table: str, workspace: Workspace, names: Sequence[str]
) -> None:
    """Take columns back. Raises NotFound."""
    with transaction.atomic():
        gone, _by_model = ColumnGrant.objects.filter(
            control=_locked(source, table), workspace=workspace, name__in=names
        ).delete()
        if not gone:
            raise NotFound(_("There is no such grant any more."))
        _changed_part(access, "source.columns_revoked", source, table, workspace, {"columns": list(names)})


def control_of(source: Connection, table: str) -> TableControl:
    """How a table is controlled; an unsaved row where it is not."""
    found = TableControl.objects.filter(connection=source, remote=table).first()
    return found or TableControl(connection=source, remote=table)


def values_given(control: TableControl, workspace: Any = None) -> dict[str, dict[str, list[str] | None]]:
    """By workspace and field the granted values, None for all: {slug: {field: values}}."""
    if control.pk is None:
        return {}
    rows = RowGrant.objects.filter(control=control).order_by("field", "value")
    found: dict[str, dict[str, list[str] | None]] = {}
    for slug, field, value, every in (
        rows if workspace is None else rows.filter(workspace=workspace)
    ).values_list("workspace__slug", "field", "value", "every"):
        fields = found.setdefault(slug, {})
        values = fields.setdefault(field, [])
        if every or values is None:
            fields[field] = None
        else:
            values.append(value)
    return found


def columns_given(control: TableControl) -> dict[str, list[str]]:
    """By workspace the granted columns: {slug: names}."""
    if control.pk is None:
        return {}
    found: dict[str, list[str]] = {}
    rows = ColumnGrant.objects.filter(control=control).order_by("name")
    for slug, name in rows.values_list("workspace__slug", "name"):
        found.setdefault(slug, []).append(name)
    return found


def columns_of(source: Connection, table: str) -> dict[str, RemoteColumn]:
    """The columns that a table has now. Raises NotFound, DomainError (502)."""
    with session(source) as opened:
        return {column.name: column for column in browsing.find(opened, source, table)[1]}


def _check_tables(source: Connection, tables: Sequence[str]) -> None:
    if not tables or (EVERY_TABLE in tables and len(tables) > 1):
        raise _wrong("tables", _("Choose tables, or all of them."))
    if EVERY_TABLE in tables:
        return
    present = {table.name for table in browsing.tables(source)}
    gone = [table for table in tables if table not in present]
    if gone:
        raise _wrong(
            "tables", _("The source has no tables of these names: %(names)s.") % {"names": ", ".join(gone)}
        )


def _locked(source: Connection, table: str) -> TableControl:
    TableControl.objects.get_or_create(connection=source, remote=table)
    return TableControl.objects.select_for_update().get(connection=source, remote=table)


def _kept(control: TableControl) -> TableControl | None:
    """Save a control; nothing is kept of one that controls nothing."""
    if control.fields or control.by_columns:
        control.save()
        return control
    control.delete()
    return None


def _changed(
    access: Access,
    action: str,
    source: Connection,
    tables: Sequence[str],
    workspaces: Sequence[Workspace],
    after: dict[str, Any] | None = None,
) -> None:
    """Write a change to the audit log, and have the copies follow it."""
    detail = {"tables": [table or "*" for table in tables], "workspaces": [row.slug for row in workspaces]}
    audit.record(access, action, source, after=after, detail=detail)
    obey_anew(source, tables)


def _changed_part(
    access: Access, action: str, source: Connection, table: str, workspace: Workspace, part: dict[str, Any]
) -> None:
    """The same for rows or columns of one table."""
    audit.record(access, action, source, detail={"table": table, "workspace": workspace.slug, **part})
    obey_anew(source, [table])


def _unconfirmed() -> ValidationFailed:
    return _wrong("confirm", _("This lets more workspaces read more of the table. Confirm that you mean it."))


def _wrong(field: str, message: str) -> ValidationFailed:
    return ValidationFailed(message, errors={field: [message]})
