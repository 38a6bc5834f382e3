"""Forms of webhooks. Parameters and results are written one a line."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cdp.core.identifiers import ID_TYPES, id_type_choices
from marketing.webhooks import parameters
from marketing.webhooks.calling import EXAMPLES
from marketing.webhooks.models import Webhook
from marketing.webhooks.settings import KEPT

_CODE = {"rows": 4, "class": "form-control font-monospace", "spellcheck": "false"}
_NARROW = {"autocomplete": "off", "spellcheck": "false"}


class RowsField(forms.CharField):
    """Lines of parts between bars, cleaned to objects."""

    def __init__(self, *, parts: Sequence[str], **kwargs: Any) -> None:
        super().__init__(required=False, widget=forms.Textarea(_CODE), **kwargs)
        self.parts = parts

    def prepare_value(self, value: Any) -> Any:
        if isinstance(value, list):
            return "\n".join(" | ".join(row.get(part, "") for part in self.parts) for row in value)
        return value

    def clean(self, value: Any) -> list[dict[str, str]]:  # type: ignore[override]
        lines = [line for line in str(super().clean(value) or "").splitlines() if line.strip()]
        found = []
        for line in lines:
            texts = [text.strip() for text in line.replace("｜", "|").split("|")]
            if len(texts) > len(self.parts):
                raise forms.ValidationError(_("Too many parts in the line “%(line)s”.") % {"line": line[:60]})
            found.append(dict(zip(self.parts, texts, strict=False)))
        return found


class WebhookForm(forms.Form):
    """All settings of a webhook."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=32)
    url = forms.CharField(
        label=gettext_lazy("Address"),
        max_length=500,
        widget=forms.TextInput({**_NARROW, "placeholder": "https://crm.example.com/tideline"}),
        help_text=gettext_lazy("The whole address that is called, with http:// or better https://."),
    )
    auth = forms.ChoiceField(
        label=gettext_lazy("Authentication"), choices=Webhook.Auth.choices, initial="key"
    )
    key = forms.CharField(
        label=gettext_lazy("Key"),
        required=False,
        max_length=64,
        widget=forms.PasswordInput({"autocomplete": "new-password"}, render_value=True),
        help_text=gettext_lazy("Calls in both directions are signed with it: 8 to 64 characters."),
    )
    signature_header = forms.ChoiceField(
        label=gettext_lazy("Header of the signature"), choices=Webhook.Header.choices
    )
    id_types = forms.MultipleChoiceField(
        label=gettext_lazy("ID types"),
        choices=id_type_choices(),
        widget=forms.CheckboxSelectMultiple,
        help_text=gettext_lazy("What your system knows people by. Each send-out uses one of them."),
    )
    parameters = RowsField(
        label=gettext_lazy("Parameters"),
        parts=("name", "label", "type"),
        help_text=gettext_lazy(
            "One a line: name | display name | type. Types: string, integer, and text, which may hold variables."
        ),
    )
    idempotent = forms.BooleanField(
        label=gettext_lazy("It recognises a repeated Idempotency-Key"),
        required=False,
        help_text=gettext_lazy(
            "Then a call without an answer is repeated safely; otherwise it is left as unknown."
        ),
    )
    rate_per_second = forms.IntegerField(
        label=gettext_lazy("Calls per second"), min_value=1, max_value=10_000, initial=50
    )
    concurrency = forms.IntegerField(
        label=gettext_lazy("Calls at once"), min_value=1, max_value=50, initial=10
    )
    batch_size = forms.IntegerField(
        label=gettext_lazy("People per call"),
        min_value=1,
        max_value=1000,
        initial=1,
        help_text=gettext_lazy(
            "With more than 1, each call has a list of people; your system must take lists."
        ),
    )
    receipts = forms.BooleanField(
        label=gettext_lazy("It reports results"),
        required=False,
        help_text=gettext_lazy("What became of each person, told later by your system."),
    )
    window_hours = forms.IntegerField(
        label=gettext_lazy("Hours in which results are taken"),
        min_value=1,
        max_value=720,
        initial=72,
        help_text=gettext_lazy("Counted from the end of the send-out, 1 to 720."),
    )
    statuses = RowsField(
        label=gettext_lazy("Results"),
        parts=("code", "label", "outcome"),
        help_text=gettext_lazy(
            "One a line: code | name | outcome, which is delivered or failed: 200 | Read | delivered."
        ),
    )
    verify_body = forms.BooleanField(
        label=gettext_lazy("Results must be signed with X-Body-Signature as well"), required=False
    )
    source_ips = forms.CharField(
        label=gettext_lazy("Addresses that results may come from"),
        required=False,
        widget=forms.TextInput(_NARROW),
        help_text=gettext_lazy("Needed without a key, separated by commas: 203.0.113.7, 198.51.100.0/24"),
    )

    def values(self) -> dict[str, Any]:
        """Cleaned data in the form that the service takes."""
        addresses = self.cleaned_data["source_ips"].replace("，", ",").split(",")
        return {**self.cleaned_data, "source_ips": [text.strip() for text in addresses if text.strip()]}


def initial_of(values: dict[str, Any]) -> dict[str, Any]:
    """What the form shows of a webhook's values."""
    return {**values, "key": KEPT if values["key"] else "", "source_ips": ", ".join(values["source_ips"])}


class TestForm(forms.Form):
    """One call by hand."""

    id_type = forms.ChoiceField(label=gettext_lazy("ID type"))
    target = forms.CharField(label=gettext_lazy("Test ID"), max_length=254, widget=forms.TextInput(_NARROW))

    def __init__(self, *args: Any, webhook: Webhook, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.webhook = webhook
        self.fields["id_type"].choices = [(key, ID_TYPES[key].label) for key in webhook.id_types]  # type: ignore[attr-defined]
        self.fields["target"].widget.attrs["placeholder"] = EXAMPLES[webhook.id_types[0]]
        for row in webhook.parameters:
            self.fields[f"params_{row['name']}"] = parameter_field(row, required=False)

    def values(self) -> dict[str, Any]:
        params = {row["name"]: self.cleaned_data[f"params_{row['name']}"] for row in self.webhook.parameters}
        return {name: self.cleaned_data[name] for name in ("id_type", "target")} | {"params": params}


def parameter_field(row: dict[str, str], *, required: bool) -> forms.Field:
    """A field for the value of a parameter, under its display name."""
    if row["type"] == "integer":
        return forms.CharField(
            label=row["label"], required=required, widget=forms.TextInput({"inputmode": "numeric", **_NARROW})
        )
    if row["type"] == "string":
        return forms.CharField(label=row["label"], required=required, max_length=parameters.LONGEST)
    return forms.CharField(
        label=row["label"],
        required=required,
        max_length=parameters.LONGEST,
        widget=forms.Textarea({"rows": 3}),
        help_text=gettext_lazy("Write variables as ${name}; the next page asks where their text comes from."),
    )
