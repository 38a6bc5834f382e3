"""The wizard that says what each column of a table means, for a new dataset and for changing one."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect, QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cdp.console.generic.base import WorkspaceView
from cdp.console.middleware import flash
from cdp.core.errors import Conflict, DomainError, NotFound, PermissionDenied
from cdp.core.folders import choices
from cdp.core.identifiers import ENCRYPTIONS, id_type_choices
from insight.datasets import (
    categories,
    definition,
    joining,
    kinds,
    rights,
    services,
    wizard_joins,
)
from insight.datasets.folders import folders
from insight.datasets.joining import Source, Table
from insight.datasets.models import JSON, ONE, Dataset, DatasetField, DatasetJoin
from insight.datasets.templates import TEMPLATES
from insight.datasets.wizard_posted import definition_of, posted_rows
from insight.datasets.wizard_rows import Row, proposed_rows
from insight.datasources.connections import browsing, in_place
from insight.datasources.connections.in_place import InPlaceTable
from insight.datasources.models import Connection, SourceTable

CHANGE = "insight.dataset.create"
UNUSED = ("", gettext_lazy("Not used"))
BEHAVIOUR_ROLES = (
    UNUSED,
    *((role.value, role.label) for role in DatasetField.Role if role not in ("tag", "item", "item_name")),
)
ITEM_ROLES = (
    *((role.value, role.label) for role in DatasetField.Role if role in ("tag", "item", "item_name")),
    UNUSED,
)
_PEOPLE_ROLES = (DatasetField.Role.TAG, DatasetField.Role.IDENTIFIER, DatasetField.Role.ID)
TAG_ROLES = (*((role.value, role.label) for role in _PEOPLE_ROLES), UNUSED)
SEPARATORS = (
    (",", gettext_lazy("Comma")),
    (";", gettext_lazy("Semicolon")),
    ("|", gettext_lazy("Bar")),
    (" ", gettext_lazy("Blank")),
    ("、", gettext_lazy("Chinese comma")),
    (JSON, gettext_lazy("JSON array")),
)
EXAMPLES = 3
EXAMPLE_LENGTH = 24
_DRAFT = "dataset_draft"
_VALUES = (
    "name",
    "description",
    "constant",
    "base_object",
    "folder",
    "items",
    "items_object",
    "rows_per_user",
)


class NewDataset(WorkspaceView):
    """Choose a table and kind, then say what each column means."""

    permission = CHANGE
    title = gettext_lazy("New dataset")

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        table = self.table()
        if request.GET.get("step") == "table":
            return self.choose()
        if request.GET.get("kind") == Dataset.Kind.AIPL:
            return HttpResponseRedirect(self.reverse(kinds.KINDS[Dataset.Kind.AIPL.value].new_url))
        if table is not None and request.GET.get("kind") == Dataset.Kind.RFM:
            source = self.source()
            query = urlencode({"table": table.name} | ({"source": source.pk} if source else {}))
            return HttpResponseRedirect(f"{self.reverse('datasets:rfm-new')}?{query}")
        return self.choose() if table is None else self.configure(table, self.kind())

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        table = self.table()
        if table is None:
            return self.choose()
        if request.POST.get("join"):
            return self.configure(table, self.kind())
        if request.POST.get("step") == "table":
            request.session[_DRAFT] = request.POST.urlencode()
            return HttpResponseRedirect(self.step_back(table, self.kind()))
        data, places = definition_of(request.POST, table, self.kind())
        try:
            dataset = services.create(self.access, data)
            services.refresh(self.access, dataset)
        except PermissionDenied:
            raise
        except DomainError as error:
            return self.configure(table, self.kind(), error, places)
        return HttpResponseRedirect(self.reverse("datasets:detail", pk=dataset.pk))

    def table(self) -> Table | None:
        given = self.request.POST if self.request.method == "POST" else self.request.GET
        name, source = given.get("table", ""), self.source()
        if source is not None:
            return in_place.find_table(self.workspace, source.pk, name) if name else None
        return SourceTable.objects.in_workspace(self.workspace).filter(name=name, state="ready").first()

    def source(self) -> Connection | None:
        """The data source that the dataset shall live in; None for the built-in one."""
        given = self.request.GET.get("source") or self.request.POST.get("source")
        return in_place.usable(self.workspace).filter(pk=given).first() if given else None

    def kind(self) -> str:
        given = self.request.GET.get("kind") or self.request.POST.get("kind")
        known = (Dataset.Kind.USER_TAGS, Dataset.Kind.BEHAVIOUR, Dataset.Kind.ITEM_TAGS)
        return Dataset.Kind(given) if given in known else Dataset.Kind.USER_TAGS

    def choose(self) -> HttpResponse:
        source, problem = self.source(), ""
        tables: list[str] = []
        if source is None:
            rows = SourceTable.objects.in_workspace(self.workspace).filter(state="ready")
            tables = list(rows.order_by("name").values_list("name", flat=True))
        else:
            try:
                tables = [table.name for table in browsing.tables(source, viewer=self.workspace)]
            except DomainError as error:
                problem = str(error)
        context = self.get_context(
            tables=tables,
            sources=in_place.names(self.workspace),
            source=source,
            problem=problem,
            kinds=Dataset.Kind.choices,
            folder=self.request.GET.get("folder", ""),
            chosen_table=self.request.GET.get("table", ""),
            chosen_kind=self.request.GET.get("kind", "user_tags"),
            templates=TEMPLATES.values(),
            may_tag=self.access.can("insight.tag.custom"),
            back_url=self.reverse("datasets:list"),
        )
        return self.render("insight/datasets/choose.html", context)

    def rows(self, table: Table, kind: str) -> list[Row]:
        """What the wizard shows first: one row per column."""
        return proposed_rows(table, kind)

    def joins(self) -> list[Row]:
        """The joined tables that the wizard begins with, in the form of the API."""
        return []

    def initial(self, table: Table) -> dict[str, Any]:
        """The fields above the columns."""
        name = table.name.replace("_", " ").capitalize()[:64]
        return {
            "name": name,
            "folder": self.request.GET.get("folder", ""),
            "rows_per_user": ONE,
        }

    def configure(
        self,
        table: Table,
        kind: str,
        error: DomainError | None = None,
        places: dict[str, int] | None = None,
    ) -> HttpResponse:
        posted = self.request.POST or self.draft(table, kind)
        tables = wizard_joins.Joinable(self.workspace, table)
        joins = wizard_joins.changed(posted, tables) if posted else self.joins()
        source = tables.source_of(joins)
        rows = self.rows(table, kind)
        if posted:
            removed = posted.get("join", "").partition("remove-")[2]
            rows = _with_joined(posted_rows(posted), source, kind, removed)
        types = {column["name"]: column["type"] for column in source.columns}
        for row in rows:
            row["type"] = types.get(row["column"], _("lost"))
        errors = _place(error, places or {}, rows) if error else {}
        _add_examples(source, rows)
        values = self.initial(table)
        for name in (*_VALUES, "edit_version"):
            values[name] = posted.get(name, values.get(name, ""))
        values["fix_prefix"] = posted.get("fix_prefix") == "on" if posted else values.get("fix_prefix", False)
        context = self.get_context(
            table=table,
            source=table.source if isinstance(table, InPlaceTable) else None,
            kind=kind,
            rows=rows,
            values=values,
            errors={path: found for path, found in errors.items() if not path.startswith("joins/")},
            joins=wizard_joins.shown(tables, joins, errors),
            joinable=wizard_joins.offered(tables, joins),
            join_types=DatasetJoin.Kind.choices,
            column_names=[row["column"] for row in sorted(rows, key=lambda row: row["index"])],
            roles={"user_tags": TAG_ROLES, "item_tags": ITEM_ROLES}.get(kind, BEHAVIOUR_ROLES),
            has_tags=kind in (Dataset.Kind.USER_TAGS, Dataset.Kind.ITEM_TAGS),
            item_datasets=self.item_datasets(source.engine) if kind == Dataset.Kind.BEHAVIOUR else [],
            tag_types=DatasetField.TagType.choices,
            separators=SEPARATORS,
            id_types=id_type_choices(),
            encryptions=ENCRYPTIONS,
            categories=[row.path for row in categories.tree(self.workspace)],
            folders=choices(folders.tree(self.access)),
            back_url=self.back_url(),
            editing=isinstance(self, EditDataset),
        )
        return self.render("insight/datasets/configure.html", context, status=422 if error else 200)

    def item_datasets(self, source: str) -> list[tuple[str, str]]:
        """Item-tag datasets that can describe the objects of behaviour: those of the same data source."""
        rows = rights.visible(self.access).filter(kind=Dataset.Kind.ITEM_TAGS, source=source).order_by("name")
        return list(rows.values_list("pk", "name"))

    def back_url(self) -> str:
        return self.reverse("datasets:list")

    def step_back(self, table: SourceTable, kind: str) -> str:
        """The choice of table and kind, as they were chosen."""
        folder = self.request.POST.get("folder", "")
        query = urlencode({"step": "table", "table": table.name, "kind": kind, "folder": folder})
        return f"{self.reverse('datasets:new')}?{query}"

    def draft(self, table: SourceTable, kind: str) -> QueryDict:
        """What was typed before the person went back, where it was for the same table and kind."""
        kept = QueryDict(self.request.session.pop(_DRAFT, ""))
        return kept if (kept.get("table"), kept.get("kind")) == (table.name, kind) else QueryDict()


class EditDataset(NewDataset):
    """The wizard again, filled with what the dataset is; its next refresh computes by the new meaning."""

    permission = "insight.dataset.view"
    title = gettext_lazy("Edit dataset")

    def get_object(self) -> Dataset:
        dataset = rights.get_visible(self.access, self.kwargs["pk"], "table")
        rights.check_manage(dataset, self.access)
        return dataset

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        self.dataset = self.get_object()
        return self.configure(_table_of(self.dataset), self.dataset.kind)

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        self.dataset = self.get_object()
        table, kind = _table_of(self.dataset), self.dataset.kind
        if request.POST.get("join"):
            return self.configure(table, kind)
        data, places = definition_of(request.POST, table, kind)
        seen = request.POST.get("edit_version", "")
        try:
            services.update(
                self.access, self.dataset, data, edit_version=int(seen) if seen.isdecimal() else 0
            )
            services.refresh(self.access, self.dataset)
        except PermissionDenied:
            raise
        except DomainError as error:
            return self.configure(table, kind, error, places)
        flash(request, _("The dataset was saved and is being computed."))
        return HttpResponseRedirect(self.back_url())

    def rows(self, table: Table, kind: str) -> list[Row]:
        """The columns as they are used now (a column used twice stands twice), then those that are not used."""
        source = joining.source_of(self.dataset)
        proposed = {row["column"]: row for row in _with_joined(proposed_rows(table, kind), source, kind)}
        used = list(self.dataset.fields.select_related("category"))
        rows = [{**proposed.get(item.column, {"column": item.column}), **_row_of(item)} for item in used]
        taken = {item.column for item in used}
        rows += [{**row, "role": ""} for column, row in proposed.items() if column not in taken]
        for index, row in enumerate(rows):
            row["index"] = index
        return sorted(rows, key=lambda row: (row["role"] not in ("identifier", "item"), not row["role"]))

    def joins(self) -> list[Row]:
        joined: list[Row] = definition.write(self.dataset)["joins"]
        return joined

    def initial(self, table: Table) -> dict[str, Any]:
        dataset = self.dataset
        return {
            "name": dataset.name,
            "description": dataset.description,
            "folder": dataset.folder_id or "",
            "constant": dataset.definition.get("type_constant", ""),
            "base_object": dataset.definition.get("base_object", ""),
            "items": dataset.definition.get("items", {}).get("dataset", ""),
            "items_object": dataset.definition.get("items", {}).get("object", ""),
            "rows_per_user": dataset.definition.get("rows_per_user", ""),
            "fix_prefix": dataset.fix_prefix,
            "edit_version": dataset.edit_version,
        }

    def item_datasets(self, source: str) -> list[tuple[str, str]]:
        """Also the one that is set already, where the person does not see it: saving keeps it."""
        offered = super().item_datasets(source)
        kept = self.dataset.definition.get("items", {}).get("dataset", "")
        if kept and kept not in dict(offered):
            offered.append((kept, _("The one that is set, which you do not see")))
        return offered

    def back_url(self) -> str:
        return self.reverse("datasets:detail", pk=self.kwargs["pk"])

    def draft(self, table: SourceTable, kind: str) -> QueryDict:
        return QueryDict()


def _table_of(dataset: Dataset) -> Table:
    if dataset.kind == Dataset.Kind.CUSTOM_TAGS:
        raise NotFound(_("The platform writes this dataset; its tags are changed where they were made."))
    table = joining.table_of(dataset)
    if table is None:
        raise Conflict(_("The source table is no longer there."), code="table_missing")
    return table


def _row_of(item: DatasetField) -> Row:
    return {
        "role": item.role,
        "alias": item.name,
        "tag_type": item.tag_type or "text",
        "id_type": item.id_type or "one_id",
        "separator": item.separator or ",",
        "encryption": item.encryption,
        "category": item.category.path if item.category else "",
        "description": item.description,
        "pivot": item.pivot_enabled,
    }


def _with_joined(rows: list[Row], source: Source, kind: str, removed: str = "") -> list[Row]:
    """The rows, less those of the table `removed`, and with what newly joined tables suggest."""
    known = {row["column"] for row in rows}
    kept = [row for row in rows if not row["column"].startswith(f"{removed}.")] if removed else list(rows)
    names = {row["alias"] for row in kept}
    for join in source.joins:
        keys = {right for _left, right in join.pairs}
        for proposed in proposed_rows(source.joined(join), kind):
            column = f"{join.name}.{proposed['column']}"
            if column in known:
                continue
            single = proposed["role"] not in ("tag", "id", "object")
            row = {**proposed, "column": column, "index": len(rows)}
            if single or proposed["column"] in keys:
                row["role"] = ""
            if row["alias"] in names:
                row["alias"] = f"{join.name} {row['alias']}"[:64]
            names.add(row["alias"])
            rows.append(row)
            kept.append(row)
    return kept


def _place(error: DomainError, places: dict[str, int], rows: list[Row]) -> dict[str, list[str]]:
    """Puts messages at the rows that they are about; answers the others by field ("" for none)."""
    by_index = {row["index"]: row for row in rows}
    others: dict[str, list[str]] = {}
    for path, messages in (error.errors or {"": [str(error)]}).items():
        start = "/".join(path.split("/")[:2])
        place = places.get(start, places.get(path.split("/")[0]))
        texts = [str(message) for message in messages]
        if place is None:
            name = path if path in ("name", "description", "folder") else ""
            name = "items" if path.startswith("items/") else name
            name = "/".join(path.split("/")[:2]) if path.startswith("joins/") else name
            others.setdefault(name, []).extend(_unplaced(path, text) for text in texts)
        else:
            by_index[place].setdefault("errors", []).extend(texts)
    return others


def _unplaced(path: str, text: str) -> str:
    """Messages about something that no row says, such as a missing time column, name what is missing."""
    needed = {
        "user_id": _("User identifier"),
        "item_id": _("Item ID"),
        "item_name": _("Item name"),
        "time": _("Time"),
        "type": _("Type"),
        "object_key": _("Object attribute"),
        "object_value": _("Object attribute value"),
    }
    label = needed.get(path.split("/")[0])
    return f"{label}: {text}" if label else text


def _add_examples(source: Source, rows: list[Row]) -> None:
    """A few values of each column, so that its meaning can be told."""
    found = source.examples
    for row in rows:
        values = dict.fromkeys(
            str(value) for value in found.get(row["column"], []) if value not in (None, "")
        )
        row["examples"] = " · ".join(value[:EXAMPLE_LENGTH] for value in list(values)[:EXAMPLES])
