"""The page that makes an audience of people with chosen results of a send-out."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from cdp.console.generic import FormPage
from insight.audiences import folders
from insight.audiences.making import CommonForm
from insight.audiences.models import Audience, Folder
from marketing.delivery import result_audience
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


class ResultAudience(SendOutMixin, FormPage):
    title = _("Audience from the results")
    form_class = ResultsForm
    submit_label = _("Create audience")
    success_message = _("The audience was made and is being computed.")
    back_url_name = "delivery:list"

    def get_object(self) -> SendOut:
        self.access.require("insight.audience.filter")
        return super().get_object()

    def form_options(self, obj: SendOut) -> dict[str, Any]:
        return {"access": self.access, "branches": folders.tree(self.access), "send_out": obj}

    def extra(self, form: Any, obj: SendOut) -> dict[str, Any]:
        return {"back_url": self.reverse("delivery:detail", pk=obj.pk)}

    def save(self, form: ResultsForm, obj: SendOut) -> Audience:
        data = form.common()
        if data["folder"]:
            Folder.objects.get_in(self.workspace, data["folder"])
        audience, _job = result_audience.make(self.access, obj, form.cleaned_data["results"], data)
        return audience

    def success_url(self, obj: Audience) -> str:
        return self.reverse("audiences:detail", obj.pk)
