"""What a workspace may read of an organization's sources.

A table whose rows or columns are controlled is shared by those grants alone; any other by a grant of the table. Rows
must have a granted value in every controlled field; an empty value belongs to those who have all values.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from cdp.core.errors import Conflict, NotFound
from cdp.jobs.services import active_job
from insight.datasources.models import ColumnGrant, Connection, Feed, RowGrant, TableControl, TableGrant

EVERY_TABLE = ""
"""The name of a table grant that holds for all tables."""
Values = frozenset[str] | None


@dataclass(frozen=True)
class Given:
    """The grants of a workspace for one table. Of `values`, None means every value; a field may be missing."""

    table: bool = False
    ended_at: datetime | None = None
    fields: tuple[str, ...] = ()
    values: Mapping[str, Values] = field(default_factory=dict)
    by_columns: bool = False
    columns: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Allowed:
    """What may be read of a table: `columns`, None for all; `rows` with one of the values in each of the fields."""

    columns: frozenset[str] | None = None
    rows: tuple[tuple[str, frozenset[str]], ...] = ()

    def has(self, column: str) -> bool:
        return self.columns is None or column in self.columns

    @property
    def fingerprint(self) -> str:
        """The same for the same rights; empty where everything may be read."""
        if self == EVERYTHING:
            return ""
        columns = None if self.columns is None else sorted(self.columns)
        rows = sorted((name, sorted(values)) for name, values in self.rows)
        return hashlib.sha256(json.dumps([columns, rows]).encode()).hexdigest()


EVERYTHING = Allowed()


def evaluate(given: Given) -> Allowed | None:
    """What the grants give; None for nothing at all."""
    if not given.fields and not given.by_columns:
        return EVERYTHING if given.table else None
    rows = []
    for name in given.fields:
        values = given.values.get(name, frozenset())
        if values is not None:
            rows.append((name, values))
    columns = given.columns if given.by_columns else None
    if columns == frozenset() or any(not values for _name, values in rows):
        return None
    return Allowed(columns, tuple(rows))


def allowed(source: Connection, table: str, workspace: Any) -> Allowed:
    """What a workspace may read of a table. Raises Conflict `no_grant`, NotFound for a source of somebody else."""
    if not source.is_shared:
        if source.workspace_id != workspace.pk:
            raise NotFound()
        return EVERYTHING
    if source.organization_id != workspace.organization_id:
        raise NotFound()
    given = given_to(source, workspace)(table)
    found = evaluate(given)
    if found is None:
        raise refusal(table, given)
    return found


def check_copy(feed: Feed) -> None:
    """Raises Conflict where rows copied before must not be read now.

    `no_grant`: nothing of the table is shared any more. `grant_changed`: other rows or columns are shared than were
    copied; the next copy obeys, and is due at once.
    """
    part = allowed(feed.connection, feed.remote, feed.workspace)
    if feed.copied_at and feed.granted != part.fingerprint:
        text = _(
            "Your organization has changed what it shares of “%(table)s”. The table is being copied anew; try again "
            "when that has ended."
        )
        raise Conflict(text % {"table": feed.remote}, code="grant_changed")


def obey_anew(source: Connection, tables: Iterable[str]) -> None:
    """Have those copies of tables made anew at once that do not obey what is shared now, or had failed for that.

    A copy under way began with what was shared before. EVERY_TABLE among the tables means all.
    """
    feeds = Feed.objects.filter(connection=source).select_related("connection", "workspace", "table")
    names = list(tables)
    if EVERY_TABLE not in names:
        feeds = feeds.filter(remote__in=names)
    due = [
        feed.pk
        for feed in feeds
        if feed.error_code == "no_grant" or active_job(feed.table) or not _obeys(feed)
    ]
    Feed.objects.filter(pk__in=due).update(next_copy_at=timezone.now())


def _obeys(feed: Feed) -> bool:
    try:
        check_copy(feed)
    except Conflict:
        return False
    return True


def refusal(table: str, given: Given) -> Conflict:
    """Why a table cannot be read, for the people of the workspace."""
    words = {"table": table}
    missing = [name for name in given.fields if given.values.get(name, frozenset()) == frozenset()]
    if missing:
        reason = _(
            "Rows of “%(table)s” are shared by %(fields)s, and your workspace has been given no value of it yet."
        )
        words["fields"] = ", ".join(missing)
    elif given.by_columns and not given.columns:
        reason = _("No column of “%(table)s” is shared with your workspace.")
    elif given.ended_at:
        reason = _("“%(table)s” was shared with your workspace until %(date)s.")
        words["date"] = date_format(timezone.localtime(given.ended_at), "DATETIME_FORMAT")
    else:
        reason = _("“%(table)s” is not shared with your workspace.")
    text = f"{reason % words} {_('Ask a manager of your organization. What was computed before stays.')}"
    return Conflict(text, code="no_grant")


def given_to(source: Connection, workspace: Any) -> Callable[[str], Given]:
    """The grants of a workspace for each table of a source, read at once."""
    now = timezone.now()
    ends: dict[str, datetime | None] = dict(
        TableGrant.objects.in_workspace(workspace)
        .filter(connection=source)
        .values_list("remote", "expires_at")
    )
    controls = {
        control.remote: control
        for control in TableControl.objects.filter(connection=source)
        if _active(control)
    }
    values: dict[int, dict[str, Values]] = {}
    for row in RowGrant.objects.in_workspace(workspace).filter(control__connection=source):
        fields = values.setdefault(row.control_id, {})
        present = fields.get(row.field, frozenset())
        fields[row.field] = None if row.every or present is None else present | {row.value}
    columns: dict[int, set[str]] = {}
    for key, name in (
        ColumnGrant.objects.in_workspace(workspace)
        .filter(control__connection=source)
        .values_list("control", "name")
    ):
        columns.setdefault(key, set()).add(name)

    def of_table(table: str) -> Given:
        mine = [ends[name] for name in (table, EVERY_TABLE) if name in ends]
        valid = any(end is None or end > now for end in mine)
        ended = None if valid else max((end for end in mine if end), default=None)
        control = controls.get(table)
        if control is None:
            return Given(valid, ended)
        return Given(
            valid,
            ended,
            tuple(control.fields),
            values.get(control.pk, {}),
            control.by_columns,
            frozenset(columns.get(control.pk, ())),
        )

    return of_table


def readable(source: Connection, workspace: Any, tables: Iterable[str]) -> dict[str, Allowed]:
    """The tables of a source that a workspace may read, with what of them."""
    if not source.is_shared:
        return dict.fromkeys(tables, EVERYTHING)
    given = given_to(source, workspace)
    found = {table: evaluate(given(table)) for table in tables}
    return {table: part for table, part in found.items() if part is not None}


def taken_back(workspace: Any) -> list[str]:
    """Keys of the tables that are copied from an organization's sources and must not be read now (`check_copy`)."""
    feeds = Feed.objects.in_workspace(workspace).filter(connection__organization__isnull=False)
    by_source: dict[Connection, list[Feed]] = {}
    for feed in feeds.select_related("connection"):
        by_source.setdefault(feed.connection, []).append(feed)
    closed = []
    for source, copied in by_source.items():
        open_ones = readable(source, workspace, {feed.remote for feed in copied})
        for feed in copied:
            part = open_ones.get(feed.remote)
            if part is None or (feed.copied_at and feed.granted != part.fingerprint):
                closed.append(str(feed.table_id))
    return closed


def sources_seen_in(workspace: Any) -> QuerySet[Connection]:
    """The sources that a workspace sees: its own, and the organization's of which something is shared with it."""
    now = timezone.now()
    mine = {"workspace": workspace}
    valid = Q(expires_at=None) | Q(expires_at__gt=now)
    granted = (
        Exists(TableGrant.objects.filter(valid, connection=OuterRef("pk"), **mine))
        | Exists(RowGrant.objects.filter(control__connection=OuterRef("pk"), **mine))
        | Exists(ColumnGrant.objects.filter(control__connection=OuterRef("pk"), **mine))
    )
    return Connection.objects.filter(
        Q(workspace=workspace) | Q(granted, organization=workspace.organization_id)
    )


def source_seen_in(workspace: Any, pk: str) -> Connection:
    """One source that a workspace sees. Raises NotFound."""
    found = sources_seen_in(workspace).filter(pk=pk).first()
    if found is None:
        raise NotFound(_("There is no such %(what)s here.") % {"what": Connection._meta.verbose_name})
    return found


def _active(control: TableControl) -> bool:
    return bool(control.fields or control.by_columns)
