"""Pages on which people say what counts as a conversion of a send-out, have it counted, and download it."""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.utils.translation import gettext, pgettext
from django.utils.translation import gettext_lazy as _

from cdp.console.generic import FormPage
from cdp.core.access import Access
from cdp.core.errors import DomainError
from cdp.jobs.models import Job
from insight.audiences import values
from insight.audiences.sources import Known
from insight.audiences.streaming import csv_response
from insight.datasets.models import Dataset
from marketing.delivery import conversion, lift
from marketing.delivery.models import SendOut
from marketing.delivery.views import SendOutAction, SendOutMixin

MOST_TYPES = 50


class ConversionForm(forms.Form):
    """Choices are the kinds of behaviour of each dataset that the person may use; their values "dataset:kind"."""

    behaviour = forms.MultipleChoiceField(
        label=_("Behaviour that counts"),
        required=False,
        widget=forms.SelectMultiple({"data-select": "", "class": "form-select"}),
        help_text=_("One or several kinds of one dataset. Empty: nothing is counted."),
    )
    days = forms.IntegerField(
        label=_("Days after the message"),
        min_value=1,
        max_value=conversion.LONGEST,
        initial=7,
        help_text=_(
            "Recipients are kept for 168 hours after the end, or longer where the workspace's settings say so; longer "
            "windows are counted up to then."
        ),
    )
    least_amount = forms.DecimalField(
        label=_("Only from this amount on"), min_value=0, max_digits=14, decimal_places=2, required=False
    )
    amount = forms.BooleanField(
        label=_("Add up the amounts"), required=False, help_text=_("Shows the amount per person as well.")
    )

    def __init__(self, *args: Any, access: Access, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        rows = conversion.datasets(access)
        known = {row.pk: (row, list(row.fields.all())) for row in rows}
        self.fields["behaviour"].choices = [  # type: ignore[attr-defined]
            (row.name, [(f"{row.pk}:{kind}", kind) for kind in _kinds(access, row, known)]) for row in rows
        ]

    def clean_behaviour(self) -> list[str]:
        chosen: list[str] = self.cleaned_data["behaviour"]
        if len({item.partition(":")[0] for item in chosen}) > 1:
            raise forms.ValidationError(_("Choose kinds of one dataset."))
        return chosen

    def values(self) -> dict[str, Any]:
        """As `conversion.choose` takes them."""
        chosen = self.cleaned_data["behaviour"]
        if not chosen:
            return {}
        return {
            "dataset": chosen[0].partition(":")[0],
            "types": [item.partition(":")[2] for item in chosen],
            **{name: self.cleaned_data[name] for name in ("days", "least_amount", "amount")},
        }


def _kinds(access: Access, row: Dataset, known: Known) -> list[str]:
    try:
        found = values.values_of(access, row.pk, "type", known=known)["results"]
    except DomainError:
        return []
    return [str(item["value"]) for item in found[:MOST_TYPES]]


class Choose(SendOutMixin, FormPage):
    verb = "create"
    title = _("What counts as a conversion")
    form_class = ConversionForm
    back_url_name = "delivery:list"

    def form_options(self, obj: SendOut) -> dict[str, Any]:
        return {"access": self.access}

    def initial(self, obj: SendOut) -> dict[str, Any]:
        kept = obj.conversion
        if not kept:
            return {}
        return {**kept, "behaviour": [f"{kept['dataset']}:{kind}" for kind in kept["types"]]}

    def save(self, form: ConversionForm, obj: SendOut) -> SendOut:
        conversion.choose(self.access, obj, form.values())
        return obj

    def success_url(self, obj: SendOut) -> str:
        return self.reverse("delivery:detail", pk=obj.pk) + "#conversions"

    def extra(self, form: ConversionForm, obj: SendOut) -> dict[str, Any]:
        return {"back_url": self.reverse("delivery:detail", pk=obj.pk), "back_label": obj.name}


class Recount(SendOutAction):
    verb = "view"
    success_message = _("The conversions are being counted.")

    def act(self, obj: SendOut) -> Job:
        return conversion.recount(self.access, obj)

    def success_url(self, obj: SendOut, result: Any) -> str:
        return super().success_url(obj, result) + "#conversions"


class Download(SendOutMixin):
    """The groups as CSV."""

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        send_out = self.get_object()
        return csv_response(request, lift.as_csv(self.access, send_out), f"{send_out.pk}-conversions.csv")


def shown(send_out: SendOut) -> dict[str, Any]:
    """The section of the effect page."""
    found = lift.of(send_out)
    job = conversion.active_job(send_out)
    if "target" not in found:
        return {"conversion": found, "conversion_job": job}
    rows = [(gettext("All written to"), found["target"])]
    rows += [(gettext("Variant %(letter)s") % {"letter": row["variant"]}, row) for row in found["variants"]]
    if found["control"]:
        rows.append((pgettext("control group", "Kept back"), found["control"]))
    return {
        "conversion": found,
        "conversion_job": job,
        "conversion_rows": rows,
        "conversion_verdict": _verdict(found["lift"]),
        "conversion_amounts": found["target"]["amount"] is not None,
    }


def _verdict(found: dict[str, Any] | None) -> str:
    """Whether the message has worked, in words."""
    if found is None:
        return ""
    difference = found["difference"]
    if difference["few"]:
        return gettext("Too few people to say")
    if not difference["significant"]:
        return gettext("The difference may be chance")
    return gettext("The message has worked") if difference["points"] > 0 else gettext("Worse than no message")
