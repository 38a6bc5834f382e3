"""The form fields of `cdp.core.schedules`: on which day, and at which time."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.dates import WEEKDAYS
from django.utils.translation import gettext_lazy as _

from cdp.core import schedules


class CycleForm(forms.Form):
    """Subclasses add `every` and what else they ask for; only the fields of the chosen cycle count."""

    weekday = forms.TypedChoiceField(
        label=_("On"),
        required=False,
        coerce=int,
        empty_value=None,
        choices=[(number + 1, name) for number, name in WEEKDAYS.items()],
    )
    day = forms.IntegerField(
        label=_("On day"),
        required=False,
        min_value=1,
        max_value=31,
        help_text=_("In shorter months, on their last day."),
    )
    at = forms.TimeField(
        label=_("At"),
        required=False,
        widget=forms.TimeInput({"type": "time"}, format="%H:%M"),
        help_text=_("Time of day in the workspace's time zone."),
    )

    field_order = ["every"]

    def policy(self) -> dict[str, Any]:
        """What was chosen, as `schedules.check` takes it; None for what was left empty."""
        data = dict(self.cleaned_data)
        if data.get("at"):
            data["at"] = data["at"].strftime("%H:%M")
        return {"every": data["every"], **{name: data.get(name) for name in schedules.PARTS[data["every"]]}}
