"""Forms of databases outside."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from insight.datasources.connections.dialects import DIALECTS
from insight.datasources.models import Connection


class ConnectionForm(forms.Form):
    """The settings of a source of one kind; empty checks are the service's."""

    name = forms.CharField(
        label=_("Name"), max_length=64, help_text=_("As people here shall call it, such as “Shop orders”.")
    )
    host = forms.CharField(label=_("Address"), max_length=253, help_text=_("Host name or IP address."))
    port = forms.IntegerField(label=_("Port"), required=False)
    database = forms.CharField(label=_("Database"), max_length=128)
    schema = forms.CharField(label=_("Schema"), max_length=63, required=False)
    account = forms.CharField(
        label=_("Account"),
        max_length=128,
        help_text=_("Tideline only reads: an account that may do no more is the best choice."),
        widget=forms.TextInput({"autocomplete": "off"}),
    )
    password = forms.CharField(
        label=_("Password"),
        max_length=500,
        required=False,
        strip=False,
        widget=forms.PasswordInput({"autocomplete": "new-password"}, render_value=True),
        help_text=_("Stored encrypted, and shown to nobody."),
    )
    tls = forms.ChoiceField(
        label=_("Encryption"), choices=Connection.Tls.choices, initial=Connection.Tls.PREFER
    )

    def __init__(self, *args: Any, kind: str, is_new: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["port"].widget.attrs["placeholder"] = DIALECTS[kind].port
        if kind == Connection.Kind.POSTGRESQL:
            self.fields["schema"].widget.attrs["placeholder"] = "public"
        else:
            del self.fields["schema"]
        if not is_new:
            self.fields["password"].help_text = _(
                "Leave the dots to keep the present one. With another address, port, account or encryption it has "
                "to be typed again."
            )

    def values(self) -> dict[str, Any]:
        """What was typed, in the form that the service takes."""
        return {name: value for name, value in self.cleaned_data.items() if value is not None}
