"""The form of a digital SMS."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from marketing.content import digital, services
from marketing.content.models import Signature, Template

FIELDS = ("name", "purpose", "subject", "signature", "note", "parts")


class DigitalForm(forms.Form):
    """Its parts come as JSON, as `digital.taken` takes them."""

    name = forms.CharField(
        label=gettext_lazy("Name"),
        max_length=64,
        help_text=gettext_lazy("Platforms see the first 30 characters."),
    )
    purpose = forms.ChoiceField(label=gettext_lazy("Purpose"), choices=Template.Purpose.choices)
    signature = forms.ModelChoiceField(
        label=gettext_lazy("Signature"), queryset=Signature.objects.none(), empty_label="–"
    )
    subject = forms.CharField(
        label=gettext_lazy("Subject"),
        max_length=digital.LONGEST_SUBJECT,
        help_text=gettext_lazy("Phones show it above the message."),
    )
    note = forms.CharField(
        label=gettext_lazy("Note for the reviewer"),
        required=False,
        max_length=services.MAX_NOTE,
        help_text=gettext_lazy("What the SMS is for."),
    )
    parts = forms.JSONField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args: Any, workspace: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["signature"]
        rows = Signature.objects.in_workspace(workspace).select_related("provider")
        field.queryset = rows.filter(provider__in=digital.platforms(workspace))
        if len(only := field.queryset[:2]) == 1:
            field.initial = only[0].pk

    def clean_parts(self) -> list[Any]:
        parts = self.cleaned_data["parts"]
        if not isinstance(parts, list) or not parts:
            raise forms.ValidationError(_("Add a text, a picture, a sound or a video."))
        return parts

    def shown_parts(self) -> Any:
        """What the editor begins with: as it was typed, or as the template has it."""
        value = self["parts"].value()
        return value if isinstance(value, str) else forms.JSONField().prepare_value(value or [])


def at_the_parts(errors: dict[str, Any]) -> dict[str, Any]:
    """Errors at paths such as parts/2 as errors of the whole field, with the number of the part."""
    found: dict[str, Any] = {}
    for path, messages in errors.items():
        field, _slash, place = path.partition("/")
        if field == "parts" and place.isdecimal():
            messages = [
                _("Part %(number)d: %(message)s") % {"number": int(place) + 1, "message": message}
                for message in messages
            ]
        found.setdefault(field, []).extend(messages)
    return found
