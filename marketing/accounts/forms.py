"""Forms of accounts, made from the fields that a platform declares, and of the channels of their apps."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from marketing.accounts.models import Account
from marketing.accounts.types import AccountType
from marketing.channels import services as channels
from marketing.channels.base import find_type
from marketing.channels.forms import CONTROL, SELECT, form_field
from marketing.channels.models import Provider


class AccountForm(forms.Form):
    """Name and keys (as config_<name>); without a name where the account is there already."""

    name = forms.CharField(
        label=_("Name"),
        max_length=64,
        widget=forms.TextInput(CONTROL),
        help_text=_("As people here call it."),
    )

    def __init__(
        self,
        *args: Any,
        kind: AccountType,
        named: bool = False,
        old: Mapping[str, Any] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.kind = kind
        if named:
            del self.fields["name"]
        shown = channels.shown(kind.fields, old) if old else {}
        for item in kind.fields:
            self.fields[f"config_{item.name}"] = form_field(item, shown.get(item.name, item.default))

    def config(self) -> dict[str, Any]:
        """What was typed, by the names of the settings."""
        return {item.name: self.cleaned_data[f"config_{item.name}"] for item in self.kind.fields}


class AppForm(forms.Form):
    """The channel of an app; the app's key is filled in."""

    app = forms.ChoiceField(label=_("App"), widget=forms.Select(SELECT))
    name = forms.CharField(
        label=_("Name"),
        max_length=50,
        required=False,
        widget=forms.TextInput(CONTROL),
        help_text=_("As send-outs show it. Empty: the app's own name."),
    )

    def __init__(self, *args: Any, account: Account, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        labels = {
            row["provider_type"]: found.label
            for row in account.apps
            if (found := find_type(Provider.Channel.PUSH, row["provider_type"]))
        }
        self.fields["app"].choices = [  # type: ignore[attr-defined]
            (row["key"], f"{row['name']} ({labels[row['provider_type']]}, {row['key']})")
            for row in account.apps
            if row["provider_type"] in labels
        ]
        # The apps of one account have the same settings.
        kind = find_type(Provider.Channel.PUSH, account.apps[0]["provider_type"]) if account.apps else None
        self.items = [item for item in (kind.fields if kind else ()) if item.name != "app_key"]
        for item in self.items:
            self.fields[f"config_{item.name}"] = form_field(item, item.default)

    def values(self) -> dict[str, Any]:
        data = self.cleaned_data
        config = {item.name: data[f"config_{item.name}"] for item in self.items}
        return {"app": data["app"], "name": data["name"], "config": config}
