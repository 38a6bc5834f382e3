"""Forms of send-outs: what to send, where variables get their text, test targets, do-not-contact entries."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from cdp.core.access import Access
from insight.audiences import queries as audiences
from insight.campaigns import links
from insight.datasets import rights
from insight.datasets.models import TAG_KINDS, Dataset, DatasetField
from marketing.channels.models import Provider, SenderAddress
from marketing.content.models import Signature, Template
from marketing.delivery.models import SendOut
from marketing.delivery.suppressions import ID_TYPES_OF
from marketing.delivery.variables import DATE_FORMATS, LONGEST, Variable, as_text

_SEARCH = {"data-select": ""}


class SendOutForm(forms.Form):
    """A send-out of one channel. Choices are what the workspace has and the person may use."""

    name = forms.CharField(label=_("Name"), max_length=64)
    provider = forms.ModelChoiceField(
        label=_("Provider"), queryset=Provider.objects.none(), empty_label="–", widget=forms.Select(_SEARCH)
    )
    sender = forms.ModelChoiceField(
        label=_("Sender"),
        queryset=SenderAddress.objects.none(),
        empty_label="–",
        widget=forms.Select(_SEARCH),
    )
    signature = forms.ModelChoiceField(
        label=_("Signature"), queryset=Signature.objects.none(), empty_label="–", widget=forms.Select(_SEARCH)
    )
    template = forms.ModelChoiceField(
        label=_("Template"), queryset=Template.objects.none(), empty_label="–", widget=forms.Select(_SEARCH)
    )
    audience: Any = forms.ModelChoiceField(
        label=_("Audience"),
        queryset=None,
        empty_label="–",
        widget=forms.Select(_SEARCH),
        help_text=_("Audiences that have been computed and hold the ID that the channel needs."),
    )
    campaigns = links.CampaignsField(help_text=_("What the send-out is done for."))
    limit = forms.IntegerField(
        label=_("At most this many people"), required=False, min_value=1, help_text=_("Empty: everybody.")
    )
    refresh_first = forms.BooleanField(label=_("Refresh the audience before sending"), required=False)
    track = forms.BooleanField(label=_("Count opens and clicks"), required=False, initial=True)
    per_minute = forms.IntegerField(
        label=_("Messages per minute"),
        required=False,
        min_value=1,
        help_text=_("Empty: as fast as the provider allows."),
    )

    def __init__(self, *args: Any, access: Access, channel: str, resend: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        workspace = access.workspace
        links.offer(self, access)
        if resend:
            for name in set(self.fields) - {"name", "campaigns", "limit", "per_minute"}:
                del self.fields[name]
            return
        if channel != Provider.Channel.SMS:
            del self.fields["signature"]
        if channel != Provider.Channel.EMAIL:
            del self.fields["track"], self.fields["sender"]
        rows: dict[str, Any] = {
            "provider": Provider.objects.in_workspace(workspace).filter(channel=channel),
            "sender": SenderAddress.objects.in_workspace(workspace).select_related("provider"),
            "signature": Signature.objects.in_workspace(workspace).select_related("provider"),
            "template": Template.objects.in_workspace(workspace).filter(channel=channel),
            "audience": _usable(access, channel).order_by("name"),
        }
        for name, queryset in rows.items():
            field: Any = self.fields.get(name)
            if field is not None:
                field.queryset = queryset
        for name in ("provider", "sender", "signature"):
            found: Any = self.fields.get(name)
            # Where there is no choice, none needs to be made.
            if found is not None and len(only := found.queryset[:2]) == 1:
                found.initial = only[0].pk


def _usable(access: Access, channel: str) -> Any:
    """Audiences with one of the IDs that the channel writes to; which of them it must be, the provider says."""
    first, *others = [audiences.usable_audiences(access, id_type) for id_type in ID_TYPES_OF[channel]]
    for rows in others:
        first = first | rows
    return first


class WhenForm(forms.Form):
    """When a send-out leaves."""

    scheduled_at = forms.DateTimeField(
        label=_("Date and time"),
        input_formats=["%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M"],
        error_messages={
            "required": _("Choose a date and a time."),
            "invalid": _("Write date and time as in 2026-05-31 09:30."),
        },
    )


class VariablesForm(forms.Form):
    """For each variable of the template: a tag, or a fixed text, and what happens where the tag is empty."""

    def __init__(self, *args: Any, send_out: SendOut, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.names = send_out.template.variables
        fields = _tags(send_out)
        choices = [("", _("The same text for everybody")), *_grouped(fields)]
        dates = [_source(field) for field in fields if field.tag_type == "date"]
        for name in self.names:
            given = send_out.variables.get(name, {})
            self.fields[f"{name}_source"] = forms.ChoiceField(
                label=_("Filled with"),
                required=False,
                choices=choices,
                initial=f"{given['dataset']}:{given['tag']}" if given.get("tag") else "",
                widget=forms.Select({**_SEARCH, "data-dates": json.dumps(dates)}),
            )
            self.fields[f"{name}_format"] = forms.ChoiceField(
                label=_("Dates are written as"),
                required=False,
                choices=_date_formats(),
                initial=given.get("format", ""),
            )
            self.fields[f"{name}_missing"] = forms.ChoiceField(
                label=_("Where a person has no value"),
                required=False,
                choices=[("replace", _("Write another text")), ("skip", _("Leave the person out"))],
                initial=given.get("missing") or "replace",
            )
            self.fields[f"{name}_value"] = forms.CharField(
                label=pgettext_lazy("message", "Text"),
                required=False,
                max_length=LONGEST,
                initial=given.get("value", ""),
            )

    def groups(self) -> list[dict[str, Any]]:
        """The fields of each variable: {"name", "source", "format", "missing", "value"}."""
        parts = ("source", "format", "missing", "value")
        return [{"name": name, **{part: self[f"{name}_{part}"] for part in parts}} for name in self.names]

    def clean(self) -> dict[str, Any]:
        """A variable without a text would leave a hole in somebody's message."""
        for name, given in self.values().items():
            if not Variable(name, **given).is_answered:
                text = _("Give a text. Without one, there is a hole in the message.")
                if given["tag"]:
                    text = _("Give a text for people without a value, or leave them out.")
                self.add_error(f"{name}_value", text)
        return self.cleaned_data

    def values(self) -> dict[str, dict[str, str]]:
        """The variables as a send-out keeps them."""
        found = {}
        for name in self.names:
            given = {
                part: self.cleaned_data.get(f"{name}_{part}", "")
                for part in ("source", "format", "missing", "value")
            }
            dataset, _colon, tag = given["source"].partition(":")
            found[name] = {
                "dataset": dataset,
                "tag": tag,
                "format": given["format"] if tag else "",
                "missing": given["missing"] or "replace" if tag else "replace",
                "value": given["value"].strip(),
            }
        return found


def _date_formats() -> list[tuple[str, Any]]:
    """Formats by an example, which says more than their letters."""
    moment = datetime(2026, 3, 5, 18, 30)
    return [("", _("As it is")), *((key, as_text(moment, key)) for key in DATE_FORMATS)]


def _tags(send_out: SendOut) -> list[DatasetField]:
    """Tags of the user-tag datasets in the audience's data source."""
    return list(
        DatasetField.objects.filter(
            dataset__in=rights.visible(rights.access_of(send_out.owner, send_out.workspace)),
            dataset__source=send_out.audience.source,
            dataset__kind__in=TAG_KINDS,
            dataset__version__gt=0,
            role="tag",
            deleted=False,
        )
        .select_related("dataset")
        .order_by("dataset__name", "name")
    )


def _source(field: DatasetField) -> str:
    return f"{field.dataset_id}:{field.column}"


def _grouped(fields: list[DatasetField]) -> list[tuple[str, list[tuple[str, str]]]]:
    """Choices grouped by dataset; a value is "dataset:column"."""
    groups: dict[Dataset, list[tuple[str, str]]] = {}
    for field in fields:
        groups.setdefault(field.dataset, []).append((_source(field), field.name))
    return [(dataset.name, tags) for dataset, tags in groups.items()]


class SuppressionForm(forms.Form):
    """A target that must not be written to."""

    channel = forms.ChoiceField(label=_("Channel"), choices=Provider.Channel.choices)
    target = forms.CharField(label=_("Address or number"), max_length=254)
