"""Forms of send-outs: what to send, where variables get their text, test targets, do-not-contact entries."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from cdp.core.access import Access
from insight.audiences import queries as audiences
from insight.datasets.models import Dataset, DatasetField
from marketing.channels.models import Provider, SenderAddress
from marketing.content.models import Signature, Template
from marketing.delivery.models import SendOut
from marketing.delivery.suppressions import ID_TYPE

_SEARCH = {"data-select": ""}


class SendOutForm(forms.Form):
    """A send-out of one channel. Choices are what the workspace has and the person may use."""

    name = forms.CharField(label=_("Name"), max_length=64)
    provider = forms.ModelChoiceField(label=_("Provider"), queryset=Provider.objects.none())
    sender = forms.ModelChoiceField(label=_("Sender"), queryset=SenderAddress.objects.none())
    signature = forms.ModelChoiceField(label=_("Signature"), queryset=Signature.objects.none())
    template = forms.ModelChoiceField(
        label=_("Template"), queryset=Template.objects.none(), widget=forms.Select(_SEARCH)
    )
    audience: Any = forms.ModelChoiceField(
        label=_("Audience"),
        queryset=None,
        widget=forms.Select(_SEARCH),
        help_text=_("Audiences that have been computed and hold the ID that the channel needs."),
    )
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
    scheduled_at = forms.DateTimeField(
        label=_("Send at"),
        required=False,
        widget=forms.DateTimeInput({"data-datetime": "", "autocomplete": "off"}, format="%Y-%m-%d %H:%M"),
    )

    def __init__(self, *args: Any, access: Access, channel: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        workspace = access.workspace
        del self.fields["signature" if channel == Provider.Channel.EMAIL else "sender"]
        if channel != Provider.Channel.EMAIL:
            del self.fields["track"]
        rows: dict[str, Any] = {
            "provider": Provider.objects.in_workspace(workspace).filter(channel=channel),
            "sender": SenderAddress.objects.in_workspace(workspace).select_related("provider"),
            "signature": Signature.objects.in_workspace(workspace).select_related("provider"),
            "template": Template.objects.in_workspace(workspace).filter(channel=channel),
            "audience": audiences.usable_audiences(access, ID_TYPE[channel]).order_by("name"),
        }
        for name, queryset in rows.items():
            field: Any = self.fields.get(name)
            if field is not None:
                field.queryset = queryset
        scheduled: Any = self.fields["scheduled_at"]
        scheduled.help_text = _("In the workspace's time (%(zone)s). Empty: when you press “Send now”.") % {
            "zone": workspace.time_zone
        }


class VariablesForm(forms.Form):
    """For each variable of the template: a tag, or a fixed text, and what happens where the tag is empty."""

    def __init__(self, *args: Any, send_out: SendOut, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.names = send_out.template.variables
        choices = [("", _("The same text for everybody")), *tag_choices(send_out)]
        for name in self.names:
            given = send_out.variables.get(name, {})
            self.fields[f"{name}_source"] = forms.ChoiceField(
                label=_("${%(name)s} is") % {"name": name},
                required=False,
                choices=choices,
                initial=f"{given['dataset']}:{given['tag']}" if given.get("tag") else "",
                widget=forms.Select(_SEARCH),
            )
            self.fields[f"{name}_missing"] = forms.ChoiceField(
                label=_("Where a person has no value"),
                choices=[("replace", _("Write the text below")), ("skip", _("Leave the person out"))],
                initial=given.get("missing", "replace"),
            )
            self.fields[f"{name}_value"] = forms.CharField(
                label=_("Text"), required=False, max_length=200, initial=given.get("value", "")
            )

    def values(self) -> dict[str, dict[str, str]]:
        """The variables as a send-out keeps them."""
        found = {}
        for name in self.names:
            dataset, _colon, tag = self.cleaned_data[f"{name}_source"].partition(":")
            found[name] = {
                "dataset": dataset,
                "tag": tag,
                "format": "",
                "missing": self.cleaned_data[f"{name}_missing"] if tag else "replace",
                "value": self.cleaned_data[f"{name}_value"],
            }
        return found


def tag_choices(send_out: SendOut) -> list[tuple[str, list[tuple[str, str]]]]:
    """Tags of the datasets in the audience's data source, grouped by dataset; a value is "dataset:column"."""
    fields = (
        DatasetField.objects.filter(
            dataset__workspace=send_out.workspace_id,
            dataset__source=send_out.audience.source,
            dataset__kind="user_tags",
            dataset__version__gt=0,
            role="tag",
            deleted=False,
        )
        .select_related("dataset")
        .order_by("dataset__name", "name")
    )
    groups: dict[Dataset, list[tuple[str, str]]] = {}
    for field in fields:
        groups.setdefault(field.dataset, []).append((f"{field.dataset_id}:{field.column}", field.name))
    return [(dataset.name, tags) for dataset, tags in groups.items()]


class SuppressionForm(forms.Form):
    """A target that must not be written to."""

    channel = forms.ChoiceField(label=_("Channel"), choices=Provider.Channel.choices)
    target = forms.CharField(label=_("Address or number"), max_length=254)
