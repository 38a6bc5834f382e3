"""Pages that let others use or manage a dataset."""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from admin_center.permissions import grant_forms, grantees
from cdp.console.generic import ActionView, FormPage
from cdp.console.middleware import flash
from cdp.core.errors import DomainError, NotFound
from insight.datasets import granting, queries, rfm, rights
from insight.datasets.models import Dataset, DatasetGrant
from insight.datasets.views import OneDataset

SEE = "insight.dataset.view"


def _shared(view: Any) -> Dataset:
    """The dataset of a page, for people who may share it."""
    dataset = rights.get_visible(view.access, view.kwargs["pk"], "owner")
    rights.check_grant(dataset, view.access)
    return dataset


class Sharing(OneDataset):
    """Who may use the dataset: everybody or those with a grant, all rows or some."""

    title = gettext_lazy("Sharing")

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        return self.show(_shared(self))

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        dataset = _shared(self)
        public, columns = bool(request.POST.get("public")), request.POST.getlist("row_columns")
        try:
            granting.share(self.access, dataset, public=public, row_columns=columns)
        except DomainError as error:
            messages = [str(text) for found in error.errors.values() for text in found] or [str(error)]
            return self.show(dataset, messages, status=422)
        flash(request, _("The sharing was saved."))
        return HttpResponseRedirect(self.reverse("datasets:sharing", pk=dataset.pk))

    def show(self, dataset: Dataset, errors: list[str] | None = None, status: int = 200) -> HttpResponse:
        names = rights.row_choices(dataset)
        grants = [
            {
                "row": row,
                "rows": [
                    {"name": names.get(column, column), "values": row.rows.get(column, [])}
                    for column in dataset.row_columns
                ]
                if row.right == DatasetGrant.Right.USE
                else [],
            }
            for row in dataset.grants.select_related("user", "role", "group")
        ]
        context = self.get_context(
            object=dataset,
            grants=grants,
            row_choices=names,
            errors=errors or [],
            back_url=self.reverse("datasets:detail", pk=dataset.pk),
            back_label=dataset.name,
        )
        return self.render("insight/datasets/sharing.html", context, status=status)


class GrantForm(grant_forms.GrantForm):
    """A right for somebody; one field of values for each column that chooses rows."""

    right = forms.ChoiceField(
        label=gettext_lazy("Right"),
        choices=[
            ("use", gettext_lazy("Use: look at it, analyse it, select audiences from it")),
            ("manage", gettext_lazy("Manage: change, refresh and remove it as well; all rows")),
        ],
    )
    field_order = ("grantee", "right", "expires_at")

    def __init__(self, *args: Any, dataset: Dataset, fixed: DatasetGrant | None, **kwargs: Any) -> None:
        super().__init__(*args, workspace=dataset.workspace, without=dataset.owner_id, **kwargs)
        if fixed is not None:
            del self.fields["grantee"]
        names = rights.row_choices(dataset)
        self.columns = list(dataset.row_columns)
        for place, column in enumerate(self.columns):
            chosen = fixed.rows.get(column, []) if fixed is not None else []
            self.fields[f"rows_{place}"] = forms.MultipleChoiceField(
                label=_("Rows where “%(name)s” is one of") % {"name": names.get(column, column)},
                required=False,
                choices=[(value, value) for value in _values(dataset, column, chosen)],
                widget=forms.SelectMultiple({"data-select": "", "class": "form-select"}),
                help_text=_("Needed for the right to use. Rows must fit in all columns.")
                if not place
                else "",
            )

    def data_of(self) -> dict[str, Any]:
        """The form as the service takes it."""
        given = self.cleaned_data
        data = {"right": given["right"], "expires_at": given["expires_at"]}
        kind, _colon, key = given.get("grantee", "").partition(":")
        if kind:
            data[kind] = key
        if given["right"] == DatasetGrant.Right.USE:
            data["rows"] = {column: given[f"rows_{place}"] for place, column in enumerate(self.columns)}
        return data

    def moved(self, error: DomainError) -> DomainError:
        """The error with its paths named like the form's fields."""
        places = {f"rows/{column}": f"rows_{place}" for place, column in enumerate(self.columns)}
        places |= dict.fromkeys(grantees.KINDS, "grantee")
        error.errors = {places.get(path, path): found for path, found in error.errors.items()}
        return error


def _values(dataset: Dataset, column: str, chosen: list[str]) -> list[str]:
    """Values to choose from, most frequent first, and those that have been chosen before."""
    if dataset.kind == Dataset.Kind.RFM:
        return list(rfm.TYPES)
    try:
        found = [row["value"] for row in queries.values(dataset, column)]
    except NotFound:
        found = []
    return list(dict.fromkeys([*chosen, *found]))


class NewGrant(FormPage):
    """Let a person or a role in."""

    permission = SEE
    title = gettext_lazy("New grant")
    form_class = GrantForm
    submit_label = gettext_lazy("Grant")
    success_message = gettext_lazy("The grant was saved.")

    def get_object(self) -> Any:
        self.dataset = _shared(self)
        return None

    def form_options(self, obj: Any) -> dict[str, Any]:
        return {"dataset": self.dataset, "fixed": obj}

    def save(self, form: Any, obj: Any) -> Any:
        try:
            if obj is None:
                return granting.grant(self.access, self.dataset, form.data_of())
            return granting.change(self.access, obj, form.data_of())
        except DomainError as error:
            raise form.moved(error) from None

    def success_url(self, obj: Any) -> str:
        return self.reverse("datasets:sharing", pk=self.dataset.pk)

    def extra(self, form: Any, obj: Any) -> dict[str, Any]:
        return {"back_url": self.success_url(obj), "back_label": self.dataset.name}


class EditGrant(NewGrant):
    """Another right, time or rows."""

    title = gettext_lazy("Change grant")
    submit_label = gettext_lazy("Save")

    def get_object(self) -> Any:
        self.dataset = _shared(self)
        rows = DatasetGrant.objects.select_related("user", "role", "group")
        return rows.get_in(self.workspace, self.kwargs["grant"], dataset=self.dataset)

    def initial(self, obj: Any) -> dict[str, Any]:
        rows = {
            f"rows_{place}": obj.rows.get(column, []) for place, column in enumerate(self.dataset.row_columns)
        }
        return {"right": obj.right, "expires_at": obj.expires_at, **rows}

    def extra(self, form: Any, obj: Any) -> dict[str, Any]:
        return {**super().extra(form, obj), "title": f"{self.title}: {obj.grantee}"}


class Revoke(ActionView):
    """Take a grant back."""

    permission = SEE
    model = DatasetGrant
    success_message = gettext_lazy("The grant was taken back.")

    def get_object(self) -> Any:
        return DatasetGrant.objects.get_in(self.workspace, self.kwargs["grant"], dataset=_shared(self))

    def act(self, obj: Any) -> Any:
        granting.revoke(self.access, obj)

    def success_url(self, obj: Any, result: Any) -> str:
        return self.reverse("datasets:sharing", pk=self.kwargs["pk"])
