"""Pages of a dataset's schedule and place, and of folders."""

from __future__ import annotations

from typing import Any

from django import forms
from django.db.models import QuerySet
from django.utils.translation import gettext_lazy

from cdp.console.cycles import CycleForm
from cdp.console.folder_pages import MovePage
from cdp.console.generic import FormPage
from cdp.core.errors import DomainError
from cdp.core.folders import Branch, choices
from insight.datasets import copying, rights, schedule, services
from insight.datasets.folders import folders
from insight.datasets.models import TAG_KINDS, Dataset

CHANGE = "insight.dataset.create"


class ScheduleForm(CycleForm):
    every = forms.ChoiceField(
        label=gettext_lazy("Refresh by itself"),
        choices=[
            ("off", gettext_lazy("Do not refresh")),
            ("hour", gettext_lazy("Every few hours")),
            ("day", gettext_lazy("Every day")),
            ("week", gettext_lazy("Every week")),
            ("month", gettext_lazy("Every month")),
        ],
    )
    hours = forms.IntegerField(
        label=gettext_lazy("Hours between two refreshes"),
        required=False,
        min_value=1,
        max_value=23,
        help_text=gettext_lazy("Counted from midnight."),
    )

    field_order = ["every", "hours"]

    def __init__(self, *args: Any, kind: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if kind not in TAG_KINDS:
            every: Any = self.fields["every"]
            every.choices = [item for item in every.choices if item[0] != "hour"]
            del self.fields["hours"]


class RefreshSettings(FormPage):
    """When the dataset is refreshed by itself."""

    permission = "insight.dataset.view"
    title = gettext_lazy("Refresh settings")
    template_name = "insight/datasets/settings.html"
    form_class = ScheduleForm
    success_message = gettext_lazy("The refresh settings were saved.")

    def get_object(self) -> Dataset:
        dataset = rights.get_visible(self.access, self.kwargs["pk"])
        rights.check_manage(dataset, self.access)
        return dataset

    def form_options(self, obj: Any) -> dict[str, Any]:
        return {"kind": obj.kind}

    def initial(self, obj: Any) -> dict[str, Any]:
        return {"every": "off", **schedule.DEFAULTS, **obj.refresh}

    def save(self, form: Any, obj: Any) -> Any:
        try:
            return services.set_refresh(
                self.access, obj, form.policy(), edit_version=self.seen_version() or 0
            )
        except DomainError as error:
            error.errors = {path.removeprefix("refresh/"): found for path, found in error.errors.items()}
            raise

    def success_url(self, obj: Any) -> str:
        return self.reverse("datasets:detail", pk=obj.pk)

    def extra(self, form: Any, obj: Any) -> dict[str, Any]:
        return {"back_url": self.success_url(obj), "back_label": obj.name}


class RenameForm(forms.Form):
    name = forms.CharField(label=gettext_lazy("Name"), max_length=64)
    description = forms.CharField(
        label=gettext_lazy("Description"), max_length=500, required=False, widget=forms.Textarea({"rows": 3})
    )


class RenameDataset(FormPage):
    """Another name or description; nothing is computed."""

    permission = "insight.dataset.view"
    title = gettext_lazy("Rename dataset")
    form_class = RenameForm
    success_message = gettext_lazy("The dataset was saved.")

    def get_object(self) -> Dataset:
        dataset = rights.get_visible(self.access, self.kwargs["pk"], "table")
        rights.check_manage(dataset, self.access)
        return dataset

    def initial(self, obj: Any) -> dict[str, Any]:
        return {"name": obj.name, "description": obj.description}

    def save(self, form: Any, obj: Any) -> Any:
        return services.update(self.access, obj, form.cleaned_data, edit_version=self.seen_version() or 0)

    def success_url(self, obj: Any) -> str:
        return self.reverse("datasets:detail", pk=obj.pk)

    def extra(self, form: Any, obj: Any) -> dict[str, Any]:
        return {"back_url": self.success_url(obj), "back_label": obj.name}


class CopyForm(RenameForm):
    folder = forms.ChoiceField(label=gettext_lazy("Folder"), required=False)

    def __init__(self, *args: Any, branches: list[Branch], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["folder"]
        field.choices = choices(branches)


class CopyDataset(RenameDataset):
    """Another dataset like this one."""

    permission = CHANGE
    title = gettext_lazy("Copy dataset")
    form_class = CopyForm
    submit_label = gettext_lazy("Copy")
    success_message = gettext_lazy("The copy was made and is being computed.")

    def form_options(self, obj: Any) -> dict[str, Any]:
        return {"branches": folders.tree(self.access)}

    def initial(self, obj: Any) -> dict[str, Any]:
        name = copying.free_name(obj)
        return {"name": name, "description": obj.description, "folder": obj.folder_id or ""}

    def save(self, form: Any, obj: Any) -> Any:
        return copying.copy(self.access, obj, form.cleaned_data)


class MoveDatasets(MovePage):
    folders = folders
    permission = CHANGE
    title = gettext_lazy("Move datasets")
    success_message = gettext_lazy("The datasets were moved.")
    back_url_name = "datasets:list"

    def move(self, rows: QuerySet[Any], folder: Any) -> object:
        return services.move(self.access, rows, folder)
