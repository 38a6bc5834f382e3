"""Forms of audience pages. The rule itself is edited in the rule builder."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from cdp.core.access import Access
from cdp.core.folders import Branch, choices
from insight.campaigns import links


class ScheduleForm(forms.Form):
    """When an audience is refreshed by itself, and whether versions are kept as snapshots."""

    every = forms.ChoiceField(
        label=_("Refresh by itself"),
        required=False,
        choices=[("", _("Do not refresh")), ("day", _("Every day")), ("hour", _("Every few hours"))],
    )
    at = forms.TimeField(
        label=_("At"),
        required=False,
        initial="03:00",
        widget=forms.TimeInput({"type": "time"}, format="%H:%M"),
    )
    hours = forms.IntegerField(
        label=_("Hours between two refreshes"), required=False, min_value=1, max_value=23
    )
    minute = forms.IntegerField(label=_("Minutes past the hour"), required=False, min_value=0, max_value=59)
    start = forms.DateField(
        label=_("First day"), required=False, widget=forms.DateInput({"type": "date"}, format="%Y-%m-%d")
    )
    end = forms.DateField(
        label=_("Last day"), required=False, widget=forms.DateInput({"type": "date"}, format="%Y-%m-%d")
    )
    snapshot = forms.BooleanField(label=_("Keep each replaced version as a snapshot"), required=False)
    datasets_first = forms.BooleanField(
        label=_("Refresh its datasets first"),
        required=False,
        help_text=_(
            "Those that the owner of the audience manages; where one cannot be refreshed, nothing is."
        ),
    )
    auto_snapshot = forms.BooleanField(label=_("Keep a snapshot on each manual refresh"), required=False)

    def __init__(self, *args: Any, hourly: bool = True, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not hourly:
            every = self.fields["every"]
            every.choices = [pair for pair in every.choices if pair[0] != "hour"]  # type: ignore[attr-defined]
            every.help_text = _(
                "Only daily: every few hours is possible if all conditions come from user-tag datasets."
            )

    def policy(self) -> dict[str, Any]:
        """The policy as the service takes it; {} for none."""
        data = self.cleaned_data
        if not data["every"]:
            return {}
        wanted = ("at",) if data["every"] == "day" else ("hours", "minute")
        policy = {name: data[name] for name in ("every", "snapshot", "datasets_first")}
        for name in (*wanted, "start", "end"):
            if data[name] not in (None, ""):
                policy[name] = data[name] if isinstance(data[name], int) else data[name].isoformat()
        return policy


class CopyForm(forms.Form):
    """A copy takes everything else from the original."""

    name = forms.CharField(label=_("Name"), max_length=64)
    folder = forms.ChoiceField(label=_("Folder"), required=False)
    remark = forms.CharField(
        label=_("Remark"), max_length=500, required=False, widget=forms.Textarea({"rows": 2})
    )
    campaigns = links.CampaignsField()

    def __init__(self, *args: Any, access: Access, branches: list[Branch], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        links.offer(self, access)
        self.fields["folder"].choices = choices(branches)  # type: ignore[attr-defined]
