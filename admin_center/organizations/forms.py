"""The form of a workspace's settings."""

from __future__ import annotations

from typing import Any
from zoneinfo import available_timezones

from django import forms
from django.utils.translation import gettext_lazy as _

from admin_center.organizations.models import Workspace
from admin_center.organizations.settings import workspace_settings
from cdp.core.identifiers import ID_TYPES


def time_zone_choices() -> list[tuple[str, str]]:
    """All zones named after a place, and UTC."""
    return [(name, name) for name in sorted(available_timezones()) if "/" in name or name == "UTC"]


class WorkspaceSettingsForm(forms.Form):
    """Field names with two underscores are paths: `quiet_hours__start` is `quiet_hours/start`."""

    name = forms.CharField(label=_("Name"), max_length=64)
    description = forms.CharField(
        label=_("Description"), max_length=500, required=False, widget=forms.Textarea(attrs={"rows": 2})
    )
    time_zone = forms.ChoiceField(
        label=_("Time zone"),
        choices=time_zone_choices,
        help_text=_("Decides what “today” and “the last 90 days” mean, and the times on all pages."),
    )
    update_concurrency = forms.IntegerField(
        label=_("Update concurrency"),
        min_value=1,
        max_value=10,
        help_text=_("How many scheduled updates of audiences run at once. Others wait and say so."),
    )
    shown_in_full = forms.MultipleChoiceField(
        label=_("IDs shown in full"),
        required=False,
        help_text=_(
            "These ID types are not masked for anybody. All others are, except for people with that right."
        ),
        widget=forms.CheckboxSelectMultiple,
    )
    quiet_hours__enabled = forms.BooleanField(
        label=_("Keep quiet hours"),
        required=False,
        help_text=_("Nobody gets marketing messages in these hours."),
    )
    quiet_hours__start = forms.TimeField(
        label=_("Quiet from"), widget=forms.TimeInput(attrs={"type": "time"})
    )
    quiet_hours__end = forms.TimeField(label=_("Quiet until"), widget=forms.TimeInput(attrs={"type": "time"}))
    quiet_hours__action = forms.ChoiceField(
        label=_("What is due in quiet hours"),
        choices=[("delay", _("is sent when they end")), ("skip", _("is not sent"))],
    )
    caps__sms__per_day = forms.IntegerField(label=_("SMS per person and day"), required=False, min_value=1)
    caps__sms__per_week = forms.IntegerField(
        label=_("SMS per person in seven days"), required=False, min_value=1
    )
    caps__email__per_day = forms.IntegerField(
        label=_("E-mails per person and day"), required=False, min_value=1
    )
    caps__email__per_week = forms.IntegerField(
        label=_("E-mails per person in seven days"),
        required=False,
        min_value=1,
        help_text=_("Empty means no limit."),
    )
    edit_version = forms.IntegerField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, workspace: Workspace, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["shown_in_full"].choices = [  # type: ignore[attr-defined]
            (key, id_type.label) for key, id_type in ID_TYPES.items()
        ]
        settings = workspace_settings(workspace).model_dump()
        for name, field in self.fields.items():
            field.initial = getattr(workspace, name) if hasattr(workspace, name) else _at(settings, name)

    def changes(self) -> dict[str, Any]:
        """The cleaned values as the settings service takes them."""
        nested: dict[str, Any] = {}
        for name, value in self.cleaned_data.items():
            if name == "edit_version":
                continue
            *path, last = name.split("__")
            place = nested
            for part in path:
                place = place.setdefault(part, {})
            place[last] = value
        return nested


def _at(settings: dict[str, Any], name: str) -> Any:
    value: Any = settings
    for part in name.split("__"):
        value = value[part]
    return value
