"""Pages that bind dimension tables to columns, so that codes are shown by their names."""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cdp.console.generic import ActionView, FormPage
from cdp.core.errors import DomainError, NotFound, ValidationFailed
from insight.datasets import definition, naming, rights, services
from insight.datasets.models import Dataset, DatasetDimension
from insight.datasets.views import OneDataset
from insight.datasources.models import SourceTable

SEE = "insight.dataset.view"


def _changed(view: Any) -> Dataset:
    """The dataset of a page, for people who may change it; 404 for kinds without codes."""
    dataset = rights.get_visible(view.access, view.kwargs["pk"], "table")
    rights.check_manage(dataset, view.access)
    if dataset.kind in (Dataset.Kind.RFM, Dataset.Kind.CUSTOM_TAGS):
        raise NotFound(_("The values of this kind of dataset have no codes."))
    return dataset


def _save(view: Any, dataset: Dataset, rows: list[dict[str, Any]]) -> None:
    services.update(view.access, dataset, {"dimensions": rows})
    services.refresh(view.access, dataset)


class Names(OneDataset):
    """Which tables name the values of which columns."""

    title = gettext_lazy("Names of values")

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        dataset = _changed(self)
        tables = SourceTable.objects.in_workspace(self.workspace).filter(state=SourceTable.State.READY)
        rows = [
            {"row": row, "place": naming.of_field(dataset, row)}
            for row in dataset.dimensions.select_related("table")
        ]
        context = self.get_context(
            object=dataset,
            rows=rows,
            tables=tables.order_by("name"),
            back_url=self.reverse("datasets:detail", pk=dataset.pk),
            back_label=dataset.name,
        )
        return self.render("insight/datasets/names.html", context)


class NamesForm(forms.Form):
    """Which column of the dataset, and which columns of the table hold its values and their names."""

    place = forms.ChoiceField(label=gettext_lazy("Values of"))
    key = forms.ChoiceField(label=gettext_lazy("Column with the value"))
    label = forms.ChoiceField(label=gettext_lazy("Column with its name"))
    attribute = forms.CharField(
        label=gettext_lazy("Only of the object attribute"),
        max_length=255,
        required=False,
        help_text=gettext_lazy("Where the table names the values of one attribute."),
    )
    attribute_column = forms.ChoiceField(
        label=gettext_lazy("Column with the object attribute"),
        required=False,
        help_text=gettext_lazy("Where one table names the values of all attributes."),
    )

    def __init__(self, *args: Any, places: dict[str, str], columns: list[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        chosen: Any = self.fields["place"]
        chosen.choices = list(places.items())
        for name in ("key", "label", "attribute_column"):
            field: Any = self.fields[name]
            first = [("", "–")] if name == "attribute_column" else []
            field.choices = [*first, *((column, column) for column in columns)]
        if naming.OBJECT not in places:
            del self.fields["attribute"], self.fields["attribute_column"]


class NewNames(FormPage):
    """Bind one table. The dataset is computed again, because names belong to a version."""

    permission = SEE
    title = gettext_lazy("Name values by a table")
    form_class = NamesForm
    submit_label = gettext_lazy("Save and compute")
    success_message = gettext_lazy("The names were saved and are being read.")

    def get_object(self) -> Any:
        self.dataset = _changed(self)
        rows = SourceTable.objects.in_workspace(self.workspace).filter(state=SourceTable.State.READY)
        table = rows.filter(name=self.request.GET.get("table", "")).first()
        if table is None:
            message = _("There is no such table, or it has not been loaded.")
            raise ValidationFailed(message, code="table_missing")
        self.table = table
        return None

    @property
    def intro(self) -> str:
        return _("Table %(name)s") % {"name": self.table.name}

    def form_options(self, obj: Any) -> dict[str, Any]:
        columns = [column["name"] for column in self.table.columns]
        return {"places": naming.places(self.dataset), "columns": columns}

    def initial(self, obj: Any) -> dict[str, Any]:
        names = [column["name"] for column in self.table.columns]
        label = next((name for name in names if name.lower() in ("name", "label", "title")), names[-1])
        return {"key": names[0], "label": label}

    def save(self, form: Any, obj: Any) -> Any:
        rows = definition.write(self.dataset)["dimensions"]
        path = f"dimensions/{len(rows)}/"
        try:
            _save(self, self.dataset, [*rows, {**form.cleaned_data, "table": self.table.name}])
        except DomainError as error:
            error.errors = {at.removeprefix(path): found for at, found in error.errors.items()}
            raise
        return self.dataset

    def success_url(self, obj: Any) -> str:
        return self.reverse("datasets:names", pk=self.dataset.pk)

    def extra(self, form: Any, obj: Any) -> dict[str, Any]:
        return {"back_url": self.success_url(obj), "back_label": self.dataset.name}


class RemoveNames(ActionView):
    """Show the values of a column as they are again."""

    permission = SEE
    model = DatasetDimension

    def get_object(self) -> Any:
        self.dataset = _changed(self)
        row = self.dataset.dimensions.filter(pk=self.kwargs["names"]).first()
        if row is None:
            raise NotFound()
        return row

    def act(self, obj: Any) -> Any:
        kept = [
            item
            for item in definition.write(self.dataset)["dimensions"]
            if (item["place"], item["attribute"]) != (obj.place, obj.attribute)
        ]
        _save(self, self.dataset, kept)

    def message(self, obj: Any, result: Any) -> Any:
        return _("The names were removed; the dataset is being computed.")

    def success_url(self, obj: Any, result: Any) -> str:
        return self.reverse("datasets:names", pk=self.dataset.pk)
