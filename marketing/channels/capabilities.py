"""What an SMS platform can do, as its settings declare it: data, so that forms, checks and hand-over all agree."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _

from marketing.channels import carriers, return_source
from marketing.channels.base import ConfigField
from marketing.channels.models import Provider

UNSUBSCRIBE = "回T退订"
"""What ends a promotional SMS where the platform hands replies over; it is for readers of Chinese."""


class Billing(models.TextChoices):
    UCS2 = "ucs2", _("70 characters, or 67 in each part, whatever they are")
    GSM7 = "gsm7", _("160 characters, or 153 in each part, where all are of the GSM alphabet")


class SignatureForm(models.TextChoices):
    """How platforms put the signature in front of the text."""

    CHINESE = "chinese", _("In front of the text, as 【Name】")
    SQUARE = "square", _("In front of the text, as [Name]")
    SENDER = "sender", _("As the sender, not in the text")


@dataclass(frozen=True)
class Capabilities:
    """`line_values`: the file carries each person's texts. `most_links`: in a promotional SMS; None is any number."""

    promo_variables: bool = False
    notify_variables: bool = True
    short_links: bool = False
    short_params: bool = False
    most_links: int | None = None
    line_values: bool = False
    replies: bool = False
    auto_approve: bool = False
    digital: bool = False
    new_signatures: bool = False
    billing: str = Billing.UCS2
    signature_form: str = SignatureForm.CHINESE

    def variables(self, *, promotional: bool) -> bool:
        return (self.promo_variables or self.auto_approve) if promotional else self.notify_variables

    def unsubscribe(self, *, promotional: bool) -> str:
        """What stands at the end of every SMS of this purpose."""
        return UNSUBSCRIBE if promotional and self.replies else ""


def of(provider: Provider) -> Capabilities:
    """What the provider's settings say; what they leave open is as for a new provider."""
    given: dict[str, Any] = {item.name: item.default for item in fields()} | dict(provider.config)
    most = str(given["max_links_promo"] or "")
    return Capabilities(
        promo_variables=bool(given["promo_variables"]),
        notify_variables=bool(given["notify_variables"]),
        short_links=bool(given["short_links"] or given["short_params"]),
        short_params=bool(given["short_params"]),
        most_links=int(most) if most.isdecimal() else None,
        line_values=bool(given["line_values"] or given["short_params"]),
        replies=bool(given["replies"]),
        auto_approve=bool(given["auto_approve_text_templates"]),
        digital=bool(given["digital"]),
        new_signatures=bool(given["new_signatures"]),
        billing=str(given["billing"] or Billing.UCS2),
        signature_form=str(given["signature_form"] or SignatureForm.CHINESE),
    )


def ending(provider: Provider, text: str, *, promotional: bool) -> str:
    """How to unsubscribe, put behind the text of an SMS; nothing where the text says it or nobody hears of it."""
    found = of(provider).unsubscribe(promotional=promotional)
    return "" if text.rstrip().endswith(found) else found


def fields() -> tuple[ConfigField, ...]:
    """The settings of an SMS platform that declare what it can do."""
    return (
        ConfigField("promo_variables", _("Promotional SMS may have variables"), kind="flag", default=False),
        ConfigField("notify_variables", _("Notices may have variables"), kind="flag", default=True),
        ConfigField(
            "line_values",
            _("Each line of the file may carry the person's own values"),
            kind="flag",
            default=False,
            help_text=_("Without it there is a call for each group of people with equal texts."),
        ),
        ConfigField(
            "short_links",
            _("SMS may have short links"),
            kind="flag",
            default=False,
            help_text=_("Register the short domain with the platform first, or it may reject the texts."),
        ),
        ConfigField(
            "short_params",
            _("SMS may have short parameters"),
            kind="flag",
            default=False,
            help_text=_("Needs values in each line of the file."),
        ),
        ConfigField(
            "max_links_promo",
            _("Most links in a promotional SMS"),
            kind="number",
            help_text=_("Empty: any number."),
        ),
        ConfigField(
            "replies",
            _("The platform hands over replies"),
            kind="flag",
            default=False,
            help_text=_("Then promotional SMS end with 回T退订, and a T unsubscribes from the signature."),
        ),
        return_source.FIELD,
        ConfigField(
            "callback_secret",
            _("Secret that replies are signed with"),
            kind="secret",
            help_text=_("Empty: the address that the platform is given is secret enough."),
        ),
        ConfigField(
            "auto_approve_text_templates",
            _("The platform approves text templates at once"),
            kind="flag",
            default=False,
            help_text=_("By agreement with it. Promotional SMS may then have variables as well."),
        ),
        ConfigField(
            "new_signatures",
            _("The platform takes new signatures"),
            kind="flag",
            default=False,
            help_text=_("With their source and proof, for review. Otherwise register them with it first."),
        ),
        ConfigField(
            "digital",
            _("The platform sends digital SMS"),
            kind="flag",
            default=False,
            help_text=_("With pictures, sounds and video. Each carrier reviews them for its own numbers."),
        ),
        ConfigField(
            "billing",
            _("One SMS holds"),
            kind="choice",
            default=Billing.UCS2.value,
            choices=Billing.choices,
            help_text=_("As the platform bills. Chinese platforms take 70 for every text."),
        ),
        ConfigField(
            "signature_form",
            _("The signature stands"),
            kind="choice",
            default=SignatureForm.CHINESE.value,
            choices=SignatureForm.choices,
            help_text=_("It counts as the platform writes it. 【】 are not of the GSM alphabet."),
        ),
        ConfigField(
            carriers.SETTING,
            _("Carriers of numbers"),
            default="",
            help_text=_(
                "Only where the usual table is wrong: first digits and carrier, as in 165=unicom, 1703=telecom."
            ),
        ),
    )
