"""Forms of short links."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

DAYS = [(1, _("1 day")), (7, _("7 days")), (30, _("30 days"))]


class DaysForm(forms.Form):
    """How long a link is good for."""

    days = forms.TypedChoiceField(label=_("Valid for"), choices=DAYS, coerce=int, initial=7)


class ExtendForm(DaysForm):
    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["days"].help_text = _("Counted from now.")


class LinkForm(DaysForm):
    """A new link."""

    name = forms.CharField(
        label=_("Name"), max_length=64, help_text=_("For your colleagues; customers do not see it.")
    )
    target = forms.CharField(
        label=_("Leads to"),
        max_length=2000,
        widget=forms.TextInput({"inputmode": "url", "placeholder": "https://"}),
    )
    forward_query = forms.BooleanField(
        label=_("Pass parameters on"),
        required=False,
        help_text=_(
            "What follows a question mark in the short link is put behind the address, such as utm_source."
        ),
    )
    field_order = ("name", "target", "days", "forward_query")


class RenameForm(forms.Form):
    name = forms.CharField(label=_("Name"), max_length=64)


class DomainForm(forms.Form):
    name = forms.CharField(
        label=_("Domain"),
        max_length=253,
        help_text=_("Such as shop.example.com, or *.example.com for every name below it."),
    )


class PeopleForm(forms.Form):
    """Whom addresses of their own are for."""

    mobiles = forms.CharField(
        label=_("Mobile numbers"),
        widget=forms.Textarea({"rows": 8}),
        help_text=_("One a line, at most 10,000."),
    )
