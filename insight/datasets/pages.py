"""Pages that change a dataset: its columns, its schedule, its place; and the categories of tags."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cdp.console.generic import DeletePage, FormPage, ListPage, NumberColumn, TextColumn
from cdp.console.middleware import flash
from cdp.core.errors import Conflict, DomainError, PermissionDenied
from cdp.core.folders import Branch, choices
from insight.datasets import categories, services
from insight.datasets.folders import folders
from insight.datasets.models import Dataset, DatasetField, DatasetFolder, TagCategory
from insight.datasets.views import NewDataset, definition_of, proposed_rows
from insight.datasources.models import SourceTable

CHANGE = "insight.dataset.create"


class OneDataset:
    """What pages of one dataset have in common."""

    permission = CHANGE

    def get_object(self) -> Dataset:
        dataset: Dataset = Dataset.objects.get_in(self.workspace, self.kwargs["pk"])  # type: ignore[attr-defined]
        services.check_owner(dataset, self.access)  # type: ignore[attr-defined]
        return dataset

    def success_url(self, obj: Any) -> str:
        return str(self.reverse("datasets:detail", pk=obj.pk))  # type: ignore[attr-defined]


class EditDataset(OneDataset, NewDataset):
    """The wizard again, filled with what the dataset is; its next refresh computes by the new meaning."""

    title = gettext_lazy("Edit dataset")

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        dataset = self.get_object()
        return self.configure(_table_of(dataset), dataset.kind, None)

    def rows(self, table: SourceTable, kind: str) -> list[dict[str, Any]]:
        """One row per column of the table as it is used now, then columns that the table has lost."""
        used = {item.column: item for item in self.get_object().fields.select_related("category")}
        rows = proposed_rows(table, kind)
        for row in rows:
            row["role"] = ""
            if row["column"] in used:
                row.update(_row_of(used[row["column"]]))
        known = {row["column"] for row in rows}
        lost = [item for column, item in used.items() if column not in known]
        for index, item in enumerate(lost, start=len(rows)):
            rows.append({"index": index, "column": item.column, "type": _("lost"), **_row_of(item)})
        return sorted(rows, key=lambda row: (row["role"] != "identifier", not row["role"]))

    def context(self, table: SourceTable) -> dict[str, Any]:
        dataset = self.get_object()
        return {
            "editing": dataset,
            "edit_version": self.request.POST.get("edit_version") or dataset.edit_version,
            "name": self.request.POST.get("name") or dataset.name,
            "description": self.request.POST.get("description", dataset.description),
            "constant": self.request.POST.get("constant", dataset.definition.get("type_constant", "")),
            "base_object": self.request.POST.get("base_object", dataset.definition.get("base_object", "")),
            "back_url": self.success_url(dataset),
        }

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        dataset = self.get_object()
        table = _table_of(dataset)
        data = definition_of(request.POST, table, dataset.kind)
        seen = request.POST.get("edit_version", "")
        try:
            services.update(self.access, dataset, data, edit_version=int(seen) if seen.isdigit() else None)
            services.refresh(self.access, dataset)
        except PermissionDenied:
            raise
        except DomainError as error:
            errors = error.errors or {"": [str(error)]}
            return self.configure(table, dataset.kind, errors, 422)
        flash(request, _("The dataset was saved and is being computed."))
        return HttpResponseRedirect(self.success_url(dataset))


def _table_of(dataset: Dataset) -> SourceTable:
    if dataset.table is None:
        raise Conflict(_("The source table is no longer there."), code="table_missing")
    return dataset.table


def _row_of(item: DatasetField) -> dict[str, Any]:
    return {
        "role": item.role,
        "alias": item.name,
        "tag_type": item.tag_type or "text",
        "id_type": item.id_type or "one_id",
        "separator": item.separator or ",",
        "encryption": item.encryption,
        "category": item.category.name if item.category else "",
        "description": item.description,
    }


class ScheduleForm(forms.Form):
    every = forms.ChoiceField(
        label=gettext_lazy("Refresh by itself"),
        choices=[
            ("off", gettext_lazy("Do not refresh")),
            ("day", gettext_lazy("Every day")),
            ("hours", gettext_lazy("Every few hours")),
        ],
    )
    at = forms.TimeField(
        label=gettext_lazy("At"),
        required=False,
        widget=forms.TimeInput({"type": "time"}, format="%H:%M"),
        help_text=gettext_lazy("Time of day in the workspace's time zone."),
    )
    hours = forms.IntegerField(
        label=gettext_lazy("Hours between two refreshes"), required=False, min_value=1, max_value=23
    )

    def __init__(self, *args: Any, kind: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if kind != Dataset.Kind.USER_TAGS:
            every = self.fields["every"]
            every.choices = [item for item in every.choices if item[0] != "hours"]  # type: ignore[attr-defined]
            del self.fields["hours"]

    def policy(self) -> dict[str, Any]:
        data = self.cleaned_data
        if data["every"] == "day":
            return {"every": "day", "at": data["at"].strftime("%H:%M") if data["at"] else "05:00"}
        if data["every"] == "hours":
            return {"every": "hours", "hours": data.get("hours")}
        return {"every": "off"}


class RefreshSettings(OneDataset, FormPage):
    title = gettext_lazy("Refresh settings")
    form_class = ScheduleForm
    success_message = gettext_lazy("The refresh settings were saved.")

    def form_options(self, obj: Any) -> dict[str, Any]:
        return {"kind": obj.kind}

    def initial(self, obj: Any) -> dict[str, Any]:
        return {"every": "off", "at": "05:00", "hours": 6, **obj.refresh}

    def save(self, form: Any, obj: Any) -> Any:
        try:
            return services.set_refresh(self.access, obj, form.policy())
        except DomainError as error:
            error.errors = {"every": error.errors.get("refresh", [])}
            raise

    def extra(self, form: Any, obj: Any) -> dict[str, Any]:
        return {"back_url": self.success_url(obj)}


class MoveForm(forms.Form):
    folder = forms.ChoiceField(label=gettext_lazy("Move to"), required=False)

    def __init__(self, *args: Any, branches: list[Branch], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["folder"]
        field.choices = choices(branches, gettext_lazy("No folder"))


class FolderForm(forms.Form):
    name = forms.CharField(label=gettext_lazy("Name"), max_length=64)
    parent = forms.ChoiceField(label=gettext_lazy("Inside"), required=False)

    def __init__(self, *args: Any, branches: list[Branch], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["parent"]
        field.choices = choices(branches, gettext_lazy("At the top"))


class _InFolders(FormPage):
    permission = CHANGE
    back_url_name = "datasets:list"

    def form_options(self, obj: Any) -> dict[str, Any]:
        return {"branches": folders.tree(self.access)}

    def folder(self, key: str) -> DatasetFolder | None:
        return DatasetFolder.objects.get_in(self.workspace, key) if key else None


class MoveDatasets(_InFolders):
    """Asks into which folder the ticked datasets go."""

    title = gettext_lazy("Move datasets")
    form_class = MoveForm
    submit_label = gettext_lazy("Move")
    success_message = gettext_lazy("The datasets were moved.")

    def save(self, form: Any, obj: Any) -> Any:
        wanted = self.request.GET.getlist("row")[:500]
        rows = Dataset.objects.in_workspace(self.workspace).filter(pk__in=wanted)
        folder = self.folder(form.cleaned_data["folder"])
        services.move(self.access, rows, folder)
        return folder

    def success_url(self, obj: Any) -> str:
        return self.reverse("datasets:list") + (f"?folder={obj.pk}" if obj else "")


class NewFolder(_InFolders):
    title = gettext_lazy("New folder")
    form_class = FolderForm
    submit_label = gettext_lazy("Create folder")

    def initial(self, obj: Any) -> dict[str, Any]:
        return {"parent": self.request.GET.get("folder", "")}

    def save(self, form: Any, obj: Any) -> Any:
        return folders.create(
            self.access, form.cleaned_data["name"], self.folder(form.cleaned_data["parent"])
        )

    def success_url(self, obj: Any) -> str:
        return f"{self.reverse('datasets:list')}?folder={obj.pk}"


class EditFolder(NewFolder):
    title = gettext_lazy("Change folder")
    submit_label = gettext_lazy("Save")

    def get_object(self) -> Any:
        return DatasetFolder.objects.get_in(self.workspace, self.kwargs["pk"])

    def initial(self, obj: Any) -> dict[str, Any]:
        return {"name": obj.name, "parent": obj.parent_id or ""}

    def save(self, form: Any, obj: Any) -> Any:
        parent = self.folder(form.cleaned_data["parent"])
        if (parent.pk if parent else None) != obj.parent_id:
            folders.move(self.access, obj, parent)
        if form.cleaned_data["name"] != obj.name:
            folders.rename(self.access, obj, form.cleaned_data["name"])
        return obj


class DeleteFolder(DeletePage):
    permission = CHANGE
    model = DatasetFolder
    back_url_name = "datasets:list"

    def delete(self, obj: Any) -> None:  # type: ignore[override]
        folders.delete(self.access, obj)


class CategoryList(ListPage):
    """The headings under which tags stand."""

    permission = "insight.dataset.view"
    title = gettext_lazy("Tag categories")
    intro = gettext_lazy("Headings under which the rule builder and charts list tags.")
    search_fields = ("name",)
    create_url_name = "datasets:category-new"
    create_label = gettext_lazy("New category")
    create_permission = "insight.dataset.manage"
    ordering = "name"
    empty_icon = "category"
    empty_title = gettext_lazy("No categories yet")
    empty_text = gettext_lazy("Give tags a category in a dataset, or make one here.")
    columns = (
        TextColumn("name", gettext_lazy("Category"), sort="name", link=True),
        NumberColumn("tags", gettext_lazy("Tags"), sort="tags"),
    )

    def get_queryset(self) -> QuerySet[TagCategory]:
        return TagCategory.objects.in_workspace(self.workspace).annotate(tags=Count("fields"))

    def row_url(self, row: TagCategory) -> str:
        return self.reverse("datasets:category-edit", pk=row.pk)


class CategoryForm(forms.Form):
    name = forms.CharField(label=gettext_lazy("Name"), max_length=32)


class NewCategory(FormPage):
    permission = "insight.dataset.manage"
    title = gettext_lazy("New category")
    form_class = CategoryForm
    back_url_name = "datasets:categories"

    def save(self, form: Any, obj: Any) -> Any:
        return categories.create(self.access, form.cleaned_data["name"])

    def success_url(self, obj: Any) -> str:
        return self.reverse("datasets:categories")


class EditCategory(NewCategory):
    title = gettext_lazy("Rename category")
    template_name = "insight/datasets/category.html"

    def get_object(self) -> Any:
        return TagCategory.objects.get_in(self.workspace, self.kwargs["pk"])

    def initial(self, obj: Any) -> dict[str, Any]:
        return {"name": obj.name}

    def save(self, form: Any, obj: Any) -> Any:
        return categories.rename(self.access, obj, form.cleaned_data["name"])


class DeleteCategory(DeletePage):
    permission = "insight.dataset.manage"
    model = TagCategory
    back_url_name = "datasets:categories"

    def consequences(self, obj: Any) -> Sequence[Any]:
        return [_("Its tags stay and have no category then.")]

    def delete(self, obj: Any) -> None:  # type: ignore[override]
        categories.delete(self.access, obj)
