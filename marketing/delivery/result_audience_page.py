"""The page that makes an audience of people with chosen results of a send-out."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from insight.audiences.making import SELECT, CommonForm, MakingPage
from insight.audiences.models import Audience
from marketing.delivery import result_audience
from marketing.delivery.failed import gone
from marketing.delivery.models import SendOut
from marketing.delivery.views import SendOutMixin


class ResultsForm(CommonForm):
    """Which results, and what every audience has."""

    results = forms.MultipleChoiceField(
        label=_("People whose message is"),
        widget=forms.CheckboxSelectMultiple,
        help_text=_("Those with one of these results, as they are now."),
    )
    field_order = ("results",)

    def __init__(self, *args: Any, send_out: SendOut, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["results"].choices = list(  # type: ignore[attr-defined]
            result_audience.offered(send_out).items()
        )


class ResultAudience(SendOutMixin, MakingPage):
    title = _("Audience from the results")
    form_class = ResultsForm
    back_url_name = "delivery:list"

    def get_object(self) -> SendOut:
        self.access.require(SELECT)
        found = super().get_object()
        if not result_audience.is_offered(found):
            raise gone()
        return found

    def form_options(self, obj: SendOut) -> dict[str, Any]:
        return {**super().form_options(obj), "send_out": obj}

    def extra(self, form: Any, obj: SendOut) -> dict[str, Any]:
        return {"back_url": self.reverse("delivery:detail", pk=obj.pk)}

    def save(self, form: ResultsForm, obj: SendOut) -> Audience:
        results = form.cleaned_data["results"]
        audience, _job = result_audience.make(self.access, obj, results, form.common())
        return audience
