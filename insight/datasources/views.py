"""Pages of the built-in data source: its tables, and uploading one."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlencode

from django import forms
from django.db.models import QuerySet, Value
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import gettext_lazy as _

from admin_center.audit.services import log_download
from cdp.console.generic import (
    BadgeColumn,
    Column,
    DateColumn,
    DeletePage,
    DetailPage,
    Fact,
    FormPage,
    ListPage,
    NumberColumn,
)
from cdp.console.generic.base import WorkspaceView
from cdp.core.access import Access
from cdp.core.errors import Conflict, DomainError, NotFound, PermissionDenied
from cdp.jobs.services import active_job
from insight.datasources import files, kept, queries, services, ways
from insight.datasources.connections import feed_pages
from insight.datasources.importing import TYPES
from insight.datasources.models import Feed, SourceTable, Upload
from insight.datasources.organization.grants import sources_seen_in

TYPE_LABELS = {
    "text": _("Text"),
    "integer": _("Whole number"),
    "number": _("Number"),
    "boolean": _("Yes or no"),
    "date": _("Date"),
    "datetime": _("Date and time"),
}
DELIMITER_LABELS = [
    (",", _("Comma")),
    ("\t", _("Tabulator")),
    (";", _("Semicolon")),
    ("|", _("Bar")),
    ("spaces", _("Blanks")),
]
ENCODING_LABELS = [
    ("utf-8", "UTF-8"),
    ("utf-16", "UTF-16"),
    ("utf-16-le", "UTF-16 LE"),
    ("utf-16-be", "UTF-16 BE"),
    ("gb18030", _("GB18030 (Chinese)")),
    ("big5hkscs", _("Big5 (traditional Chinese)")),
    ("shift_jis", _("Shift-JIS (Japanese)")),
    ("cp1252", _("Windows-1252 (Western European)")),
]


class DatasetColumn(Column):
    """A sign that leads to the choice of what a loaded table becomes."""

    def cell(self, row: SourceTable) -> Any:
        if not getattr(row, "may_create", False) or row.state != SourceTable.State.READY:
            return ""
        query = urlencode({"step": "table", "table": row.name})
        label = _("Make a dataset of %(name)s") % {"name": row.name}
        return format_html(
            '<a class="btn btn-icon btn-sm btn-ghost" href="{}?{}" title="{}" aria-label="{}">'
            '<i class="ti ti-table-options" aria-hidden="true"></i></a>',
            reverse("datasets:new", args=[row.workspace.slug]),
            query,
            label,
            label,
        )


class TableList(ListPage):
    permission = "insight.datasource.view"
    title = _("Data sources")
    template_name = "insight/datasources/list.html"
    search_fields = ("name",)
    create_url_name = "datasources:upload"
    create_label = _("Upload a file")
    create_permission = "insight.datasource.manage"
    export_name = "tables"
    empty_icon = "database"
    empty_title = _("No tables yet")
    empty_text = _("Upload a CSV, Excel or Parquet file, or bring a table in from a database.")
    columns = (
        Column("name", _("Table"), sort="name", link=True),
        BadgeColumn("state", _("State"), label_of="get_state_display", hint="error", sort="state"),
        NumberColumn("rows", _("Rows"), sort="rows"),
        NumberColumn("columns", _("Columns"), value=lambda table: len(table.columns)),
        Column("source", _("From"), value="feed.connection.name", sort="feed__connection__name"),
        DateColumn("loaded_at", _("Loaded"), sort="loaded_at"),
        DatasetColumn("dataset", _("Dataset"), export=False),
    )

    def get_queryset(self) -> QuerySet[SourceTable]:
        rows = SourceTable.objects.in_workspace(self.workspace).select_related(
            "feed__connection", "workspace"
        )
        return rows.annotate(may_create=Value(self.access.can("insight.dataset.create")))

    def row_url(self, row: SourceTable) -> str:
        return self.reverse("datasources:table", pk=row.pk)

    def get_context(self, **more: Any) -> dict[str, Any]:
        return super().get_context(section="tables", **more)


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
        withheld = ""
        try:
            profile = queries.profile(obj)
            sample = queries.seen_sample(self.access, obj)
        except Conflict as error:
            withheld, profile, sample = str(error), [], {"columns": [], "rows": []}
        feed = Feed.objects.filter(table=obj).select_related("connection").first()
        return {
            "feed": feed,
            "kept": kept.is_kept(obj),
            "source_seen": bool(feed)
            and sources_seen_in(self.workspace).filter(pk=feed.connection_id).exists(),
            "feed_facts": feed_pages.facts_of(feed) if feed else [],
            "job": active_job(obj),
            "has_bad_rows": obj.bad_rows_path.is_file(),
            "report": queries.report(obj, clear=services.may_see_values(self.access)),
            "profile": profile,
            "withheld": withheld,
            "sample_columns": sample["columns"],
            "sample_rows": [list(row.values()) for row in sample["rows"]],
            "may_manage": self.access.can("insight.datasource.manage"),
            "ways": ways.of_table(self.access, obj),
            "wanted": self.wanted(obj),
        }

    def wanted(self, obj: SourceTable) -> ways.Way | None:
        """The kind of dataset for whose sake the table was brought in, with the way to it."""
        kind = self.request.GET.get("kind", "")
        if kind not in ways.KINDS or not self.access.can("insight.dataset.create"):
            return None
        found = [way for way in ways.of_table(self.access, obj) if way.kind == kind]
        return found[0] if found else ways.Way(kind, ways.KINDS[kind], "")


class DeleteTable(DeletePage):
    permission = "insight.datasource.manage"
    model = SourceTable
    back_url_name = "datasources:list"

    def blockers(self, obj: SourceTable) -> list[str]:
        return services.used_by(obj)

    def delete(self, obj: SourceTable) -> None:  # type: ignore[override]
        services.delete_table(self.access, obj)


class DescribeForm(forms.Form):
    name = forms.CharField(label=_("Name of the table"), max_length=64)
    description = forms.CharField(
        label=_("Description"), max_length=500, required=False, widget=forms.Textarea({"rows": 3})
    )


class DescribeTable(FormPage):
    """Another name or description for a table."""

    permission = "insight.datasource.manage"
    title = _("Rename or describe the table")
    form_class = DescribeForm
    success_message = _("The table was saved.")

    def get_object(self) -> Any:
        return SourceTable.objects.get_in(self.workspace, self.kwargs["pk"])

    def initial(self, obj: Any) -> dict[str, Any]:
        return {"name": obj.name, "description": obj.description}

    def save(self, form: Any, obj: Any) -> Any:
        return services.describe(self.access, obj, **form.cleaned_data)

    def success_url(self, obj: Any) -> str:
        return self.reverse("datasources:table", pk=obj.pk)

    def extra(self, form: Any, obj: Any) -> dict[str, Any]:
        return {"back_url": self.reverse("datasources:table", pk=obj.pk)}


class BadRows(WorkspaceView):
    """The refused lines of the last import as CSV, for those who may send such files."""

    permission = "insight.datasource.manage"

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return bad_rows_file(self.access, SourceTable.objects.get_in(self.workspace, self.kwargs["pk"]))


def bad_rows_file(access: Access, table: SourceTable) -> HttpResponse:
    """Raises NotFound where no line was refused, or a week has passed."""
    path = table.bad_rows_path
    if not path.is_file():
        raise NotFound(_("There is no list of broken rows; it is kept for seven days."))
    rows = table.report.get("bad_rows")
    log_download(access, table, action="table.bad_rows_exported", rows=rows, unmasked=True)
    headers = {"Content-Disposition": f'attachment; filename="{table.pk}-broken-rows.csv"'}
    return HttpResponse(path.read_bytes(), content_type="text/csv; charset=utf-8", headers=headers)


class _ForTable(WorkspaceView):
    """Pages of an upload, for a new table or for one that is replaced or gets more rows (?table=…&mode=append)."""

    permission = "insight.datasource.manage"

    def table(self) -> SourceTable | None:
        key = self.request.GET.get("table", "")
        return SourceTable.objects.get_in(self.workspace, key) if key else None

    @property
    def appends(self) -> bool:
        return self.request.GET.get("mode") == "append"

    def heading(self, table: SourceTable | None, new: Any) -> Any:
        if table is None:
            return new
        text = _("Append rows to %(name)s") if self.appends else _("Replace the rows of %(name)s")
        return text % {"name": table.name}

    def query(self) -> str:
        query = self.request.GET.urlencode()
        return f"?{query}" if query else ""


class UploadFile(_ForTable):
    """Step 1: send the file."""

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return self.show()

    def show(self, error: str = "", status: int = 200) -> HttpResponse:
        title = self.heading(self.table(), _("Upload a file"))
        context = self.get_context(error=error, title=title, back_url=self.reverse("datasources:list"))
        return self.render("insight/datasources/upload.html", context, status=status)

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        file = request.FILES.get("file")
        if file is None:
            return self.show(str(_("Choose a file first.")), 422)
        try:
            upload = services.create_upload(self.access, file, file.name or "", may_guess=True)
        except PermissionDenied:
            raise
        except DomainError as error:
            return self.show(str(error), 422)
        return HttpResponseRedirect(self.reverse("datasources:upload-check", pk=upload.pk) + self.query())


class CheckUpload(_ForTable):
    """Step 2: look at the first rows, name the table, correct how they are read; then the import starts."""

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return self.show()

    def upload(self) -> Upload:
        return Upload.objects.get_in(self.workspace, self.kwargs["pk"])

    def show(
        self, errors: dict[str, Any] | None = None, status: int = 200, *, changed: bool = False
    ) -> HttpResponse:
        upload, table = self.upload(), self.table()
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
            title=self.heading(table, _("Check the file")),
            table=table,
            appends=self.appends,
            upload=upload,
            is_text=files.Options(**upload.options).is_text,
            typed=upload.options["format"] == "parquet",
            encodings=ENCODING_LABELS,
            delimiters=DELIMITER_LABELS,
            preview=preview,
            columns=columns,
            problem=problem,
            changed=changed,
            errors=errors or {},
            name=name,
            types=[(key, TYPE_LABELS[key]) for key in TYPES],
            skip=chosen.get("on_bad_rows") == "skip",
            back_url=self.reverse("datasources:upload") + self.query(),
        )
        return self.render("insight/datasources/check.html", context, status=status)

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        upload, table, given = self.upload(), self.table(), request.POST
        reading = {key: given[key] for key in ("encoding", "delimiter") if key in given}
        if "reading" in given:
            reading["header"] = given.get("header") == "on"
        again = given.get("action") == "reread"
        if again or any(upload.options.get(key) != value for key, value in reading.items()):
            try:
                services.reread(self.access, upload, reading)
            except DomainError as error:
                return self.show(error.errors or {"name": [str(error)]}, 422)
            return self.show(changed=not again)
        try:
            names = json.loads(given.get("columns") or "[]")
        except ValueError:
            names = []
        types = {
            str(column): kind
            for index, column in enumerate(names or [])
            if (kind := given.get(f"type-{index}", ""))
        }
        try:
            job = services.start_import(
                self.access,
                upload,
                table.name if table else given.get("name", ""),
                types=types,
                on_bad_rows=given.get("on_bad_rows", "fail"),
                replace=table,
                append=self.appends,
            )
        except PermissionDenied:
            raise
        except DomainError as error:
            return self.show(error.errors or {"name": [str(error)]}, 422)
        return HttpResponseRedirect(self.reverse("datasources:table", pk=job.subject_id))
