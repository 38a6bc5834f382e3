"""The form by which rights on single objects are granted."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from admin_center.permissions import grantees


class GrantForm(forms.Form):
    """To whom (a person, everybody with a role, or a user group), and until when."""

    grantee = forms.ChoiceField(
        label=_("For"), widget=forms.Select({"data-select": "", "class": "form-select"})
    )
    expires_at = forms.DateTimeField(
        label=_("Valid until"),
        required=False,
        widget=forms.DateTimeInput({"data-datetime": ""}, format="%Y-%m-%d %H:%M"),
        help_text=_("Empty: until it is taken back."),
    )

    def __init__(self, *args: Any, workspace: Any, without: Any = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["grantee"].choices = grantees.choices(workspace, without=without)  # type: ignore[attr-defined]

    def values(self) -> dict[str, Any]:
        """Cleaned data as `grantees.find` and `grantees.expiry` read it."""
        kind, _colon, key = self.cleaned_data["grantee"].partition(":")
        return {kind: key, "expires_at": self.cleaned_data["expires_at"]}
