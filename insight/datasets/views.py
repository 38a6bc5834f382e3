"""Pages of datasets: list, wizard, detail."""

from __future__ import annotations

import json
from typing import Any

from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.utils.translation import gettext_lazy as _

from cdp.console.generic import (
    ActionView,
    BadgeColumn,
    BooleanColumn,
    BulkAction,
    DateColumn,
    DeletePage,
    DetailPage,
    Fact,
    ListPage,
    NumberColumn,
    TextColumn,
)
from cdp.console.generic.base import WorkspaceView
from cdp.core.errors import DomainError, PermissionDenied
from cdp.core.folders import flat, path_of
from cdp.core.identifiers import ENCRYPTIONS, id_type_choices
from cdp.jobs.services import active_job
from insight.datasets import queries, schedule, services
from insight.datasets.folders import folders
from insight.datasets.models import Dataset, DatasetField, DatasetFolder
from insight.datasources.models import SourceTable

BEHAVIOUR_ROLES = (
    ("", _("Not used")),
    ("identifier", _("User identifier")),
    ("id", _("Other ID")),
    ("time", _("Time")),
    ("type", _("Type")),
    ("count", _("Times")),
    ("amount", _("Amount")),
    ("channel", _("Channel")),
    ("object", _("Object")),
    ("object_key", _("Object attribute")),
    ("object_value", _("Object attribute value")),
)
TAG_ROLES = (
    ("tag", _("Tag")),
    ("identifier", _("User identifier")),
    ("id", _("Other ID")),
    ("", _("Not used")),
)
SEPARATOR_LABELS = (
    (",", _("Comma")),
    (";", _("Semicolon")),
    ("|", _("Bar")),
    (" ", _("Blank")),
    ("、", _("Chinese comma")),
)


class DatasetList(ListPage):
    permission = "insight.dataset.view"
    title = _("Datasets")
    intro = _("Tables with a meaning: what audiences and charts are made of.")
    search_fields = ("name",)
    create_url_name = "datasets:new"
    create_label = _("New dataset")
    create_permission = "insight.dataset.create"
    export_name = "datasets"
    template_name = "insight/datasets/list.html"
    bulk_actions = (
        BulkAction("refresh", _("Refresh"), services.refresh, icon="refresh"),
        BulkAction("move", _("Move to folder"), lambda access, row: None, icon="folder-symlink"),
    )
    empty_icon = "table-options"
    empty_title = _("No datasets yet")
    empty_text = _("Choose a table, say which column identifies people, and what the others mean.")
    columns = (
        TextColumn(
            "name", _("Dataset"), sort="name", link=True, below=lambda row: row.table and row.table.name
        ),
        TextColumn("kind", _("Kind"), value="get_kind_display", sort="kind"),
        BadgeColumn("state", _("State"), label_of="get_state_display", hint="error", sort="state"),
        NumberColumn("users", _("Users"), sort="users"),
        NumberColumn("rows", _("Rows"), sort="rows"),
        BooleanColumn("is_default", _("Default")),
        DateColumn("refreshed_at", _("Refreshed"), sort="refreshed_at"),
    )

    def get_queryset(self) -> QuerySet[Dataset]:
        rows = Dataset.objects.in_workspace(self.workspace).select_related("table")
        folder = self.request.GET.get("folder", "")
        return rows.filter(folder=folder) if folder and not self.request.GET.get("q") else rows

    def get_context(self, **more: Any) -> dict[str, Any]:
        chosen = self.request.GET.get("folder", "")
        return super().get_context(
            branches=flat(folders.tree(self.access)),
            chosen_folder=chosen,
            folder=DatasetFolder.objects.in_workspace(self.workspace).filter(pk=chosen).first(),
            may_change=self.access.can("insight.dataset.create"),
            **more,
        )

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """A bulk action; moving asks for the folder on a page of its own."""
        if request.POST.get("action") != "move":
            return super().post(request, *args, **kwargs)
        chosen = QueryDict(mutable=True)
        chosen.setlist("row", request.POST.getlist("row"))
        return HttpResponseRedirect(f"{self.reverse('datasets:move')}?{chosen.urlencode()}")

    def row_url(self, row: Dataset) -> str:
        return self.reverse("datasets:detail", pk=row.pk)


class DatasetDetail(DetailPage):
    permission = "insight.dataset.view"
    model = Dataset
    template_name = "insight/datasets/detail.html"
    back_url_name = "datasets:list"
    back_label = _("Datasets")

    def facts(self, obj: Dataset) -> list[Fact]:
        return [
            Fact(_("Kind"), obj.get_kind_display()),
            Fact(_("Table"), obj.table),
            Fact(_("Table loaded"), obj.table.loaded_at if obj.table else None),
            Fact(_("Refreshed"), obj.refreshed_at),
            Fact(_("Version"), obj.version),
            Fact(_("First record"), obj.stats.get("first_at")),
            Fact(_("Last record"), obj.stats.get("last_at")),
            Fact(_("Refresh"), schedule.describe(obj.refresh) or _("By hand")),
            Fact(_("Next refresh"), obj.next_refresh_at),
            Fact(_("Folder"), " / ".join(folder.name for folder in path_of(obj.folder)) or "–"),
            Fact(_("Used by"), ", ".join(services.used_by(obj)) or "–"),
        ]

    def extra(self, obj: Dataset) -> dict[str, Any]:
        filled, distinct = obj.stats.get("filled", {}), obj.stats.get("distinct", {})
        invalid = obj.stats.get("invalid", {})
        fields = [
            {
                "field": item,
                "filled": filled.get(item.column),
                "distinct": distinct.get(item.column),
                "invalid": invalid.get(item.column, 0),
            }
            for item in obj.fields.select_related("category")
        ]
        stale = bool(
            obj.table and obj.table.loaded_at and obj.refreshed_at and obj.table.loaded_at > obj.refreshed_at
        )
        return {
            "fields": fields,
            "job": active_job(obj),
            "stale": stale,
            "versions": obj.versions.all()[:10],
            "may_change": self.access.can("insight.dataset.create")
            and (obj.owner_id == self.access.user.pk or self.access.can("insight.dataset.manage")),
        }


class NewDataset(WorkspaceView):
    """Choose a table and kind, then say what each column means."""

    permission = "insight.dataset.create"
    title = _("New dataset")

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        table = self.table()
        if table is None:
            return self.choose()
        return self.configure(table, self.kind(), None)

    def table(self) -> SourceTable | None:
        name = self.request.GET.get("table") or self.request.POST.get("table")
        return SourceTable.objects.in_workspace(self.workspace).filter(name=name, state="ready").first()

    def kind(self) -> str:
        given = self.request.GET.get("kind") or self.request.POST.get("kind")
        return given if given in Dataset.Kind.values else Dataset.Kind.USER_TAGS

    def choose(self) -> HttpResponse:
        tables = SourceTable.objects.in_workspace(self.workspace).filter(state="ready").order_by("name")
        context = self.get_context(
            tables=tables, kinds=Dataset.Kind.choices, back_url=self.reverse("datasets:list")
        )
        return self.render("insight/datasets/choose.html", context)

    def configure(
        self, table: SourceTable, kind: str, errors: dict[str, Any] | None, status: int = 200
    ) -> HttpResponse:
        posted = self.request.POST
        rows = posted_rows(posted, table) if posted else self.rows(table, kind)
        context = self.get_context(
            table=table,
            kind=kind,
            rows=rows,
            column_names=[row["column"] for row in sorted(rows, key=lambda row: row["index"])],
            errors=sorted((errors or {}).items()),
            name=posted.get("name") or table.name.replace("_", " ").capitalize(),
            description=posted.get("description", ""),
            constant=posted.get("constant", ""),
            base_object=posted.get("base_object", ""),
            separators=SEPARATOR_LABELS,
            roles=TAG_ROLES if kind == Dataset.Kind.USER_TAGS else BEHAVIOUR_ROLES,
            tag_types=DatasetField.TagType.choices,
            id_types=id_type_choices(),
            encryptions=ENCRYPTIONS,
            back_url=self.reverse("datasets:list"),
        )
        context.update(self.context(table))
        return self.render("insight/datasets/configure.html", context, status=status)

    def rows(self, table: SourceTable, kind: str) -> list[dict[str, Any]]:
        """What the wizard shows first: one row per column."""
        return proposed_rows(table, kind)

    def context(self, table: SourceTable) -> dict[str, Any]:
        """More for the template."""
        return {}

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        table = self.table()
        if table is None:
            return self.choose()
        data = definition_of(request.POST, table, self.kind())
        try:
            dataset = services.create(self.access, data)
            services.refresh(self.access, dataset)
        except PermissionDenied:
            raise
        except DomainError as error:
            return self.configure(table, self.kind(), error.errors or {"": [str(error)]}, 422)
        return HttpResponseRedirect(self.reverse("datasets:detail", pk=dataset.pk))


def proposed_rows(table: SourceTable, kind: str) -> list[dict[str, Any]]:
    """One row per column with what its profile suggests."""
    found = queries.propose(table)
    tags = {item["column"]: item for item in found["tags"]}
    ids = {item["column"]: item for item in found["ids"]}
    rows = []
    for index, column in enumerate(table.columns):
        name = column["name"]
        row = {
            "index": index,
            "column": name,
            "type": column["type"],
            "role": "tag",
            "alias": tags.get(name, {}).get("name", name),
            "tag_type": tags.get(name, {}).get("type", "text"),
            "id_type": ids.get(name, {}).get("id_type", "one_id"),
            "separator": tags.get(name, {}).get("separator", ","),
            "encryption": "plain",
        }
        if name == found["user_id"].get("column"):
            row.update(role="identifier", id_type=found["user_id"]["id_type"])
        elif name in ids:
            row["role"] = "id"
        if kind == Dataset.Kind.BEHAVIOUR:
            row["role"] = behaviour_role(name, column["type"], row["role"])
        rows.append(row)
    return sorted(rows, key=lambda row: row["role"] != "identifier")


def behaviour_role(name: str, kind: str, tag_role: str) -> str:
    """A first guess from the column's name and type."""
    lower = name.lower()
    if kind in ("date", "datetime"):
        return "time"
    if lower in ("user_id", "member_no", "customer_id") or tag_role == "identifier":
        return "identifier"
    for word, role in {"amount": "amount", "price": "", "count": "count", "quantity": "count"}.items():
        if word in lower:
            return role
    for word, role in {
        "object_attr": "object_key",
        "object_value_id": "",
        "object_value": "object_value",
    }.items():
        if lower == word:
            return role
    if "channel" in lower or lower == "store":
        return "channel"
    if "type" in lower:
        return "type"
    return "id" if tag_role == "id" else "object" if kind == "text" else ""


_PARTS = ("role", "alias", "tag_type", "id_type", "separator", "encryption", "category", "description")


def posted_rows(posted: Any, table: SourceTable) -> list[dict[str, Any]]:
    types = {column["name"]: column["type"] for column in table.columns}
    rows = []
    for index, column in enumerate(json.loads(posted.get("columns", "[]"))):
        row = {"index": index, "column": column, "type": types.get(column, "")}
        row.update({part: posted.get(f"{part}-{index}", "") for part in _PARTS})
        rows.append(row)
    return rows


def definition_of(posted: Any, table: SourceTable, kind: str) -> dict[str, Any]:
    """The posted wizard in the form of the API."""
    data: dict[str, Any] = {"name": posted.get("name", ""), "kind": kind, "table": table.name, "ids": []}
    data["description"] = posted.get("description", "")
    lists: dict[str, list[dict[str, Any]]] = {"tags": [], "object_columns": []}
    for row in posted_rows(posted, table):
        role, column = row["role"], row["column"]
        identity = {"column": column, "id_type": row["id_type"], "encryption": row["encryption"] or "plain"}
        if role == "identifier":
            data["user_id"] = identity
        elif role == "id":
            data["ids"].append(identity)
        elif role == "tag":
            tag = {"column": column, "name": row["alias"] or column, "type": row["tag_type"]}
            tag.update(category=row["category"], description=row["description"])
            if row["tag_type"] == "multi":
                tag["separator"] = row["separator"] or ","
            lists["tags"].append(tag)
        elif role == "object":
            lists["object_columns"].append({"column": column, "name": row["alias"] or column})
        elif role == "type":
            data["type"] = {"column": column}
        elif role:
            data[role] = column
    if kind == Dataset.Kind.USER_TAGS:
        data["tags"] = lists["tags"]
    else:
        data["object_columns"] = lists["object_columns"]
        if posted.get("base_object") and data.get("object_key"):
            data["base_object"] = posted["base_object"]
        if posted.get("constant"):
            data["type"] = {"constant": posted["constant"]}
    return data


class RefreshDataset(ActionView):
    permission = "insight.dataset.create"
    model = Dataset
    success_message = _("The refresh has started.")

    def act(self, obj: Dataset) -> Any:
        return services.refresh(self.access, obj)

    def success_url(self, obj: Dataset, result: Any) -> str:
        return self.reverse("datasets:detail", pk=obj.pk)


class MakeDefault(ActionView):
    permission = "insight.dataset.create"
    model = Dataset
    success_message = _("Pages of this kind now open with it.")

    def act(self, obj: Dataset) -> Any:
        return services.make_default(self.access, obj)

    def success_url(self, obj: Dataset, result: Any) -> str:
        return self.reverse("datasets:detail", pk=obj.pk)


class DeleteDataset(DeletePage):
    permission = "insight.dataset.create"
    model = Dataset
    back_url_name = "datasets:list"

    def blockers(self, obj: Dataset) -> list[str]:
        return services.used_by(obj)

    def consequences(self, obj: Dataset) -> list[Any]:
        return [_("The computed data goes with it; the source table stays.")]

    def delete(self, obj: Dataset) -> None:  # type: ignore[override]
        services.delete(self.access, obj)
