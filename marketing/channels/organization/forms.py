"""To whom an organization grants a provider."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from admin_center.organizations.models import Workspace


class GrantForm(forms.Form):
    """All workspaces, or those that are ticked."""

    for_all = forms.BooleanField(
        label=_("All workspaces"),
        required=False,
        help_text=_("Also those that are still to come."),
        widget=forms.CheckboxInput({"class": "form-check-input"}),
    )
    workspaces = forms.ModelMultipleChoiceField(
        label=_("Workspaces"),
        queryset=Workspace.objects.none(),
        required=False,
        widget=forms.CheckboxSelectMultiple({"class": "form-check-input"}),
    )

    def __init__(self, *args: Any, organization: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["workspaces"].queryset = organization.workspaces.order_by("name")  # type: ignore[attr-defined]
