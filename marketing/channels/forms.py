"""Forms of providers, made from the fields that a provider's type declares."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django import forms
from django.utils.text import format_lazy
from django.utils.translation import gettext_lazy as _

from insight.campaigns.models import Campaign
from insight.datasources.models import Connection
from marketing.channels.base import ConfigField, ProviderType, provider_type
from marketing.channels.models import Provider
from marketing.channels.services import SECRET, secrets_of, shown_config

OWN = ("name", "rate_per_second", "price", "price_currency", "enabled")
CONTROL, SELECT = {"class": "form-control"}, {"class": "form-select"}


class ProviderForm(forms.Form):
    """Name, limits and the settings of the type (as config_<name>)."""

    name = forms.CharField(label=_("Name"), max_length=50, widget=forms.TextInput(CONTROL))
    rate_per_second = forms.IntegerField(
        label=_("Messages per second"), min_value=1, initial=50, widget=forms.NumberInput(CONTROL)
    )
    price = forms.DecimalField(
        label=_("Price per message"),
        required=False,
        min_value=0,
        max_digits=10,
        decimal_places=4,
        help_text=_(
            "Of SMS, the price of one billed part. What campaigns have cost is reckoned from it; leave it empty where "
            "it is not known. A send-out keeps the price of the day on which it starts."
        ),
        widget=forms.NumberInput(CONTROL),
    )
    price_currency = forms.ChoiceField(
        label=_("Currency of the price"),
        choices=Campaign.Currency.choices,
        initial=Campaign.Currency.CNY,
        widget=forms.Select(SELECT),
    )
    enabled = forms.BooleanField(
        label=_("In use"),
        required=False,
        initial=True,
        widget=forms.CheckboxInput({"class": "form-check-input"}),
    )

    def __init__(
        self,
        *args: Any,
        kind: ProviderType,
        provider: Provider | None = None,
        sources: Iterable[Connection] = (),
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.kind = kind
        shown = shown_config(provider) if provider else {}
        for item in kind.fields:
            initial = shown.get(item.name, item.default)
            self.fields[f"config_{item.name}"] = (
                _source_field(item, sources, initial) if item.kind == "source" else form_field(item, initial)
            )
        last = ("price", "price_currency")
        self.order_fields([*(name for name in self.fields if name not in last), *last])

    def groups(self) -> list[dict[str, Any]]:
        """The fields by group: {"label", "fields", "open"}; those without a group come first."""
        labels = {f"config_{item.name}": item.group for item in self.kind.fields}
        found: dict[Any, list[forms.BoundField]] = {"": []}
        for item in self.visible_fields():
            found.setdefault(labels.get(item.name, ""), []).append(item)
        defaults = {f"config_{item.name}": item.default for item in self.kind.fields}
        return [
            {
                "label": label,
                "fields": items,
                "open": any(
                    item.errors or item.value() not in ("", None, defaults.get(item.name)) for item in items
                ),
            }
            for label, items in found.items()
        ]

    def values(self) -> dict[str, Any]:
        """Cleaned data in the form that the service takes."""
        data = self.cleaned_data
        config = {item.name: data[f"config_{item.name}"] for item in self.kind.fields}
        return {**{name: data[name] for name in OWN}, "config": config}


class KeysForm(forms.Form):
    """The keys of a provider alone."""

    def __init__(self, *args: Any, provider: Provider, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.keys = secrets_of(provider_type(provider))
        shown = shown_config(provider)
        for item in self.keys:
            self.fields[f"config_{item.name}"] = form_field(item, shown[item.name])

    def values(self) -> dict[str, Any]:
        """What was typed, by the names of the settings."""
        return {item.name: self.cleaned_data[f"config_{item.name}"] for item in self.keys}


def _source_field(item: ConfigField, sources: Iterable[Connection], initial: Any) -> forms.Field:
    choices = [("", _("None")), *((source.pk, source.name) for source in sources)]
    return forms.ChoiceField(
        label=item.label,
        required=item.required,
        help_text=item.help_text,
        initial=initial,
        choices=choices,
        widget=forms.Select(SELECT),
    )


def form_field(item: ConfigField, initial: Any) -> forms.Field:
    """The field of a form for a setting, with what it shows at first."""
    common: dict[str, Any] = {
        "label": item.label,
        "required": item.required,
        "help_text": item.help_text,
        "initial": initial,
    }
    if item.kind in SECRET and initial:
        kept = _("Leave the dots to keep the present one.")
        common["help_text"] = format_lazy("{} {}", item.help_text, kept) if item.help_text else kept
    if item.kind == "number":
        return forms.IntegerField(widget=forms.NumberInput(CONTROL), **common)
    if item.kind == "choice":
        return forms.ChoiceField(choices=list(item.choices), widget=forms.Select(SELECT), **common)
    if item.kind == "flag":
        return forms.BooleanField(
            widget=forms.CheckboxInput({"class": "form-check-input"}), **{**common, "required": False}
        )
    if item.kind == "key":
        widget = forms.Textarea(
            {**CONTROL, "rows": 3, "class": "form-control font-monospace", "spellcheck": "false"}
        )
        return forms.CharField(widget=widget, **common)
    if item.kind == "secret":
        return forms.CharField(widget=forms.PasswordInput(CONTROL, render_value=True), **common)
    return forms.CharField(widget=forms.TextInput(CONTROL), **common)


class SenderForm(forms.Form):
    """A sender address of a provider."""

    address = forms.EmailField(label=_("Address"), widget=forms.EmailInput(CONTROL))
    name = forms.CharField(
        label=_("Sender name"), required=False, max_length=64, widget=forms.TextInput(CONTROL)
    )


class AnySenderForm(SenderForm):
    """The same where the provider is to be chosen as well."""

    provider = forms.ModelChoiceField(label=_("Provider"), queryset=None, empty_label="–")
    field_order = ("provider", "address", "name")

    def __init__(self, *args: Any, workspace: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        rows = Provider.objects.in_workspace(workspace).filter(channel=Provider.Channel.EMAIL)
        self.fields["provider"].queryset = rows.order_by("name")  # type: ignore[attr-defined]
        if len(only := rows[:2]) == 1:
            self.fields["provider"].initial = only[0].pk


class DkimForm(forms.Form):
    """For which domain a key is made, and under which name it stands there."""

    domain = forms.CharField(
        label=_("Domain"),
        max_length=253,
        widget=forms.TextInput(CONTROL),
        help_text=_("The domain of the sender addresses, such as example.com."),
    )
    selector = forms.CharField(
        label=_("Selector"),
        max_length=63,
        initial="tideline",
        widget=forms.TextInput(CONTROL),
        help_text=_("The name of this key; give a new key a new one, so that mails under way stay valid."),
    )
