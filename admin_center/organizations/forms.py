"""The form of a workspace's settings."""

from __future__ import annotations

from typing import Any, ClassVar
from zoneinfo import available_timezones

from django import forms
from django.utils.translation import gettext_lazy as _

from admin_center.organizations.models import Workspace
from admin_center.organizations.services import EDITABLE
from admin_center.organizations.settings import workspace_settings
from cdp.core.identifiers import ID_TYPES


def time_zone_choices() -> list[tuple[str, str]]:
    """All zones named after a place, and UTC."""
    return [(name, name) for name in sorted(available_timezones()) if "/" in name or name == "UTC"]


class WorkspaceSettingsForm(forms.Form):
    """All settings on one page. `PATHS` says where in the settings a field belongs that is not at their top."""

    PATHS: ClassVar[dict[str, tuple[str, ...]]] = {
        **{f"quiet_hours_{name}": ("quiet_hours", name) for name in ("enabled", "start", "end", "action")},
        **{
            f"caps_{channel}_{span}": ("caps", channel, span)
            for channel in ("sms", "email", "push", "custom")
            for span in ("per_day", "per_week")
        },
        **{f"approval_{name}": ("approval", name) for name in ("enabled", "above")},
        **{f"late_{name}": ("late", name) for name in ("hours", "action")},
        **{f"quotas_{name}": ("quotas", name) for name in ("sms", "email", "push", "custom", "materials_mb")},
    }

    name = forms.CharField(label=_("Name"), max_length=64)
    description = forms.CharField(
        label=_("Description"), max_length=500, required=False, widget=forms.Textarea(attrs={"rows": 2})
    )
    time_zone = forms.ChoiceField(
        label=_("Time zone"),
        choices=time_zone_choices,
        widget=forms.Select(attrs={"data-select": ""}),
        help_text=_("Decides what “today” and “the last 90 days” mean, and the times on all pages."),
    )
    update_concurrency = forms.IntegerField(
        label=_("Update concurrency"),
        min_value=1,
        max_value=10,
        help_text=_(
            "How many scheduled updates of datasets and audiences run at once. Others wait and say so."
        ),
    )
    push_concurrency = forms.IntegerField(
        label=_("Push concurrency"),
        min_value=1,
        max_value=5,
        help_text=_("How many audiences are pushed at once to systems of one kind. Others wait."),
    )
    aipl_update = forms.TimeField(
        label=_("AIPL models are computed at"),
        widget=forms.TimeInput(attrs={"type": "time"}),
        help_text=_("Every day. A new time moves all AIPL models that are computed daily."),
    )
    rfm_update = forms.TimeField(
        label=_("RFM models are computed at"),
        widget=forms.TimeInput(attrs={"type": "time"}),
        help_text=_("Every day. A new time moves all RFM models that are computed daily."),
    )
    shown_in_full = forms.MultipleChoiceField(
        label=_("IDs shown in full"),
        required=False,
        help_text=_(
            "These ID types are not masked for anybody. All others are, except for people with that right."
        ),
        widget=forms.SelectMultiple(attrs={"data-select": ""}),
    )
    recipients_days = forms.IntegerField(
        label=_("Days that recipients of send-outs are kept"),
        required=False,
        min_value=7,
        max_value=90,
        help_text=_(
            "Counted from the end of a send-out. Afterwards its numbers stay, but nobody can be written to again "
            "because of it, and no conversions are counted any more."
        ),
    )
    quiet_hours_enabled = forms.BooleanField(
        label=_("Keep quiet hours"),
        required=False,
        help_text=_("Nobody gets marketing messages in these hours."),
    )
    quiet_hours_start = forms.TimeField(label=_("Quiet from"), widget=forms.TimeInput(attrs={"type": "time"}))
    quiet_hours_end = forms.TimeField(label=_("Quiet until"), widget=forms.TimeInput(attrs={"type": "time"}))
    quiet_hours_action = forms.ChoiceField(
        label=_("What is due in quiet hours"),
        choices=[("delay", _("is sent when they end")), ("skip", _("is not sent"))],
    )
    caps_sms_per_day = forms.IntegerField(label=_("SMS per person and day"), required=False, min_value=1)
    caps_sms_per_week = forms.IntegerField(
        label=_("SMS per person in seven days"), required=False, min_value=1
    )
    caps_email_per_day = forms.IntegerField(
        label=_("E-mails per person and day"), required=False, min_value=1
    )
    caps_email_per_week = forms.IntegerField(
        label=_("E-mails per person in seven days"), required=False, min_value=1
    )
    caps_push_per_day = forms.IntegerField(
        label=_("Push messages per device and day"), required=False, min_value=1
    )
    caps_push_per_week = forms.IntegerField(
        label=_("Push messages per device in seven days"), required=False, min_value=1
    )
    caps_custom_per_day = forms.IntegerField(
        label=_("Calls of webhooks per person and day"), required=False, min_value=1
    )
    caps_custom_per_week = forms.IntegerField(
        label=_("Calls of webhooks per person in seven days"),
        required=False,
        min_value=1,
        help_text=_("Empty means no limit."),
    )
    approval_enabled = forms.BooleanField(
        label=_("A second person approves send-outs"),
        required=False,
        help_text=_("Nobody approves what they submitted or changed last themselves."),
    )
    approval_above = forms.IntegerField(
        label=_("Only above this many people"),
        required=False,
        min_value=0,
        help_text=_("0 or empty: every send-out."),
    )
    late_hours = forms.IntegerField(
        label=_("Send-outs may be late by, in hours"),
        min_value=0,
        max_value=72,
        required=False,
        help_text=_(
            "After a standstill of the system, what is late by less leaves at once. 0: five minutes."
        ),
    )
    late_action = forms.ChoiceField(
        label=_("What is later than that"),
        choices=[
            ("send", _("is sent all the same")),
            ("skip", _("is not sent")),
            ("ask", _("waits until a person decides")),
        ],
        required=False,
    )
    quotas_sms = forms.IntegerField(label=_("SMS send-outs"), required=False, min_value=0)
    quotas_email = forms.IntegerField(label=_("E-mail send-outs"), required=False, min_value=0)
    quotas_push = forms.IntegerField(label=_("Push send-outs"), required=False, min_value=0)
    quotas_custom = forms.IntegerField(
        label=_("Webhook send-outs"),
        required=False,
        min_value=0,
        help_text=_("How many the workspace has in all, failed ones included. Empty means no limit."),
    )
    quotas_materials_mb = forms.IntegerField(
        label=_("Megabytes of materials"),
        required=False,
        min_value=0,
        help_text=_("How large all files of the library are together. Empty means no limit."),
    )

    def clean(self) -> dict[str, Any]:
        """What a caller leaves out has its default."""
        cleaned = super().clean() or self.cleaned_data
        defaults = {"approval_above": 0, "late_hours": 24, "late_action": "skip", "recipients_days": 7}
        for name, value in defaults.items():
            if cleaned.get(name) in (None, ""):
                cleaned[name] = value
        return cleaned

    def __init__(self, *args: Any, workspace: Workspace, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["shown_in_full"].choices = [  # type: ignore[attr-defined]
            (key, id_type.label) for key, id_type in ID_TYPES.items()
        ]
        settings = workspace_settings(workspace).model_dump()
        for name, field in self.fields.items():
            field.initial = getattr(workspace, name) if name in EDITABLE else self._value(settings, name)

    def changes(self) -> dict[str, Any]:
        """The cleaned values as the settings service takes them."""
        nested: dict[str, Any] = {}
        for name, value in self.cleaned_data.items():
            *path, last = self.PATHS.get(name, (name,))
            place = nested
            for part in path:
                place = place.setdefault(part, {})
            place[last] = value
        return nested

    def _value(self, settings: dict[str, Any], name: str) -> Any:
        value: Any = settings
        for part in self.PATHS.get(name, (name,)):
            value = value[part]
        return value


class IdKeyForm(forms.Form):
    key = forms.CharField(
        label=_("AES key"),
        max_length=16,
        widget=forms.TextInput({"autocomplete": "off", "spellcheck": "false"}),
        help_text=_("16 characters of 0-9 and A-F, exactly as your warehouse uses them; case counts."),
    )
