"""Forms for signing in and for one's own account."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from admin_center.members.models import User
from admin_center.organizations.forms import time_zone_choices


class SignInForm(forms.Form):
    username = forms.CharField(
        label=_("User name or e-mail"),
        max_length=150,
        widget=forms.TextInput(
            attrs={"autocomplete": "username", "autofocus": True, "autocapitalize": "none"}
        ),
    )
    password = forms.CharField(
        label=_("Password"),
        strip=False,
        max_length=1000,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )


class CodeForm(forms.Form):
    code = forms.CharField(
        label=_("Code"),
        max_length=20,
        widget=forms.TextInput(
            attrs={
                "autocomplete": "one-time-code",
                "autofocus": True,
                "inputmode": "text",
                "spellcheck": "false",
            }
        ),
    )


class NewPasswordForm(forms.Form):
    """Choosing a password, typed twice."""

    new = forms.CharField(
        label=_("New password"),
        strip=False,
        max_length=1000,
        help_text=_("At least 10 characters, not digits alone, nothing that is easy to guess."),
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    again = forms.CharField(
        label=_("New password again"),
        strip=False,
        max_length=1000,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if "new" in data and "again" in data and data["new"] != data["again"]:
            self.add_error("again", _("The two passwords are not the same."))
        return data


class PasswordForm(NewPasswordForm):
    old = forms.CharField(
        label=_("Present password"),
        strip=False,
        max_length=1000,
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )
    field_order = ["old", "new", "again"]


class ProfileForm(forms.ModelForm):
    class Meta:
        model = User
        fields = ["nickname", "email", "locale", "theme"]

    def _post_clean(self) -> None:
        """The service checks the values: its rules hold for every way in."""


class PreferencesForm(forms.Form):
    """The switches of the top bar: each may come alone."""

    locale = forms.ChoiceField(choices=User.Locale.choices, required=False)
    theme = forms.ChoiceField(choices=User.Theme.choices, required=False)


class TotpOffForm(forms.Form):
    password = forms.CharField(
        label=_("Password"),
        strip=False,
        max_length=1000,
        help_text=_("To make sure that it is you."),
        widget=forms.PasswordInput(attrs={"autocomplete": "current-password"}),
    )


class OrganizationForm(forms.Form):
    name = forms.CharField(label=_("Name of the organization"), max_length=64)


class WorkspaceForm(forms.Form):
    name = forms.CharField(label=_("Name"), max_length=64, help_text=_("Such as the brand or department."))
    slug = forms.SlugField(
        label=_("Address"),
        max_length=40,
        required=False,
        help_text=_(
            "Part of every link to the workspace; stays as it is. Left empty, it is made from the name."
        ),
    )
    description = forms.CharField(
        label=_("Description"), max_length=500, required=False, widget=forms.Textarea(attrs={"rows": 2})
    )
    time_zone = forms.ChoiceField(
        label=_("Time zone"),
        choices=time_zone_choices,
        initial="Asia/Shanghai",
        widget=forms.Select(attrs={"data-select": ""}),
    )
