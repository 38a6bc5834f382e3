"""The job that imports a file."""

from __future__ import annotations

import csv
import shutil
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cdp import lake
from cdp.core.csv_export import escape_formula
from cdp.core.errors import DomainError, NotFound, ValidationFailed
from cdp.jobs import JobContext, JobKind, register
from insight.datasources import files, importing, parquet, workbooks
from insight.datasources.models import SourceTable, Upload


@register
class ImportTable(JobKind):
    kind = "table.import"
    label = gettext_lazy("Import a table")
    queue = "compute"

    def run(self, job: JobContext) -> dict[str, Any]:
        table = SourceTable.objects.in_workspace(job.workspace).filter(pk=job.params["table"]).first()
        if table is None:
            raise NotFound(_("The table has been removed meanwhile."))
        upload = Upload.objects.in_workspace(job.workspace).filter(pk=job.params["upload"]).first()
        if upload is None and table.version > job.params.get("version", 0):
            # A worker died after it had published the version.
            return {"table": table.name, "rows": table.rows}
        if upload is None:
            raise ValidationFailed(
                _("The file has been read or removed already. Upload it again."), code="upload_gone"
            )
        options = files.Options(**upload.options)
        name = table.lake_table_of(table.version + 1)
        work = Path(settings.LAKE_TEMP_PATH) / f"import-{job.row.pk}"
        work.mkdir(parents=True, exist_ok=True)
        try:
            report = _load(job, table, upload, options, name, work)
        finally:
            shutil.rmtree(work, ignore_errors=True)
        if not report.rows:
            lake.drop_table(job.workspace, name)
            raise ValidationFailed(
                _("The file has no rows below its header. Nothing was loaded."), code="no_rows"
            )
        with transaction.atomic():
            _publish(job, table, upload, report, name)
            upload.delete()
        Path(upload.path).unlink(missing_ok=True)
        if table.version > 2:
            lake.drop_table(job.workspace, table.lake_table_of(table.version - 2))
        return {"table": table.name, "rows": report.rows, "bad_rows": report.bad_rows}

    def on_failed(self, job: JobContext, error: DomainError) -> None:
        """The last good version stays; a table that never had one is failed, with the reason."""
        table = SourceTable.objects.filter(pk=job.params["table"]).first()
        if table is None:
            return
        if table.version > job.params.get("version", table.version):
            return
        table.error = str(error)
        table.state = SourceTable.State.READY if table.version else SourceTable.State.FAILED
        bad = error.extra.get("bad") if isinstance(error.extra.get("bad"), list) else []
        table.report = {**table.report, "bad": bad, "failed": str(error)}
        table.save(update_fields=["state", "error", "report", "updated_at"])
        upload = Upload.objects.filter(pk=job.params["upload"]).first()
        if upload is not None:
            discard(upload)


def discard(upload: Upload) -> None:
    """Remove a kept file."""
    upload.delete()
    Path(upload.path).unlink(missing_ok=True)


def _publish(
    job: JobContext, table: SourceTable, upload: Upload, report: importing.Report, name: str
) -> None:
    """Make the written lake table the current version. The one before stays a while for whoever is reading it."""
    appended = job.params.get("mode") == "append"
    table.columns = [
        {"name": column.name, "type": importing.type_name(column.type), "nullable": column.nullable}
        for column in lake.columns(job.workspace, name)
    ]
    table.rows = report.rows + (table.rows or 0 if appended else 0)
    table.bytes = upload.bytes + (table.bytes or 0 if appended else 0)
    table.version, table.lake_table = table.version + 1, name
    table.state, table.error, table.report = SourceTable.State.READY, "", report.as_json()
    table.loaded_at = timezone.now()
    table.save(
        update_fields=[
            *("columns", "rows", "bytes", "version", "lake_table", "state", "error", "report", "loaded_at"),
            "updated_at",
        ]
    )


def _keep_bad_rows(table: SourceTable, report: importing.Report) -> None:
    """The refused lines as a file to download; none where there are none."""
    path = table.bad_rows_path
    path.unlink(missing_ok=True)
    if not report.bad:
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8-sig", newline="") as out:
        writer = csv.writer(out)
        writer.writerow(["line", "column", "problem", "value"])
        for row in report.bad:
            writer.writerow([escape_formula(str(row[key])) for key in ("line", "column", "problem", "value")])


def _load(
    job: JobContext, table: SourceTable, upload: Upload, options: files.Options, name: str, work: Path
) -> importing.Report:
    path = Path(upload.path)
    append_to = table.lake_table if job.params.get("mode") == "append" else ""
    if options.format == "parquet":
        job.phase(_("Loading"), progress=20)
        return importing.Report(rows=parquet.load(job.workspace, path, name, append_to=append_to))
    job.phase(_("Reading the file"), progress=5)
    text = _clean(path, options, work)
    chosen = job.params["types"]
    if unknown := sorted(set(chosen) - set(text.names)):
        raise ValidationFailed(
            _("The file has no such columns: %(names)s. Nothing was loaded.") % {"names": ", ".join(unknown)},
            code="unknown_columns",
        )
    job.phase(_("Checking every row"), progress=25)
    staged = work / "staged.parquet"
    report = importing.stage(text, staged)
    skip_bad = job.params["on_bad_rows"] == "skip"
    if report.bad_rows and not skip_bad:
        _keep_bad_rows(table, report)
        raise importing.bad_rows(report)
    if not report.rows:
        return report
    if append_to:
        types = _types_of(table, text.names)
    else:
        job.phase(_("Finding the types of the columns"), progress=55)
        types = {**importing.infer(staged, text.names), **chosen}
    report.notes = importing.formula_notes(staged, text.names)
    job.phase(_("Writing %(rows)d rows") % {"rows": report.rows}, progress=75)
    try:
        importing.load(
            job.workspace,
            staged,
            name,
            types,
            skip_bad=skip_bad,
            report=report,
            text=text,
            append_to=append_to,
        )
    finally:
        _keep_bad_rows(table, report)
    return report


def _clean(path: Path, options: files.Options, work: Path) -> importing.Clean:
    if options.format == "xlsx":
        path = workbooks.as_csv(path, work / "sheet.csv")
        options = files.Options(header=options.header)
        return importing.Clean(path, options, *files.column_names(path, options), sheet=True)
    path = files.as_utf8_csv(path, options, work / "clean.csv")
    options = files.Options(delimiter=options.separator, header=options.header)
    return importing.Clean(path, options, *files.column_names(path, options))


def _types_of(table: SourceTable, names: list[str]) -> dict[str, str]:
    """The table's own types, for rows that are appended. Raises ValidationFailed unless the columns are the same."""
    types = {column["name"]: column["type"] for column in table.columns}
    importing.check_same(set(names), set(types))
    return {name: types[name] for name in names}
