"""Use cases of tables that are copied from a source: bring in, change how, copy now or by schedule, part."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from cdp.core import audit, schedules
from cdp.core.access import Access
from cdp.core.errors import Conflict, NotFound, ValidationFailed
from cdp.jobs import start_job
from cdp.jobs.models import Job
from cdp.jobs.services import active_job
from insight.datasources import services as tables
from insight.datasources.connections import browsing
from insight.datasources.connections.copying import CURSOR_TYPES
from insight.datasources.connections.diagnosis import session
from insight.datasources.connections.types import RemoteColumn
from insight.datasources.files import check_names
from insight.datasources.models import Connection, Feed, SourceTable
from insight.datasources.organization import grants

log = logging.getLogger(__name__)
SETTINGS = ("columns", "mode", "cursor", "key", "refresh")
CYCLES = ("off", "hour", "day")
RETRY = timedelta(hours=1)


def bring_in(access: Access, connection: Connection, values: Mapping[str, Any]) -> tuple[SourceTable, Job]:
    """A new table of the lake that is copied from `table` of a source, and the job of its first copy.

    `values`: table, and optionally name, columns, mode, cursor, key, refresh. Raises ValidationFailed with the fields,
    Conflict for a name that is taken or a table that is not shared, NotFound for one that is not there, DomainError
    (502).
    """
    _check_fields(values, ("table", "name", *SETTINGS))
    remote = values.get("table")
    if not isinstance(remote, str) or not remote:
        raise _wrong("table", _("Name a table of the source."))
    name = tables.check_name(_text(values, "name") or suggested_name(remote))
    part = browsing.seen_by(access.workspace, connection, remote)
    with session(connection) as opened:
        found, columns = browsing.find(opened, connection, remote)
    columns = [column for column in columns if part.has(column.name)]
    feed = Feed(workspace=access.workspace, connection=connection, remote=found.name, created_by=access.user)
    _assign(feed, values, columns)
    with transaction.atomic():
        table = tables.new_table(access, name, fed=True)
        Feed.objects.filter(table=table).delete()
        feed.table = table
        feed.next_copy_at = _next(feed)
        feed.save(force_insert=True)
        audit.record(
            access,
            "table.brought_in",
            table,
            after={"name": name, "source": connection.name, "table": remote, **_shown(feed)},
        )
        return table, _start(feed, owner=access.user)


def change(access: Access, feed: Feed, values: Mapping[str, Any]) -> Feed:
    """Change columns, mode, cursor, key or refresh. Another way of copying makes the next copy a whole one.

    Raises ValidationFailed with the fields, Conflict `no_grant`, DomainError (502) where the source does not answer.
    """
    _check_fields(values, SETTINGS)
    before = _shown(feed)
    if set(values) - {"refresh"}:
        columns = _columns(feed)
        _assign(feed, {**before, **values}, columns)
    else:
        _assign_refresh(feed, values)
    after = {name: value for name, value in _shown(feed).items() if value != before[name]}
    if "columns" in after:
        feed.known = [column for column in feed.known if not feed.columns or column["name"] in feed.columns]
    if set(after) - {"refresh"}:
        feed.cursor_value = ""
    if "refresh" in after:
        feed.next_copy_at = _next(feed)
    feed.save()
    if after:
        audit.record(
            access,
            "table.feed_changed",
            feed.table,
            before={name: before[name] for name in after},
            after=after,
        )
    return feed


def copy_now(access: Access, feed: Feed, *, whole: bool = False, accept_columns: bool = False) -> Job:
    """Copy what is new, or with `whole` all of it again, in a job; the one that is running where there is one.

    With `accept_columns` columns that are gone or have another type are taken as they are now, in a whole copy.
    """
    job = _start(feed, owner=access.user, whole=whole, accept_columns=accept_columns)
    audit.record(
        access, "table.copied", feed.table, detail={"whole": whole, "accept_columns": accept_columns}
    )
    return job


def part(access: Access, feed: Feed) -> SourceTable:
    """Leave the table as it is, without a source.

    Raises Conflict while it is being copied or has no rows yet, and `no_grant` or `grant_changed` where its rows are
    not shared with the workspace any more.
    """
    table = feed.table
    if active_job(table):
        raise Conflict(
            _("Rows are being loaded into this table. Wait until that has ended, or cancel it."), code="busy"
        )
    if not table.version:
        raise Conflict(_("Nothing has been copied yet. Remove the table instead."), code="no_rows")
    grants.check_copy(feed)
    with transaction.atomic():
        audit.record(
            access, "table.parted", table, before={"source": feed.connection.name, "table": feed.remote}
        )
        feed.delete()
        table.error = ""
        table.save(update_fields=["error", "updated_at"])
    return table


def feed_of(table: SourceTable) -> Feed:
    """Raises NotFound where the table is not copied from a source."""
    feed = Feed.objects.select_related("connection", "table__workspace").filter(table=table).first()
    if feed is None:
        raise NotFound(_("This table is not copied from a database."))
    return feed


def suggested_name(remote: str) -> str:
    """A name for the table in the lake, made from the source's."""
    name = re.sub(r"[^\w .-]", "_", remote.strip()).lstrip(" .-")[:64].rstrip()
    return name or "table"


def describe(feed: Feed) -> str:
    """How a table is copied, in words."""
    if feed.mode == Feed.Mode.INCREMENTAL:
        return _("What is new, by %(column)s") % {"column": feed.cursor}
    return str(feed.get_mode_display())


def start_due() -> int:
    """Start every copy that is due: once after a downtime, and none while one is running.

    Each on its own: one that cannot be started is tried again in an hour and stops no other.
    """
    started, now = 0, timezone.now()
    for key in Feed.objects.filter(next_copy_at__lte=now).values_list("pk", flat=True):
        try:
            with transaction.atomic():
                rows = Feed.objects.select_for_update(skip_locked=True, of=("self",))
                feed = (
                    rows.filter(pk=key, next_copy_at__lte=now)
                    .select_related("table", "workspace", "created_by", "connection")
                    .first()
                )
                if feed is None or active_job(feed.table):
                    continue
                Feed.objects.filter(pk=key).update(next_copy_at=_next(feed))
                _start(feed, owner=feed.created_by)
                started += 1
        except Exception:
            log.exception("The copy of %s could not be started.", key)
            Feed.objects.filter(pk=key).update(next_copy_at=now + RETRY)
    return started


def _start(feed: Feed, *, owner: Any, whole: bool = False, accept_columns: bool = False) -> Job:
    table = feed.table
    return start_job(
        "table.copy",
        workspace=feed.workspace,
        owner=owner,
        params={
            "table": table.pk,
            "version": table.version,
            "whole": whole or accept_columns,
            "accept_columns": accept_columns,
        },
        subject=table,
        title=_("Copy %(name)s") % {"name": table.name},
        dedupe_key=f"table.import:{table.pk}",
    )


def _next(feed: Feed) -> Any:
    return schedules.next_time(feed.refresh, feed.workspace, timezone.now())


def _columns(feed: Feed) -> list[RemoteColumn]:
    part = browsing.seen_by(feed.workspace, feed.connection, feed.remote)
    with session(feed.connection) as opened:
        found = browsing.find(opened, feed.connection, feed.remote)[1]
    return [column for column in found if part.has(column.name)]


def _shown(feed: Feed) -> dict[str, Any]:
    return {name: getattr(feed, name) for name in SETTINGS}


def _check_fields(values: Mapping[str, Any], known: tuple[str, ...]) -> None:
    errors = {str(name): [_("Unknown field.")] for name in values if name not in known}
    if errors:
        raise ValidationFailed(_("Some fields need another value."), errors=errors)


def _assign(feed: Feed, values: Mapping[str, Any], columns: list[RemoteColumn]) -> None:
    """Put checked settings on a feed. Raises ValidationFailed at the field."""
    present = {column.name: column for column in columns}
    chosen = values.get("columns") or []
    if not isinstance(chosen, list) or any(name not in present for name in map(str, chosen)):
        raise _wrong("columns", _("Choose columns of the table, or leave the list empty for all."))
    feed.columns = [name for name in present if name in chosen]
    check_names(feed.columns or list(present))
    feed.mode = values.get("mode") or Feed.Mode.FULL
    if feed.mode not in Feed.Mode.values:
        raise _wrong("mode", _("Choose one of %(types)s.") % {"types": ", ".join(Feed.Mode.values)})
    feed.cursor, feed.key = _text(values, "cursor"), _text(values, "key")
    if feed.mode == Feed.Mode.FULL:
        feed.cursor = feed.key = ""
    else:
        _check_cursor(feed, present)
    _assign_refresh(feed, values)


def _check_cursor(feed: Feed, present: dict[str, RemoteColumn]) -> None:
    fitting = [name for name in (feed.columns or present) if present[name].type in CURSOR_TYPES]
    if feed.cursor not in fitting:
        raise _wrong(
            "cursor",
            _("Choose a copied column that grows with every new row: a whole number, a date or a time."),
        )
    if feed.key and feed.key not in (feed.columns or present):
        raise _wrong("key", _("Choose a copied column that tells rows apart, or none."))


def _assign_refresh(feed: Feed, values: Mapping[str, Any]) -> None:
    feed.refresh = schedules.check(values.get("refresh") or {"every": "off"}, CYCLES)


def _text(values: Mapping[str, Any], name: str) -> str:
    value = values.get(name) or ""
    if not isinstance(value, str):
        raise _wrong(name, _("This must be text."))
    return value


def _wrong(field: str, message: str) -> ValidationFailed:
    return ValidationFailed(message, errors={field: [message]})
