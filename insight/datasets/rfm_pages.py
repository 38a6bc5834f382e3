"""Pages of RFM models: making and editing one."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cdp.console.generic import FormPage
from cdp.core.errors import ValidationFailed
from cdp.core.identifiers import encryption_choices, id_type_choices
from insight.datasets import definition, joining, queries, rights, services
from insight.datasets.id_columns import IdColumnsField, with_lost
from insight.datasets.models import Dataset
from insight.datasources.connections import in_place
from insight.datasources.connections.in_place import InPlaceTable
from insight.datasources.models import Connection, SourceTable

_LABELS = {
    "r": (gettext_lazy("Recency, days since the last purchase"), gettext_lazy("Recency score")),
    "f": (gettext_lazy("Frequency, number of purchases"), gettext_lazy("Frequency score")),
    "m": (gettext_lazy("Amount, in total"), gettext_lazy("Amount score")),
}
HISTORY, LAST_DAYS = "history", "days"
_AS_GIVEN = ("name", "description", "fix_prefix", "input", "time", "amount")
_IDENTIFIER = ("user", "id_type", "encryption")
_ID_TYPES = ("text", "integer", "number")
"""Types of columns that may hold IDs."""


class RfmForm(forms.Form):
    """Bands are typed as bounds and scores; left empty, they are cut at the quintiles of the data.

    `columns` are those of the table, [{"name", "type"}]. The identifier of a model that is `kept` stays as it is.
    """

    name = forms.CharField(label=gettext_lazy("Name"), max_length=64)
    description = forms.CharField(label=gettext_lazy("Description"), max_length=500, required=False)
    user = forms.ChoiceField(label=gettext_lazy("User identifier"))
    id_type = forms.ChoiceField(label=gettext_lazy("ID type"), choices=id_type_choices)
    encryption = forms.ChoiceField(
        label=gettext_lazy("Encryption"),
        choices=encryption_choices,
        required=False,
        help_text=gettext_lazy("How the values are stored in the table"),
    )
    ids = IdColumnsField()
    fix_prefix = forms.BooleanField(
        label=gettext_lazy("Take +86, 86 or 0086 off mobile numbers"),
        required=False,
        help_text=gettext_lazy(
            "Mobile numbers have 11 digits. "
            "Without this, numbers with their country in front count as invalid and get no text message."
        ),
    )
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
    period = forms.ChoiceField(
        label=gettext_lazy("Period"),
        choices=[
            (HISTORY, gettext_lazy("The whole history until today")),
            (LAST_DAYS, gettext_lazy("The last days, with today")),
        ],
        required=False,
        initial=HISTORY,
    )
    days = forms.IntegerField(
        label=gettext_lazy("Number of days"), required=False, min_value=1, max_value=3650
    )

    def __init__(
        self, *args: Any, columns: list[dict[str, Any]], kept: Dataset | None = None, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        fields: Any = self.fields
        for name in ("user", "time", "amount", "count"):
            fields[name].choices = [("", "–"), *((column["name"], column["name"]) for column in columns)]
        offered = [
            column["name"]
            for column in columns
            if column["type"] in _ID_TYPES and (kept is None or column["name"] != self.initial["user"])
        ]
        fields["ids"].columns = with_lost(((name, name) for name in offered), self.initial.get("ids", []))
        if kept is not None:
            for name in _IDENTIFIER:
                fields[name].disabled = True
            fields["user"].help_text = _("It stays as it is: make another model to know customers otherwise.")
        for key, (label, score) in _LABELS.items():
            self.fields[f"bounds_{key}"] = forms.CharField(
                label=label,
                required=False,
                max_length=1000,
                help_text=_(
                    "Bounds such as 30, 60, 90, 180: each band begins with its bound. Empty: fifths."
                ),
            )
            self.fields[f"scores_{key}"] = forms.CharField(
                label=score,
                required=False,
                max_length=1000,
                help_text=_("One more than bounds, such as 5, 4, 3, 2, 1."),
            )
            self.fields[f"compare_{key}"] = forms.FloatField(
                label=_("%(score)s that counts as high") % {"score": score},
                required=False,
                help_text=_("Empty: the mean of all customers."),
            )

    def clean(self) -> dict[str, Any]:
        """A table of customers has no period, whatever the hidden field still says."""
        given: dict[str, Any] = self.cleaned_data
        of_days = given.get("input") == "transactions" and given.get("period") == LAST_DAYS
        if of_days and given.get("days") is None and "days" not in self.errors:
            self.add_error("days", _("Say how many days."))
        if not of_days:
            given["days"] = None
        return given

    def data_of(self) -> dict[str, Any]:
        """The form as the service takes it. Raises ValidationFailed at bounds and scores that are no numbers.

        The identifier stays as it is where it is not sent; what is sent for it is for the service to refuse.
        """
        given = self.cleaned_data
        bands: dict[str, Any] = {}
        for key in _LABELS:
            if given[f"bounds_{key}"] or given[f"scores_{key}"]:
                bands[key] = {
                    part: _numbers(given[f"{part}_{key}"], f"{part}_{key}") for part in ("bounds", "scores")
                }
        column, id_type, encryption = (self.data.get(name) or self.initial[name] for name in _IDENTIFIER)
        names = self.initial.get("names", {})
        return {
            "kind": "rfm",
            **{name: given[name] for name in _AS_GIVEN},
            "user_id": {
                "column": column,
                "id_type": id_type,
                "encryption": encryption,
                "name": names.get(column),
            },
            "ids": [{**item, "name": names.get(item["column"])} for item in given["ids"]],
            "count": (given["count"] or None) if given["input"] == "customers" else None,
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


def _written(number: float) -> str:
    """A number as it was typed: whole ones without decimals."""
    return str(int(number)) if number == int(number) else repr(float(number))


def _at_fields(error: ValidationFailed) -> ValidationFailed:
    """Errors at paths of the definition, moved to the form's fields."""
    places = {
        "user_id": "user",
        "user_id/column": "user",
        "user_id/id_type": "id_type",
        "user_id/encryption": "encryption",
    }
    moved: dict[str, list[Any]] = {}
    for path, found in error.errors.items():
        parts = path.split("/")
        place = places.get(path, path)
        if parts[0] == "bands" and len(parts) > 1:
            place = f"{parts[2] if len(parts) > 2 else 'bounds'}_{parts[1]}"
        elif parts[0] == "compare" and len(parts) > 1:
            place = f"compare_{parts[1]}"
        elif parts[0] == "ids":
            place = "ids"
        moved.setdefault(place, []).extend(found)
    error.errors = moved
    return error


class NewRfm(FormPage):
    """A model of a table; its first computation starts at once."""

    permission = "insight.dataset.create"
    title = gettext_lazy("New RFM model")
    form_class = RfmForm
    template_name = "insight/datasets/rfm_form.html"
    submit_label = gettext_lazy("Create and compute")
    back_url_name = "datasets:list"

    def source(self) -> Connection | None:
        """The data source that a new model shall live in; None for the built-in one."""
        given = self.request.GET.get("source")
        return in_place.usable(self.workspace).filter(pk=given).first() if given else None

    def table(self, obj: Any) -> SourceTable | InPlaceTable:
        if obj is not None and (kept := joining.table_of(obj)) is not None:
            return kept
        if (source := self.source()) is not None:
            return in_place.find_table(self.workspace, source.pk, self.request.GET.get("table", ""))
        rows = SourceTable.objects.in_workspace(self.workspace).filter(state=SourceTable.State.READY)
        found = rows.filter(name=self.request.GET.get("table", "")).first()
        if found is None:
            raise ValidationFailed(
                _("There is no such table, or it has not been loaded."), code="table_missing"
            )
        return found

    def form_options(self, obj: Any) -> dict[str, Any]:
        columns = joining.source_of(obj).columns if obj is not None else self.table(obj).columns
        return {"columns": columns, "kept": obj}

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
            "encryption": "plain",
            "ids": [
                {**item, "encryption": "plain"}
                for item in found["ids"]
                if item["column"] != user and kinds[item["column"]] in _ID_TYPES
            ],
            "time": first(("time", "date", "at"), ("date", "datetime")),
            "amount": first(("amount", "money", "price", "value"), ("number", "integer")),
        }

    def save(self, form: Any, obj: Any) -> Any:
        try:
            source = self.source()
            where = {"table": self.table(obj).name} | ({"source": source.pk} if source else {})
            dataset = services.create(self.access, {**form.data_of(), **where})
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
        kept = ("input", "time", "amount", "count", "days", "ids", "fix_prefix")
        values = {name: found.get(name) for name in kept}
        for key, band in found.get("bands", {}).items():
            for part in ("bounds", "scores"):
                values[f"{part}_{key}"] = ", ".join(map(_written, band[part]))
        values |= {f"compare_{key}": _written(value) for key, value in found.get("compare", {}).items()}
        user = found["user_id"]
        return {
            **values,
            "name": obj.name,
            "description": obj.description,
            "user": user["column"],
            "id_type": user["id_type"],
            "encryption": user["encryption"],
            "names": {item["column"]: item["name"] for item in (user, *found["ids"])},
            "period": LAST_DAYS if found.get("days") else HISTORY,
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
