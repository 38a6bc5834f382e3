"""Reads for an organization's managers: their sources, and how tables are shared."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.db.models import Q, QuerySet
from django.utils.translation import gettext as _

from admin_center.organizations.models import Workspace
from cdp.core.errors import NotFound
from insight.datasources.models import ColumnGrant, Connection, RowGrant, TableControl, TableGrant
from insight.datasources.organization.grants import EVERY_TABLE


def all_sources(organization: Any) -> QuerySet[Connection]:
    """The organization's own sources and those of all its workspaces."""
    mine = Q(organization=organization) | Q(workspace__organization=organization)
    return Connection.objects.filter(mine).select_related("workspace")


def source_of(organization: Any, pk: str) -> Connection:
    """One of the organization's own sources. Raises NotFound."""
    found = Connection.objects.filter(organization=organization, pk=pk).first()
    if found is None:
        raise NotFound(_("There is no such %(what)s here.") % {"what": Connection._meta.verbose_name})
    return found


def workspaces_with_grants(source: Connection) -> list[Workspace]:
    """The workspaces with which something of a source is shared."""
    keys = {
        *TableGrant.objects.filter(connection=source).values_list("workspace", flat=True),
        *RowGrant.objects.filter(control__connection=source).values_list("workspace", flat=True),
        *ColumnGrant.objects.filter(control__connection=source).values_list("workspace", flat=True),
    }
    return list(Workspace.objects.filter(pk__in=keys))


def sharing_of(source: Connection, tables: Sequence[str]) -> dict[str, dict[str, Any]]:
    """By table: `workspaces` that it is granted to as a whole, and whether `rows` and `columns` are controlled."""
    given: dict[str, set[str]] = {}
    rows = TableGrant.objects.filter(connection=source, remote__in=[*tables, EVERY_TABLE])
    for remote, workspace in rows.values_list("remote", "workspace__name"):
        given.setdefault(remote, set()).add(workspace)
    controls = {row.remote: row for row in TableControl.objects.filter(connection=source, remote__in=tables)}
    found = {}
    for table in tables:
        control = controls.get(table)
        found[table] = {
            "workspaces": sorted(given.get(table, set()) | given.get(EVERY_TABLE, set())),
            "rows": list(control.fields) if control else [],
            "columns": bool(control and control.by_columns),
        }
    return found


def known_tables(source: Connection) -> list[str]:
    """The tables that are shared in some way, for when the source does not answer."""
    return sorted(
        {
            *TableGrant.objects.filter(connection=source).values_list("remote", flat=True),
            *TableControl.objects.filter(connection=source).values_list("remote", flat=True),
        }
        - {EVERY_TABLE}
    )
