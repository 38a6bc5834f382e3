"""The part of a template's form that push messages alone have."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from marketing.content import push

PREFIX = "push_"


class ParametersField(forms.CharField):
    """Parameters as lines of name=text, cleaned to an object."""

    widget = forms.Textarea

    def prepare_value(self, value: Any) -> Any:
        if isinstance(value, dict):
            return "\n".join(f"{name}={text}" for name, text in value.items())
        return value

    def clean(self, value: Any) -> dict[str, str]:  # type: ignore[override]
        found: dict[str, str] = {}
        for line in str(super().clean(value) or "").splitlines():
            if line.strip():
                name, equals, text = line.partition("=")
                if not equals:
                    raise forms.ValidationError(_("Write each line as name=text."))
                found[name.strip()] = text.strip()
        return found


def fields() -> dict[str, forms.Field]:
    """The fields by their names in the form."""
    narrow = forms.TextInput({"autocomplete": "off", "spellcheck": "false"})
    made: dict[str, forms.Field] = {
        "action": forms.ChoiceField(label=_("After a tap"), choices=push.Action.choices),
        "url": forms.CharField(
            label=_("Link"),
            required=False,
            max_length=push.LONGEST_URL,
            help_text=_("Where the tap opens a link: starts with http:// or https://."),
        ),
        "package": forms.CharField(
            label=_("Package of the app"),
            required=False,
            max_length=200,
            widget=narrow,
            help_text=_("Where the tap opens a page, and for makers' own channels: com.example.shop"),
        ),
        "activity": forms.CharField(
            label=_("Activity"), required=False, max_length=200, widget=narrow, help_text=_("MainActivity")
        ),
        "custom": forms.CharField(
            label=_("Text for the app"),
            required=False,
            max_length=push.LONGEST_CUSTOM,
            help_text=_("Where the app gets a text: what it does with it is up to the app."),
        ),
        "extra": ParametersField(
            label=_("Parameters"),
            required=False,
            widget=forms.Textarea({"rows": 3, "class": "form-control font-monospace", "spellcheck": "false"}),
            help_text=_("Handed to the app with the tap, one a line: product=4711. They may hold variables."),
        ),
        "ttl_hours": forms.IntegerField(
            label=_("Hours to live"),
            min_value=1,
            max_value=push.MOST_HOURS,
            initial=push.MOST_HOURS,
            help_text=_("Phones that are off get the message later, but not after this time."),
        ),
        "vendor": forms.BooleanField(
            label=_("Android: also through the phone makers' channels"),
            required=False,
            help_text=_("Reaches phones on which the app is not running. Needs package and activity."),
        ),
        "subtitle": forms.CharField(label=_("iOS: subtitle"), required=False, max_length=push.LONGEST_TITLE),
        "badge": forms.IntegerField(
            label=_("iOS: number on the app's icon"), required=False, min_value=0, max_value=push.MOST_BADGE
        ),
        "sound": forms.BooleanField(label=_("iOS: with a sound"), required=False, initial=True),
    }
    return {PREFIX + name: field for name, field in made.items()}


def values(cleaned: dict[str, Any]) -> dict[str, Any]:
    """The object that a template keeps, from cleaned data; what is at its default is left out."""
    given = {name: cleaned.get(PREFIX + name) for name in push.DEFAULTS}
    return {name: value for name, value in given.items() if value != push.DEFAULTS[name]}


def initial(kept: dict[str, Any]) -> dict[str, Any]:
    """What the form shows of a template's object."""
    return {PREFIX + name: value for name, value in push.complete(kept).items()}
