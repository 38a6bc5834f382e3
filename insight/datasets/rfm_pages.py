"""Pages of RFM models: making and editing one."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cdp.console.generic import FormPage
from cdp.core.errors import ValidationFailed
from cdp.core.identifiers import id_type_choices
from insight.datasets import definition, joining, queries, rights, services
from insight.datasets.models import Dataset
from insight.datasources.models import SourceTable

_LABELS = {
    "r": (gettext_lazy("Recency, days since the last purchase"), gettext_lazy("Recency score")),
    "f": (gettext_lazy("Frequency, number of purchases"), gettext_lazy("Frequency score")),
    "m": (gettext_lazy("Amount, in total"), gettext_lazy("Amount score")),
}


class RfmForm(forms.Form):
    """Bands are typed as bounds and scores; left empty, they are cut at the quintiles of the data."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=64)
    description = forms.CharField(label=gettext_lazy("Description"), max_length=500, required=False)
    user = forms.ChoiceField(label=gettext_lazy("User identifier"))
    id_type = forms.ChoiceField(label=gettext_lazy("ID type"), choices=id_type_choices)
    input = forms.ChoiceField(
        label=gettext_lazy("Each row is"),
        choices=[
            ("transactions", gettext_lazy("a transaction")),
            ("customers", gettext_lazy("a customer, totalled already")),
        ],
    )
    time = forms.ChoiceField(label=gettext_lazy("Time of purchase"))
    amount = forms.ChoiceField(label=gettext_lazy("Amount"))
    count = forms.ChoiceField(
        label=gettext_lazy("Number of purchases"),
        required=False,
        help_text=gettext_lazy("Only where each row is a customer."),
    )
    days = forms.IntegerField(
        label=gettext_lazy("Count the last days only"),
        required=False,
        min_value=1,
        max_value=3650,
        help_text=gettext_lazy("Empty: the whole history. Only for transactions."),
    )

    def __init__(self, *args: Any, columns: list[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("user", "time", "amount", "count"):
            field: Any = self.fields[name]
            field.choices = [("", "–"), *((column, column) for column in columns)]
        for key, (label, score) in _LABELS.items():
            self.fields[f"bounds_{key}"] = forms.CharField(
                label=label,
                required=False,
                max_length=200,
                help_text=_(
                    "Bounds such as 30, 60, 90, 180: each band begins with its bound. Empty: fifths."
                ),
            )
            self.fields[f"scores_{key}"] = forms.CharField(
                label=score,
                required=False,
                max_length=200,
                help_text=_("One more than bounds, such as 5, 4, 3, 2, 1."),
            )
            self.fields[f"compare_{key}"] = forms.FloatField(
                label=_("%(score)s that counts as high") % {"score": score},
                required=False,
                help_text=_("Empty: the mean of all customers."),
            )

    def data_of(self) -> dict[str, Any]:
        """The form as the service takes it. Raises ValidationFailed at bounds and scores that are no numbers."""
        given = self.cleaned_data
        bands: dict[str, Any] = {}
        for key in _LABELS:
            if given[f"bounds_{key}"] or given[f"scores_{key}"]:
                bands[key] = {
                    part: _numbers(given[f"{part}_{key}"], f"{part}_{key}") for part in ("bounds", "scores")
                }
        return {
            "kind": "rfm",
            **{name: given[name] for name in ("name", "description", "input", "time", "amount")},
            "user_id": {"column": given["user"], "id_type": given["id_type"]},
            "count": given["count"] or None,
            "days": given["days"],
            "bands": bands,
            "compare": {
                key: given[f"compare_{key}"] for key in _LABELS if given[f"compare_{key}"] is not None
            },
        }


def _numbers(text: str, field: str) -> list[float]:
    try:
        return [float(part) for part in text.replace("，", ",").split(",") if part.strip()]
    except ValueError:
        message = _("Give numbers, separated by commas.")
        raise ValidationFailed(message, errors={field: [message]}) from None


def _at_fields(error: ValidationFailed) -> ValidationFailed:
    """Errors at paths of the definition, moved to the form's fields."""
    places = {"user_id/column": "user", "user_id/id_type": "id_type"}
    moved: dict[str, list[Any]] = {}
    for path, found in error.errors.items():
        parts = path.split("/")
        place = places.get(path, path)
        if parts[0] == "bands" and len(parts) > 1:
            place = f"{parts[2] if len(parts) > 2 else 'bounds'}_{parts[1]}"
        elif parts[0] == "compare" and len(parts) > 1:
            place = f"compare_{parts[1]}"
        moved.setdefault(place, []).extend(found)
    error.errors = moved
    return error


class NewRfm(FormPage):
    """A model of a table; its first computation starts at once."""

    permission = "insight.dataset.create"
    title = gettext_lazy("New RFM model")
    form_class = RfmForm
    submit_label = gettext_lazy("Create and compute")
    back_url_name = "datasets:list"

    def table(self, obj: Any) -> SourceTable:
        if obj is not None and obj.table is not None:
            return obj.table  # type: ignore[no-any-return]
        rows = SourceTable.objects.in_workspace(self.workspace).filter(state=SourceTable.State.READY)
        found = rows.filter(name=self.request.GET.get("table", "")).first()
        if found is None:
            raise ValidationFailed(
                _("There is no such table, or it has not been loaded."), code="table_missing"
            )
        return found

    def form_options(self, obj: Any) -> dict[str, Any]:
        columns = joining.source_of(obj).columns if obj is not None else self.table(obj).columns
        return {"columns": [column["name"] for column in columns]}

    def initial(self, obj: Any) -> dict[str, Any]:
        table = self.table(obj)
        found = queries.propose(table)
        kinds = {column["name"]: column["type"] for column in table.columns}

        def first(words: tuple[str, ...], types: tuple[str, ...]) -> str:
            named = [
                name for name in kinds if kinds[name] in types and any(word in name.lower() for word in words)
            ]
            return (named or [name for name in kinds if kinds[name] in types] or [""])[0]

        identifier = found["user_id"] or (found["ids"] or [{}])[0]
        user = next((name for name in kinds if name.lower() == "user_id"), identifier.get("column", ""))
        return {
            "name": f"RFM {table.name}"[:64],
            "user": user,
            "id_type": identifier.get("id_type", "one_id") if user == identifier.get("column") else "one_id",
            "time": first(("time", "date", "at"), ("date", "datetime")),
            "amount": first(("amount", "money", "price", "value"), ("number", "integer")),
        }

    def save(self, form: Any, obj: Any) -> Any:
        try:
            dataset = services.create(self.access, {**form.data_of(), "table": self.table(obj).name})
            services.refresh(self.access, dataset)
        except ValidationFailed as error:
            raise _at_fields(error) from None
        return dataset

    def success_url(self, obj: Any) -> str:
        return self.reverse("datasets:detail", pk=obj.pk)


class EditRfm(NewRfm):
    """Another meaning of the columns, or other bands; the identifier stays."""

    permission = "insight.dataset.view"
    title = gettext_lazy("Edit RFM model")
    submit_label = gettext_lazy("Save and compute")

    def get_object(self) -> Dataset:
        dataset = rights.get_visible(self.access, self.kwargs["pk"], "table")
        rights.check_manage(dataset, self.access)
        return dataset

    def initial(self, obj: Any) -> dict[str, Any]:
        found = definition.write(obj)
        values = {name: found.get(name) for name in ("input", "time", "amount", "count", "days")}
        for key, band in found.get("bands", {}).items():
            for part in ("bounds", "scores"):
                values[f"{part}_{key}"] = ", ".join(f"{number:g}" for number in band[part])
        values |= {f"compare_{key}": value for key, value in found.get("compare", {}).items()}
        user = found["user_id"]
        return {
            **values,
            "name": obj.name,
            "description": obj.description,
            "user": user["column"],
            "id_type": user["id_type"],
        }

    def save(self, form: Any, obj: Any) -> Any:
        try:
            services.update(self.access, obj, form.data_of(), edit_version=self.seen_version())
            services.refresh(self.access, obj)
        except ValidationFailed as error:
            raise _at_fields(error) from None
        return obj

    def extra(self, form: Any, obj: Any) -> dict[str, Any]:
        return {"back_url": self.success_url(obj)}
