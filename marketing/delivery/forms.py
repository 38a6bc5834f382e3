"""Forms of send-outs: what to send, where variables get their text, test targets, do-not-contact entries."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from django import forms
from django.db.models import Q, QuerySet
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from cdp.core.access import Access
from insight.audiences import queries as audiences
from insight.audiences.models import Audience
from insight.campaigns import links
from insight.datasets import rights
from insight.datasets.models import TAG_KINDS, Dataset, DatasetField
from marketing.channels.base import provider_type
from marketing.channels.models import Provider, SenderAddress
from marketing.content.models import Signature, Template
from marketing.delivery import composition, mail_editor, offering, targeting
from marketing.delivery.bounces.model import ReturnPath
from marketing.delivery.composition import Share
from marketing.delivery.models import SendOut
from marketing.delivery.offering import ReasonedSelectMultiple
from marketing.delivery.suppressions import ID_TYPES_OF, MOST_WORDS
from marketing.delivery.variables import (
    DATE_FORMATS,
    LONGEST,
    Variable,
    as_text,
    default_in,
    defaults_of,
)

_SEARCH = {"data-select": ""}
_SEVERAL = {"data-select": "", "data-most": str(targeting.MOST), "class": "form-select"}
_LETTERS = "abcd"


class AsSaidField(forms.NullBooleanField):
    """Yes, no, or as the audiences say of themselves."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.widget.choices = [
            ("unknown", _("As the audiences say")),
            ("true", _("Yes, decrypt them")),
            ("false", _("No")),
        ]


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
        label=_("Signature"),
        queryset=Signature.objects.none(),
        required=False,
        empty_label="–",
        widget=forms.Select(_SEARCH),
        help_text=_("A digital SMS brings its own."),
    )
    template = forms.ModelChoiceField(
        label=_("Template"), queryset=Template.objects.none(), empty_label="–", widget=forms.Select(_SEARCH)
    )
    text = forms.CharField(
        label=pgettext_lazy("message", "Text"),
        required=False,
        max_length=500,
        widget=forms.Textarea({"rows": 4, "data-sms-text": ""}),
        help_text=_(
            "That of the template. If you change it, a new template with the send-out's name is reviewed."
        ),
    )
    audiences: Any = forms.ModelMultipleChoiceField(
        label=_("Audiences"),
        queryset=None,
        widget=ReasonedSelectMultiple(_SEVERAL),
        help_text=_(
            "One or several: each person gets one message. Audiences that have been computed and hold the ID that the "
            "channel needs can be chosen. If one lacks it, “Use” on its page saves it from the audience's datasets."
        ),
    )
    exclude: Any = forms.ModelMultipleChoiceField(
        label=_("Without the members of"),
        queryset=None,
        required=False,
        widget=ReasonedSelectMultiple(_SEVERAL),
        help_text=_("Whoever is in one of these audiences gets nothing."),
    )
    campaigns = links.CampaignsField(help_text=_("What the send-out is done for."))
    limit = forms.IntegerField(
        label=_("At most this many people"), required=False, min_value=1, help_text=_("Empty: everybody.")
    )
    holdout = forms.IntegerField(
        label=_("Keep back for comparison, in per cent"),
        required=False,
        min_value=0,
        max_value=50,
        help_text=_(
            "So many of the people who could get the message do not, so that you see what it changes."
        ),
    )
    holdout_salt = forms.CharField(
        label=_("Control group"),
        required=False,
        max_length=64,
        help_text=_(
            "Send-outs with the same name here keep back the same people. Empty: the control group of the workspace."
        ),
    )
    encrypted = AsSaidField(
        label=_("Are the IDs AES-encrypted?"),
        required=False,
        help_text=_("Then they are decrypted with the organization's key in the moment of sending."),
    )
    refresh_first = forms.BooleanField(label=_("Refresh the audiences before sending"), required=False)
    track = forms.BooleanField(
        label=_("Count opens and clicks"),
        required=False,
        initial=True,
        help_text=_(
            "Of mails by a platform only where it fills in addresses of each person (channel settings)."
        ),
    )
    unsubscribe_link = forms.BooleanField(
        label=_("Link to unsubscribe"),
        required=False,
        initial=True,
        help_text=_(
            "At the end of each mail, and for the button that mail programs show. Who has unsubscribed gets no mail "
            "either way."
        ),
    )
    return_path = forms.ChoiceField(
        label=_("Return path"),
        choices=ReturnPath.choices,
        initial=ReturnPath.RANDOM,
        help_text=_(
            "Where mail that cannot be delivered returns to. A random address per mail tells whose it is, where the "
            "provider has a domain for bounces or is a platform."
        ),
    )
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
        templates = Template.objects.in_workspace(workspace).filter(channel=channel)
        self._add_variants(templates)
        shown = self._audiences(access)
        if channel != Provider.Channel.SMS:
            del self.fields["signature"], self.fields["text"]
        if channel != Provider.Channel.EMAIL:
            for name in ("track", "unsubscribe_link", "sender", "return_path"):
                del self.fields[name]
        elif access.can("marketing.content.manage"):
            self.fields |= mail_editor.fields()
            self.fields["template"].required = False
            self.fields["template"].help_text = _("Or write the mail below without one.")
        rows: dict[str, Any] = {
            "provider": Provider.objects.in_workspace(workspace).filter(channel=channel),
            "sender": SenderAddress.objects.in_workspace(workspace)
            .filter(~Q(state=SenderAddress.State.FROZEN) | Q(pk=self.initial.get("sender") or ""))
            .select_related("provider"),
            "signature": Signature.objects.in_workspace(workspace).select_related("provider"),
            "template": templates,
            "audiences": shown,
            "exclude": shown,
        }
        # Registered devices are found by hashes, too.
        hashes = any(provider_type(row).to_devices for row in rows["provider"])
        reasons = {row.pk: offering.refusal(row, ID_TYPES_OF[channel], hashes=hashes) for row in shown}
        for name in ("audiences", "exclude"):
            self.fields[name].widget.reasons = reasons  # type: ignore[attr-defined]
        for name, queryset in rows.items():
            field: Any = self.fields.get(name)
            if field is not None:
                field.queryset = queryset
        for name in ("provider", "sender", "signature"):
            found: Any = self.fields.get(name)
            # Where there is no choice, none needs to be made.
            if found is not None and len(only := found.queryset[:2]) == 1:
                found.initial = only[0].pk

    def _audiences(self, access: Access) -> QuerySet[Audience]:
        """Those that the person may use, and those that the send-out has: none of them goes without being seen."""
        kept = [row for name in ("audiences", "exclude") for row in self.initial.get(name, [])]
        has = [row.pk for row in kept if isinstance(row, Audience)]
        which = Q(pk__in=audiences.usable_audiences(access).values("pk")) | Q(pk__in=has)
        rows = Audience.objects.in_workspace(access.workspace).filter(which)
        return rows.select_related("current").order_by("name")

    def _add_variants(self, templates: Any) -> None:
        for letter in _LETTERS:
            if letter != "a":
                self.fields[f"template_{letter}"] = forms.ModelChoiceField(
                    label=_("Template of variant %(letter)s") % {"letter": letter.upper()},
                    queryset=templates,
                    required=False,
                    empty_label="–",
                    widget=forms.Select(_SEARCH),
                )
            self.fields[f"share_{letter}"] = forms.IntegerField(
                label=_("Share of variant %(letter)s, in per cent") % {"letter": letter.upper()},
                required=False,
                min_value=1,
                max_value=99,
            )

    def plain_fields(self) -> list[Any]:
        """All but those of the variants and of the mail."""
        apart = [*self._variant_names, *(mail_editor.NAMES if self.has_mail else ())]
        return [item for item in self.visible_fields() if item.name not in apart]

    @property
    def has_mail(self) -> bool:
        """Whether a mail can be written here."""
        return "html" in self.fields

    def variant_fields(self) -> list[dict[str, Any]]:
        """Per variant its letter and its fields: the first has the send-out's template."""
        return [
            {
                "letter": letter.upper(),
                "template": self[f"template_{letter}"] if letter != "a" else None,
                "share": self[f"share_{letter}"],
            }
            for letter in _LETTERS
            if f"share_{letter}" in self.fields
        ]

    @property
    def compares(self) -> bool:
        """Whether there are variants, or errors in them."""
        return any(
            self[name].value() or self[name].errors for name in self._variant_names if name in self.fields
        )

    @property
    def _variant_names(self) -> list[str]:
        return [f"{part}_{letter}" for letter in _LETTERS for part in ("template", "share")]

    def _chosen(self) -> list[str]:
        """The letters of the variants that have a template."""
        return [letter for letter in _LETTERS if letter == "a" or self.cleaned_data.get(f"template_{letter}")]

    def clean(self) -> dict[str, Any]:
        """Without any share, all variants get the same; otherwise the shares must be 100 together."""
        data, chosen = self.cleaned_data, self._chosen()
        template = data.get("template")
        if (
            self.has_mail
            and not template
            and "template" not in self.errors
            and not mail_editor.is_written(data)
        ):
            self.add_error("template", _("Choose a template, or write the mail."))
        if (
            "signature" in self.fields
            and not data.get("signature")
            and not (template and template.is_digital)
        ):
            self.add_error("signature", self.fields["provider"].error_messages["required"])
        shares = [data.get(f"share_{letter}") for letter in chosen]
        if composition.do_not_fit(shares):
            self.add_error(f"share_{chosen[-1]}", composition.share_message())
        return data

    def values(self) -> dict[str, Any]:
        """The values as the services take them."""
        found = {name: value for name, value in self.cleaned_data.items() if name not in self._variant_names}
        if "audiences" not in self.fields:
            return found
        data, chosen = self.cleaned_data, self._chosen()
        return {
            **found,
            "audiences": list(data["audiences"]),
            "exclude": list(data["exclude"]),
            "holdout": data["holdout"] or 0,
            "variants": [
                Share(
                    data["template" if letter == "a" else f"template_{letter}"],
                    data[f"share_{letter}"] or equal,
                )
                for letter, equal in zip(chosen, composition.evenly(len(chosen)), strict=True)
            ]
            if len(chosen) > 1
            else [],
        }


def variants_as_fields(rows: list[Share]) -> dict[str, Any]:
    """Variants as the initial values of the form."""
    found: dict[str, Any] = {}
    for letter, row in zip(_LETTERS, rows, strict=False):
        found |= {f"template_{letter}": row.template.pk, f"share_{letter}": row.share}
    return found


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
        self.names = send_out.variable_names
        self.defaults = defaults_of(send_out)
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
                help_text=_("Empty: “%(text)s”, as the template says.")
                % {"text": self.defaults[name]["value"]}
                if name in self.defaults
                else "",
            )

    def groups(self) -> list[dict[str, Any]]:
        """The fields of each variable: {"name", "source", "format", "missing", "value"}."""
        parts = ("source", "format", "missing", "value")
        return [{"name": name, **{part: self[f"{name}_{part}"] for part in parts}} for name in self.names]

    def clean(self) -> dict[str, Any]:
        """A variable without a text would leave a hole in somebody's message."""
        for name, given in self.values().items():
            default = default_in(self.defaults, name)
            if not Variable(name, **given, default=default).is_answered:
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
            dataset__source=targeting.included(send_out)[0].source,
            dataset__kind__in=TAG_KINDS,
            dataset__version__gt=0,
            role="tag",
            deleted=False,
        )
        .select_related("dataset")
        .order_by("dataset__name", "name")
    )


def tag_choices(send_out: SendOut) -> list[tuple[str, list[tuple[str, str]]]]:
    """Tags that the send-out can read, as choices grouped by dataset; a value is "dataset:column"."""
    return _grouped(_tags(send_out))


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


class ResubscribeForm(forms.Form):
    why = forms.CharField(
        label=_("Why"),
        max_length=MOST_WORDS,
        help_text=_("When and how they agreed. The audit log keeps it."),
    )
