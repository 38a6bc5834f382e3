"""Pages of the built-in data source: its tables, and uploading one."""

from __future__ import annotations

import json
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext_lazy as _

from cdp.console.generic import (
    BadgeColumn,
    Column,
    DateColumn,
    DeletePage,
    DetailPage,
    Fact,
    ListPage,
    NumberColumn,
)
from cdp.console.generic.base import WorkspaceView
from cdp.core.errors import DomainError, PermissionDenied
from cdp.jobs.services import active_job
from insight.datasources import queries, services
from insight.datasources.importing import TYPES
from insight.datasources.models import SourceTable, Upload

TYPE_LABELS = {
    "text": _("Text"),
    "integer": _("Whole number"),
    "number": _("Number"),
    "boolean": _("Yes or no"),
    "date": _("Date"),
    "datetime": _("Date and time"),
}


class TableList(ListPage):
    permission = "insight.datasource.view"
    title = _("Data sources")
    intro = _("Tables of the built-in lake. Upload a file to add one.")
    search_fields = ("name",)
    create_url_name = "datasources:upload"
    create_label = _("Upload a file")
    create_permission = "insight.datasource.manage"
    export_name = "tables"
    empty_icon = "database"
    empty_title = _("No tables yet")
    empty_text = _("Upload a CSV, Excel or Parquet file: everything else begins with it.")
    columns = (
        Column("name", _("Table"), sort="name", link=True),
        BadgeColumn("state", _("State"), label_of="get_state_display", hint="error", sort="state"),
        NumberColumn("rows", _("Rows"), sort="rows"),
        NumberColumn("columns", _("Columns"), value=lambda table: len(table.columns)),
        DateColumn("loaded_at", _("Loaded"), sort="loaded_at"),
    )

    def get_queryset(self) -> QuerySet[SourceTable]:
        return SourceTable.objects.in_workspace(self.workspace)

    def row_url(self, row: SourceTable) -> str:
        return self.reverse("datasources:table", pk=row.pk)


class TableDetail(DetailPage):
    permission = "insight.datasource.view"
    model = SourceTable
    template_name = "insight/datasources/table.html"
    back_url_name = "datasources:list"
    back_label = _("Data sources")

    def facts(self, obj: SourceTable) -> list[Fact]:
        return [
            Fact(_("Rows"), f"{obj.rows:,}" if obj.rows is not None else "–"),
            Fact(_("Loaded"), obj.loaded_at),
            Fact(_("Version"), obj.version),
            Fact(_("Datasets"), ", ".join(services.used_by(obj)) or "–"),
        ]

    def extra(self, obj: SourceTable) -> dict[str, Any]:
        sample = queries.sample(obj, clear=self.access.can("privacy.unmask"))
        return {
            "job": active_job(obj),
            "profile": queries.profile(obj),
            "sample_columns": sample["columns"],
            "sample_rows": [list(row.values()) for row in sample["rows"]],
            "may_manage": self.access.can("insight.datasource.manage"),
            "may_create": self.access.can("insight.dataset.create"),
        }


class DeleteTable(DeletePage):
    permission = "insight.datasource.manage"
    model = SourceTable
    back_url_name = "datasources:list"

    def blockers(self, obj: SourceTable) -> list[str]:
        return services.used_by(obj)

    def delete(self, obj: SourceTable) -> None:  # type: ignore[override]
        services.delete_table(self.access, obj)


class UploadFile(WorkspaceView):
    """Step 1: send the file."""

    permission = "insight.datasource.manage"
    title = _("Upload a file")

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return self.show()

    def show(self, error: str = "", status: int = 200) -> HttpResponse:
        context = self.get_context(error=error, back_url=self.reverse("datasources:list"))
        return self.render("insight/datasources/upload.html", context, status=status)

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        file = request.FILES.get("file")
        if file is None:
            return self.show(str(_("Choose a file first.")), 422)
        try:
            upload = services.create_upload(self.access, file, file.name or "")
        except PermissionDenied:
            raise
        except DomainError as error:
            return self.show(str(error), 422)
        return HttpResponseRedirect(self.reverse("datasources:upload-check", pk=upload.pk))


class CheckUpload(WorkspaceView):
    """Step 2: look at the first rows, name the table, correct types; then the import starts."""

    permission = "insight.datasource.manage"
    title = _("Check the file")

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return self.show()

    def upload(self) -> Upload:
        return Upload.objects.get_in(self.workspace, self.kwargs["pk"])

    def show(self, errors: dict[str, Any] | None = None, status: int = 200) -> HttpResponse:
        upload = self.upload()
        try:
            preview, problem = services.preview(upload), ""
        except DomainError as error:
            preview, problem = {}, str(error)
        name = self.request.POST.get("name") or upload.file_name.split(".")[0]
        chosen = self.request.POST
        columns = [
            {"name": column, "chosen": chosen.get(f"type-{index}", "")}
            for index, column in enumerate(preview.get("columns", []))
        ]
        context = self.get_context(
            upload=upload,
            preview=preview,
            columns=columns,
            problem=problem,
            errors=errors or {},
            name=name,
            types=[(key, TYPE_LABELS[key]) for key in TYPES],
            skip=chosen.get("on_bad_rows") == "skip",
            back_url=self.reverse("datasources:upload"),
        )
        return self.render("insight/datasources/check.html", context, status=status)

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        upload = self.upload()
        names = json.loads(request.POST.get("columns", "[]"))
        types = {
            str(column): kind
            for index, column in enumerate(names)
            if (kind := request.POST.get(f"type-{index}", ""))
        }
        try:
            job = services.start_import(
                self.access,
                upload,
                request.POST.get("name", ""),
                types=types,
                on_bad_rows=request.POST.get("on_bad_rows", "fail"),
            )
        except PermissionDenied:
            raise
        except DomainError as error:
            return self.show(error.errors or {"name": [str(error)]}, 422)
        return HttpResponseRedirect(self.reverse("datasources:table", pk=job.subject_id))
