"""Forms of omni-domain insight."""

from __future__ import annotations

import json
from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cdp.core.access import Access
from insight.campaigns import links
from insight.datasources.models import SourceTable

MOST_TABLES = 500


class AudienceForm(forms.Form):
    """Name and settings; the groups come as JSON from the page's script."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=64)
    daily = forms.BooleanField(
        label=gettext_lazy("Update every day"), required=False, help_text=gettext_lazy("At 04:00.")
    )
    public = forms.BooleanField(
        label=gettext_lazy("Public"),
        required=False,
        help_text=gettext_lazy("Everybody in the workspace may see and use it."),
    )
    campaigns = links.CampaignsField()
    groups = forms.CharField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, access: Access, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        links.offer(self, access)

    def clean_groups(self) -> Any:
        try:
            return json.loads(self.cleaned_data["groups"])
        except ValueError:
            raise forms.ValidationError(_("Add at least one condition.")) from None


class QuotaForm(forms.Form):
    amount = forms.IntegerField(label=gettext_lazy("IDs"), min_value=1, max_value=10**12)
    valid_from = forms.DateField(
        label=gettext_lazy("Valid from"),
        required=False,
        widget=forms.DateInput({"type": "date"}, format="%Y-%m-%d"),
        help_text=gettext_lazy("Today, unless you say otherwise."),
    )
    valid_to = forms.DateField(
        label=gettext_lazy("Valid to"),
        required=False,
        widget=forms.DateInput({"type": "date"}, format="%Y-%m-%d"),
        help_text=gettext_lazy("A year later, unless you say otherwise."),
    )
    note = forms.CharField(label=gettext_lazy("Note"), max_length=200, required=False)


class PackForm(forms.Form):
    """The tables that a pack is made of."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=64)
    licence = forms.CharField(label=gettext_lazy("Licence"), max_length=200, required=False)
    pack = forms.ChoiceField(
        label=gettext_lazy("Table of the pack"),
        help_text=gettext_lazy(
            "Hashed IDs (imei_md5, mac_md5, idfa_md5, alipay_id_md5) and a column per tag."
        ),
    )
    tags = forms.ChoiceField(
        label=gettext_lazy("List of tags"), help_text=gettext_lazy("Columns tag_id, name and category.")
    )
    baseline = forms.ChoiceField(
        label=gettext_lazy("Baseline of the network"),
        required=False,
        help_text=gettext_lazy("Columns tag_id, value and share. Without it the pack itself is the network."),
    )

    def __init__(self, *args: Any, workspace: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        rows = SourceTable.objects.in_workspace(workspace).exclude(lake_table="").order_by("name")
        choices = [("", "–"), *((name, name) for name in rows.values_list("name", flat=True)[:MOST_TABLES])]
        for name in ("pack", "tags", "baseline"):
            self.fields[name].choices = choices  # type: ignore[attr-defined]
