"""Forms of campaigns."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from admin_center.permissions import grant_forms
from cdp.core.access import Access
from insight.campaigns import rights
from insight.campaigns.models import Campaign, CampaignGrant

INDEPENDENT = _("None: independent")


def _day(**attributes: str) -> forms.DateInput:
    return forms.DateInput({"type": "date", **attributes}, format="%Y-%m-%d")


class QuickForm(forms.Form):
    """What a campaign needs; the calendar asks for no more."""

    name = forms.CharField(label=_("Name"), max_length=64)
    code = forms.CharField(
        label=pgettext_lazy("campaign", "Code"),
        max_length=32,
        help_text=_("Letters, digits, hyphens, underscores; once per workspace."),
    )
    is_main = forms.TypedChoiceField(
        label=_("What it is"),
        choices=[
            ("no", _("a campaign: audiences and tasks belong to it")),
            ("yes", _("a main campaign: a theme that holds other campaigns")),
        ],
        coerce=lambda value: value == "yes",
        initial="no",
        widget=forms.RadioSelect,
    )
    parent = forms.ChoiceField(label=_("Belongs to"), required=False)
    starts = forms.DateField(label=_("First day"), widget=_day())
    ends = forms.DateField(label=_("Last day"), widget=_day())

    def __init__(self, *args: Any, access: Access, obj: Campaign | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if obj is not None:
            del self.fields["is_main"]
        if obj is not None and obj.is_main:
            del self.fields["parent"]
            return
        mains = rights.visible(access).filter(is_main=True).order_by("-starts", "name")
        parent: Any = self.fields["parent"]
        parent.choices = [
            ("", INDEPENDENT),
            *((row.pk, f"{row.name} ({row.starts} – {row.ends})") for row in mains),
        ]

    def values(self) -> dict[str, Any]:
        """The form as the service takes it."""
        found = dict(self.cleaned_data)
        if found.get("is_main"):
            found["parent"] = None
        return found


class CampaignForm(QuickForm):
    """All of a campaign."""

    type = forms.CharField(
        label=_("Type"),
        max_length=32,
        required=False,
        widget=forms.TextInput({"list": "campaign-types", "autocomplete": "off"}),
        help_text=_("Such as festival, offline, large. A new one joins the list."),
    )
    budget = forms.DecimalField(
        label=_("Budget"), required=False, min_value=0, max_digits=14, decimal_places=2
    )
    budget_currency = forms.ChoiceField(
        label=_("Currency of the budget"), choices=Campaign.Currency.choices, initial="CNY"
    )
    goal = forms.DecimalField(
        label=_("Revenue goal"), required=False, min_value=0, max_digits=14, decimal_places=2
    )
    goal_currency = forms.ChoiceField(
        label=_("Currency of the goal"), choices=Campaign.Currency.choices, initial="CNY"
    )
    description = forms.CharField(
        label=_("Description"), max_length=1000, required=False, widget=forms.Textarea({"rows": 3})
    )


class GrantForm(grant_forms.GrantForm):
    """A right on the chosen campaigns for somebody."""

    right = forms.ChoiceField(
        label=_("Right"),
        choices=[
            (CampaignGrant.Right.USE, _("Use: see it, and link audiences and tasks to it")),
            (CampaignGrant.Right.MANAGE, _("Manage: change and remove it as well")),
        ],
    )
    field_order = ("grantee", "right", "expires_at")

    def values(self) -> dict[str, Any]:
        return {**super().values(), "right": self.cleaned_data["right"]}
