"""Forms of the custom channel: recipients, webhook and ID type, then what each person is to get."""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cdp.core.access import Access
from cdp.core.identifiers import ID_TYPES
from insight.audiences import queries as audiences
from insight.audiences.models import Audience
from marketing.channels.models import Provider
from marketing.content.models import Template
from marketing.delivery import composition, custom_message, offering
from marketing.delivery.composition import Share
from marketing.delivery.forms import SendOutForm
from marketing.delivery.models import SendOut
from marketing.delivery.offering import ReasonedSelect
from marketing.webhooks import rights
from marketing.webhooks.forms import parameter_field
from marketing.webhooks.models import Webhook

_LETTERS = "abcd"


class CustomSendOutForm(SendOutForm):
    """Offers the webhooks that the person may use and that take an ID which all chosen audiences hold."""

    id_type = forms.ChoiceField(label=gettext_lazy("ID type"), widget=ReasonedSelect)
    field_order = ["name", "audiences", "exclude", "provider", "id_type"]

    def __init__(self, *args: Any, access: Access, channel: str, resend: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, access=access, channel=channel, resend=resend, **kwargs)
        if resend:
            return
        for name in ["template", *self._variant_names]:
            self.fields.pop(name, None)
        self.order_fields(self.field_order)
        self._offer(access)

    def _offer(self, access: Access) -> None:
        chosen, held = self._given("provider"), self._held(access)
        offered = [row for row in rights.usable(access) if str(row.provider_id) == str(chosen) or row.enabled]
        refused = {
            str(row.provider_id): _("takes other IDs: %(types)s") % {"types": offering.named(row.id_types)}
            for row in offered
            if held is not None and not held & set(row.id_types)
        }
        provider: Any = self.fields["provider"]
        provider.label, provider.initial = _("Webhook"), None
        provider.widget = ReasonedSelect()
        provider.widget.is_required, provider.widget.reasons = True, refused
        provider.queryset = Provider.objects.filter(pk__in=[row.provider_id for row in offered])
        provider.help_text = _(
            "Those that you have a grant for, and that take an ID which the audiences hold."
        )
        possible = [row for row in offered if str(row.provider_id) not in refused]
        only = next((row for row in offered if str(row.provider_id) == str(chosen)), None)
        if only is None and not chosen and len(possible) == 1:
            only = possible[0]
            provider.initial = only.provider_id
        field: Any = self.fields["id_type"]
        field.choices, field.widget.reasons = self._types(only, held)
        types = [key for key, _label in field.choices if key and key not in field.widget.reasons]
        if len(types) == 1:
            field.initial = types[0]

    def _given(self, name: str) -> Any:
        """What was chosen, without the field's own default."""
        return self.data.get(name, "") if self.is_bound else self.initial.get(name, "")

    def _types(
        self, webhook: Webhook | None, held: set[str] | None
    ) -> tuple[list[tuple[str, Any]], dict[str, str]]:
        """The types that the webhook takes or the audiences hold, and why some of them cannot be chosen."""
        taken = [] if webhook is None else webhook.id_types
        reasons = {}
        for key in taken:
            if held is not None and key not in held:
                reasons[key] = _("not all audiences hold it")
        if webhook is not None:
            for key in held or ():
                if key not in taken:
                    reasons[key] = _("the webhook does not take it")
        before = str(self._given("id_type") or "")
        shown = [key for key in ID_TYPES if key in taken or key in reasons or key == before]
        possible = [key for key in shown if key not in reasons]
        found = [(key, ID_TYPES[key].label) for key in (*possible, *(key for key in shown if key in reasons))]
        return found if len(possible) == 1 else [("", "–"), *found], reasons

    def _held(self, access: Access) -> set[str] | None:
        """The ID types that all chosen audiences have; None where none is chosen."""
        found = self.initial.get("audiences", [])
        if isinstance(self.data, QueryDict) and self.is_bound:
            found = self.data.getlist("audiences")
        given = [getattr(item, "pk", item) for item in found]
        rows = Audience.objects.in_workspace(access.workspace).filter(pk__in=given).select_related("current")
        sets = [
            {
                item["id_type"]
                for item in audiences.id_types(row)
                if not offering.is_hashed(row, item["id_type"])
            }
            for row in rows
        ]
        return set.intersection(*sets) if sets else None

    def clean(self) -> dict[str, Any]:
        return self.cleaned_data

    def values(self) -> dict[str, Any]:
        """The values as the services take them; what is said comes on the next page."""
        data = dict(self.cleaned_data)
        if "audiences" not in self.fields:
            return data
        return {
            **data,
            "audiences": list(data["audiences"]),
            "exclude": list(data["exclude"]),
            "holdout": data["holdout"] or 0,
        }


def form_of(*args: Any, channel: str, **options: Any) -> SendOutForm:
    """The form of a channel."""
    kind = CustomSendOutForm if channel == Provider.Channel.CUSTOM else SendOutForm
    return kind(*args, channel=channel, **options)


class ParametersForm(forms.Form):
    """What the parameters are to be, of the message or of each of its variants."""

    purpose = forms.ChoiceField(
        label=gettext_lazy("Purpose"),
        choices=Template.Purpose.choices,
        help_text=gettext_lazy("Quiet hours and caps hold for promotions."),
    )

    def __init__(self, *args: Any, send_out: SendOut, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.declared = custom_message.webhook_of(send_out).parameters
        shares = {row.number: row for row in send_out.variants.select_related("template")}
        given = [shares[number].template for number in sorted(shares)] or [send_out.template]
        self.fields["purpose"].initial = send_out.template.purpose
        for place, letter in enumerate(_LETTERS):
            params = given[place].params if place < len(given) else {}
            for row in self.declared:
                field = parameter_field(row, required=place == 0)
                field.initial = params.get(row["name"], "")
                self.fields[f"{letter}_{row['name']}"] = field
            share = forms.IntegerField(
                label=_("Share of variant %(letter)s, in per cent") % {"letter": letter.upper()},
                required=False,
                min_value=1,
                max_value=99,
                initial=shares[place].share if place in shares else None,
            )
            self.fields[f"{letter}_share"] = share

    def groups(self) -> list[dict[str, Any]]:
        """Per variant: letter, the fields of its parameters, and its share."""
        return [
            {
                "letter": letter.upper(),
                "fields": [self[f"{letter}_{row['name']}"] for row in self.declared],
                "share": self[f"{letter}_share"],
            }
            for letter in _LETTERS
        ]

    @property
    def compares(self) -> bool:
        """Whether there are variants, or errors in them."""
        names = [name for name in self.fields if name[0] in "bcd" and name[1] == "_"]
        return any(self[name].value() or self[name].errors for name in names)

    def clean(self) -> dict[str, Any]:
        """A variant has values for all parameters or none; shares are 100 together, or not given at all."""
        data = self.cleaned_data
        for letter in _LETTERS[1:]:
            texts = [data.get(f"{letter}_{row['name']}", "") for row in self.declared]
            if any(texts) and not all(texts):
                self.add_error(
                    None,
                    _("Variant %(letter)s needs a value for each parameter.") % {"letter": letter.upper()},
                )
        chosen = self._chosen()
        shares = [data.get(f"{letter}_share") for letter in chosen]
        if composition.do_not_fit(shares):
            self.add_error(f"{chosen[-1]}_share", composition.share_message())
        return data

    def _chosen(self) -> list[str]:
        return [
            letter
            for letter in _LETTERS
            if letter == "a" or any(self.cleaned_data.get(f"{letter}_{row['name']}") for row in self.declared)
        ]

    def values(self) -> dict[str, Any]:
        """The values as the services take them."""
        data, chosen = self.cleaned_data, self._chosen()
        params = {
            letter: {row["name"]: data[f"{letter}_{row['name']}"] for row in self.declared}
            for letter in chosen
        }
        if len(chosen) == 1:
            return {"purpose": data["purpose"], "params": params["a"]}
        return {
            "purpose": data["purpose"],
            "variants": [
                Share(custom_message.written(params[letter]), data[f"{letter}_share"] or equal)
                for letter, equal in zip(chosen, composition.evenly(len(chosen)), strict=True)
            ],
        }
