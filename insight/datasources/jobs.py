"""The job that imports a file."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cdp import lake
from cdp.core.errors import DomainError, ValidationFailed
from cdp.jobs import JobContext, JobKind, register
from insight.datasources import files, importing
from insight.datasources.models import SourceTable, Upload


@register
class ImportTable(JobKind):
    kind = "table.import"
    label = gettext_lazy("Import a table")
    queue = "compute"

    def run(self, job: JobContext) -> dict[str, Any]:
        table = SourceTable.objects.get(pk=job.params["table"], workspace=job.workspace)
        upload = Upload.objects.get(pk=job.params["upload"], workspace=job.workspace)
        options = files.Options(**upload.options)
        version = table.version + 1
        name = f"src_{table.pk}_v{version}"
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
        old = table.lake_table
        table.columns = [
            {"name": column.name, "type": importing.type_name(column.type), "nullable": column.nullable}
            for column in lake.columns(job.workspace, name)
        ]
        table.rows, table.bytes, table.version, table.lake_table = report.rows, upload.bytes, version, name
        table.state, table.error, table.report = SourceTable.State.READY, "", report.as_json()
        table.loaded_at = timezone.now()
        table.save()
        if old and old != name:
            lake.drop_table(job.workspace, old)
        Path(upload.path).unlink(missing_ok=True)
        upload.delete()
        return {"table": table.name, "rows": report.rows, "bad_rows": report.bad_rows}

    def on_failed(self, job: JobContext, error: DomainError) -> None:
        """The last good version stays; a table that never had one is failed, with the reason."""
        table = SourceTable.objects.filter(pk=job.params["table"]).first()
        if table is None:
            return
        table.error = str(error)
        table.state = SourceTable.State.READY if table.version else SourceTable.State.FAILED
        bad = error.extra.get("bad") if isinstance(error.extra.get("bad"), list) else []
        table.report = {**table.report, "bad": bad, "failed": str(error)}
        table.save(update_fields=["state", "error", "report", "updated_at"])
        upload = Upload.objects.filter(pk=job.params["upload"]).first()
        if upload is not None:
            Path(upload.path).unlink(missing_ok=True)
            upload.delete()


def _load(
    job: JobContext, table: SourceTable, upload: Upload, options: files.Options, name: str, work: Path
) -> importing.Report:
    path = Path(upload.path)
    if options.format == "parquet":
        job.phase(_("Loading"), progress=20)
        return importing.Report(rows=importing.load_parquet(job.workspace, path, name))
    job.phase(_("Reading the file"), progress=5)
    if options.format == "xlsx":
        path = files.xlsx_as_csv(path, work / "sheet.csv")
        options.encoding = "utf-8"
    else:
        path = files.as_utf8_csv(path, options, work / "clean.csv")
    clean = files.Options(
        format="csv",
        delimiter="," if options.delimiter == "spaces" or options.format == "xlsx" else options.delimiter,
        header=options.header,
        columns=options.columns,
    )
    names = files.column_names(path, clean)
    job.phase(_("Checking every row"), progress=25)
    staged = work / "staged.parquet"
    report = importing.stage(path, clean, names, staged)
    skip_bad = job.params["on_bad_rows"] == "skip"
    if report.bad_rows and not skip_bad:
        raise importing.bad_rows(report)
    if not report.rows:
        return report
    job.phase(_("Finding the types of the columns"), progress=55)
    chosen = {key: value for key, value in job.params["types"].items() if key in names}
    types = {**importing.infer(staged, names), **chosen}
    report.notes = importing.formula_notes(staged, names)
    job.phase(_("Writing %(rows)d rows") % {"rows": report.rows}, progress=75)
    importing.load(job.workspace, staged, name, types, skip_bad=skip_bad, report=report)
    return report
