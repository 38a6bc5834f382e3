"""The work of copying a table from a source."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cdp import lake
from cdp.core.errors import Conflict, DomainError, NotFound, ValidationFailed
from cdp.jobs import JobContext, JobKind, register
from insight.datasources import importing
from insight.datasources.connections import copying, parts
from insight.datasources.models import Feed, SourceTable

_HALF_DONE = 500_000
"""Rows after which half of the bar is filled, where nobody knows how many there are."""


@register
class CopyTable(JobKind):
    """Copies are written beside the present version, which the pointer leaves only at the end."""

    kind = "table.copy"
    label = gettext_lazy("Copy a table from a database")
    queue = "compute"
    gate = "table.copy"

    def run(self, job: JobContext) -> dict[str, Any]:
        feed = _feed(job)
        if feed is None:
            raise NotFound(_("The table has been removed meanwhile."))
        table = feed.table
        if table.version > job.params["version"]:
            # A worker died after it had published the version.
            return {"table": table.name, "rows": table.rows}
        job.phase(_("Looking at the source"), progress=2)
        found = copying.plan(feed, whole=job.params["whole"], accept_columns=job.params["accept_columns"])
        work = _folder(job)
        work.mkdir(parents=True, exist_ok=True)
        result = self._copy(job, feed, found, work)
        shutil.rmtree(work, ignore_errors=True)
        return result

    def _copy(self, job: JobContext, feed: Feed, found: copying.Plan, work: Path) -> dict[str, Any]:
        table = feed.table
        cut = parts.cut(feed, found, copying.condition(feed, found), work)
        _tell(job, found, cut, len(parts.finished(work, cut)))
        total = cut.rows

        def progress(rows: int) -> None:
            share = rows / total if total else rows / (rows + _HALF_DONE)
            job.progress(5 + 70 * min(1, share), done=rows, total=max(total, rows) if total else None)

        fetched = copying.fetch(feed, found, cut, work, progress)
        rows = fetched.rows
        if found.unshared:
            job.log(
                _("No longer shared with this workspace: %(names)s.") % {"names": ", ".join(found.unshared)},
                level="warning",
            )
        if not rows and not found.since and found.where:
            raise Conflict(
                _(
                    "The source has no rows that are shared with your workspace. Nothing was copied; rows copied "
                    "before stay."
                ),
                code="no_grant",
            )
        if not rows and not found.since:
            raise ValidationFailed(
                _("The table is empty in the source. Nothing was copied; rows copied before stay."),
                code="no_rows",
            )
        job.phase(_("Writing %(rows)d rows") % {"rows": rows}, progress=80)
        name = table.lake_table_of(table.version + 1)
        written = copying.write(feed, found, fetched, name)
        if written is None:
            feed.copied_at, feed.error_code = timezone.now(), ""
            feed.save(update_fields=["copied_at", "error_code"])
            SourceTable.objects.filter(pk=table.pk).update(error="")
            job.log(_("The source has nothing new."))
            return {"table": table.name, "rows": table.rows, "read": rows}
        _publish(job, feed, found, written, name, fetched.size)
        if table.version > 2:
            lake.drop_table(job.workspace, table.lake_table_of(table.version - 2))
        return {"table": table.name, "rows": written.rows, "read": written.read}

    def on_failed(self, job: JobContext, error: DomainError) -> None:
        """The last good version stays; a table that never had one is failed, with the reason."""
        shutil.rmtree(_folder(job), ignore_errors=True)
        feed = _feed(job)
        if feed is None or feed.table.version > job.params["version"]:
            return
        table = feed.table
        table.error = str(error)
        table.state = SourceTable.State.READY if table.version else SourceTable.State.FAILED
        table.save(update_fields=["state", "error", "updated_at"])
        feed.error_code = error.code[:40]
        feed.save(update_fields=["error_code"])


def _folder(job: JobContext) -> Path:
    """Where fetched rows lie until the job has ended, also while it waits for another attempt."""
    return Path(settings.LAKE_TEMP_PATH) / f"import-{job.row.pk}"


def _tell(job: JobContext, found: copying.Plan, cut: parts.Cut, finished: int) -> None:
    """What is going to be read, and what of it is there already."""
    number = len(cut.conditions)
    if number > 1:
        phase = _("Reading the table in %(parts)d parts") % {"parts": number}
    else:
        phase = _("Reading what is new") if found.since else _("Reading the table")
    job.phase(phase, progress=5)
    if finished:
        job.log(
            _("Going on where the last attempt ended: %(done)d of %(parts)d parts are there.")
            % {"done": finished, "parts": number}
        )


def _feed(job: JobContext) -> Feed | None:
    return (
        Feed.objects.in_workspace(job.workspace)
        .select_related("table__workspace", "connection")
        .filter(pk=job.params["table"])
        .first()
    )


def _publish(
    job: JobContext, feed: Feed, found: copying.Plan, written: copying.Written, name: str, size: int
) -> None:
    """Make the written lake table the current version, and note how far the copy has got."""
    job.check_cancelled()
    table = feed.table
    table.columns = [
        {"name": column.name, "type": importing.type_name(column.type), "nullable": column.nullable}
        for column in lake.columns(job.workspace, name)
    ]
    table.rows, table.bytes = written.rows, size + (table.bytes or 0 if found.since else 0)
    table.version, table.lake_table = table.version + 1, name
    table.state, table.error = SourceTable.State.READY, ""
    table.report = importing.Report(rows=written.rows).as_json()
    table.loaded_at = feed.copied_at = timezone.now()
    feed.cursor_value, feed.error_code, feed.granted = written.cursor_value, "", found.granted
    feed.known = copying.known(found)
    with transaction.atomic():
        table.save(
            update_fields=[
                *("columns", "rows", "bytes", "version", "lake_table", "state", "error", "report"),
                *("loaded_at", "updated_at"),
            ]
        )
        feed.save(update_fields=["cursor_value", "known", "copied_at", "error_code", "granted"])
