"""Forms of pushes."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cdp.core import schedules
from cdp.core.access import Access
from insight.campaigns import links
from insight.pushes import fields as pushed_fields
from insight.pushes.campaign_links import KIND
from insight.pushes.interfaces import shown_config
from insight.pushes.models import PushInterface, PushSetting
from insight.pushes.sources import Source
from insight.pushes.targets import Target
from insight.pushes.targets.base import ConfigField

_EVERY = {
    "hour": gettext_lazy("every few hours"),
    "day": gettext_lazy("every day"),
    "week": gettext_lazy("every week"),
    "month": gettext_lazy("every month"),
}
_ENCRYPTIONS = {
    "none": gettext_lazy("as they are"),
    "md5": "MD5",
    "sha256": "SHA-256",
    "aes": "AES",
}
_OF_AES = {
    **_ENCRYPTIONS,
    "aes": gettext_lazy("as they are (AES)"),
    "none": gettext_lazy("decrypted"),
    "md5": gettext_lazy("decrypted, as MD5"),
    "sha256": gettext_lazy("decrypted, as SHA-256"),
}


class InterfaceForm(forms.Form):
    """Name and the settings of the kind of system (as config_<name>)."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=64)

    def __init__(self, *args: Any, target: Target, interface: PushInterface | None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.target = target
        shown = shown_config(interface) if interface else {}
        for item in target.fields:
            field = _field(item)
            field.initial = shown.get(item.name, item.default)
            self.fields[f"config_{item.name}"] = field

    def values(self) -> dict[str, Any]:
        config = {item.name: self.cleaned_data[f"config_{item.name}"] for item in self.target.fields}
        kept = {name: "" if value is None else value for name, value in config.items()}
        return {"name": self.cleaned_data["name"], "target": self.target.key, "config": kept}


def _field(item: ConfigField) -> forms.Field:
    common: dict[str, Any] = {"label": item.label, "required": item.required, "help_text": item.help_text}
    if item.kind == "number":
        return forms.IntegerField(**common)
    if item.kind == "choice":
        return forms.ChoiceField(choices=list(item.choices), **common)
    if item.kind == "secret":
        return forms.CharField(
            strip=False,
            widget=forms.PasswordInput({"autocomplete": "new-password"}, render_value=True),
            **common,
        )
    if item.kind == "long_secret":
        return forms.CharField(widget=forms.Textarea({"rows": 4, "autocomplete": "off"}), **common)
    return forms.CharField(widget=forms.TextInput({"autocomplete": "off"}), **common)


class PushForm(forms.Form):
    """How and when; the fields that go along are a table beside it, read by `chosen`."""

    mode = forms.ChoiceField(
        label=gettext_lazy("How"),
        choices=[("once", gettext_lazy("once, now")), ("periodic", gettext_lazy("by schedule"))],
        widget=forms.RadioSelect,
        initial="once",
    )
    enabled = forms.BooleanField(label=gettext_lazy("The schedule is on"), required=False, initial=True)
    every = forms.ChoiceField(label=gettext_lazy("Push"), required=False)
    hours = forms.IntegerField(label=gettext_lazy("Hours between"), required=False, min_value=1, max_value=23)
    weekday = forms.IntegerField(
        label=gettext_lazy("Day of the week"),
        required=False,
        min_value=1,
        max_value=7,
        help_text=gettext_lazy("1 is Monday."),
    )
    day = forms.IntegerField(
        label=gettext_lazy("Day of the month"), required=False, min_value=1, max_value=31
    )
    at = forms.TimeField(
        label=gettext_lazy("At"),
        required=False,
        widget=forms.TimeInput({"type": "time"}, format="%H:%M"),
        help_text=gettext_lazy("Time of day in the workspace's time zone."),
    )
    start = forms.DateField(
        label=gettext_lazy("First day"),
        required=False,
        widget=forms.DateInput({"type": "date"}, format="%Y-%m-%d"),
    )
    end = forms.DateField(
        label=gettext_lazy("Last day"),
        required=False,
        widget=forms.DateInput({"type": "date"}, format="%Y-%m-%d"),
    )
    format = forms.ChoiceField(label=gettext_lazy("Form of the records"), required=False)
    skip_empty = forms.BooleanField(label=gettext_lazy("Leave out empty fields"), required=False)
    campaigns = links.CampaignsField()

    def __init__(
        self, *args: Any, access: Access, target: Target, source: Source, once: bool = False, **kwargs: Any
    ) -> None:
        """`once`: the person may not touch the schedule that there is."""
        super().__init__(*args, **kwargs)
        self.is_model = bool(source.facts)
        fields: Any = self.fields
        if once:
            fields["mode"].choices = [("once", gettext_lazy("once, now"))]
            fields["mode"].help_text = _("Somebody else pushes this audience there by schedule.")
        cycles = [key for key in target.cycles if key != "hour" or source.hourly]
        fields["every"].choices = [(key, _EVERY[key]) for key in cycles]
        fields["every"].initial = "day"
        if self.is_model:
            for name in ("every", "hours", "weekday", "day", "at"):
                del fields[name]
            fields["enabled"].help_text = _(
                "Pushed every day from tomorrow on, as soon as the stages of the day have been computed."
            )
        elif "hour" not in cycles:
            del fields["hours"]
        if target.fixed_time:
            del fields["at"]
            fields["every"].help_text = _("Always at %(time)s.") % {"time": target.fixed_time}
        if target.formats:
            fields["format"].choices = list(target.formats)
        else:
            del fields["format"]
        if not target.tags:
            del fields["skip_empty"]
        links.offer(self, access)

    def options(self) -> dict[str, Any]:
        given = self.cleaned_data
        return {
            **({"format": given["format"]} if given.get("format") else {}),
            **({"skip_empty": given["skip_empty"]} if "skip_empty" in given else {}),
        }

    def belongs(self) -> dict[str, Any]:
        """As the service takes them; nothing where there are none to choose from."""
        return {"campaigns": self.cleaned_data["campaigns"]} if "campaigns" in self.cleaned_data else {}

    def policy(self) -> dict[str, Any]:
        given = self.cleaned_data
        if self.is_model:
            return {"every": "day"}
        every = given["every"] or "day"
        found: dict[str, Any] = {"every": every}
        for name in schedules.PARTS[every]:
            value = given.get(name)
            if value not in (None, ""):
                found[name] = value.strftime("%H:%M") if name == "at" else value
        return found


def initial_of(setting: PushSetting | None) -> dict[str, Any]:
    """The form as it was saved."""
    if setting is None:
        return {"at": "05:00", "hours": 6, "weekday": 1, "day": 1}
    return {
        "mode": "periodic",
        "enabled": setting.enabled,
        "start": setting.start,
        "end": setting.end,
        "campaigns": links.ids_of(KIND, str(setting.pk)),
        **schedules.DEFAULTS,
        **setting.refresh,
        **setting.options,
    }


def rows_of(
    offered: dict[str, list[dict[str, Any]]], chosen: list[dict[str, Any]] | None, data: Any
) -> list[dict[str, Any]]:
    """The table of fields: what is offered, what is chosen, the aliases; as it was typed where there is `data`."""
    kept = {_key(item): item for item in chosen or []}
    rows = []
    everything: list[dict[str, Any]] = [
        *({"kind": "id", **item} for item in offered["ids"]),
        *({"kind": "tag", **item} for item in offered["tags"]),
        *({"kind": "fact", **item} for item in offered["facts"]),
    ]
    for number, item in enumerate(everything):
        before = kept.get(_key(item))
        is_id = item["kind"] == "id"
        default = pushed_fields.default_alias(item, offered["ids"]) if is_id else item["column"]
        words = _OF_AES if item.get("stored") == "aes" else _ENCRYPTIONS
        row = {
            **item,
            "number": number,
            "on": before is not None or item["kind"] == "fact" or (chosen is None and is_id),
            "alias": before["alias"] if before else default,
            "default": default,
            "encryption": (before or {}).get("encryption", ""),
            "choices": [(key, words[key]) for key in item.get("encryptions", [])],
        }
        if data is not None:
            row |= {
                "on": item["kind"] == "fact" or f"on_{number}" in data,
                "alias": data.get(f"alias_{number}", default),
                "encryption": data.get(f"encryption_{number}", ""),
            }
        rows.append(row)
    return rows


def chosen_of(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The ticked rows as the service takes them."""
    return [
        {
            "kind": row["kind"],
            "column": row["column"],
            "alias": row["alias"],
            **({"encryption": row["encryption"] or None} if row["kind"] == "id" else {}),
            **({"dataset": row["dataset"]} if row["kind"] == "tag" else {}),
        }
        for row in rows
        if row["on"]
    ]


def _key(item: dict[str, Any]) -> tuple[Any, ...]:
    return item["kind"], item.get("dataset", ""), item["column"]
