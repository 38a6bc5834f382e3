"""What SMS may hold, as their platform and purpose allow, and what they end with."""

from __future__ import annotations

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from insight.audiences import outside
from insight.audiences.models import Audience
from marketing.channels import capabilities
from marketing.channels.models import Provider
from marketing.content import sms_length
from marketing.content.models import Template
from marketing.delivery import contact_policy, link_use
from marketing.delivery.models import SendOut
from marketing.links import parameters, queries


def problems(send_out: SendOut, templates: list[Template], audiences: list[Audience]) -> dict[str, list[str]]:
    """What keeps an SMS from being saved, by field: `template`, `variants` and `audiences`."""
    if send_out.channel != Provider.Channel.SMS:
        return {}
    found = {"template": [message for row in templates for message in _refused(send_out, row)]}
    found["variants"] = _mixed(templates)
    personal = any(row.variables or parameters.codes_in(row.text) for row in templates)
    uploaded = [row.name for row in audiences if row.origin == outside.UPLOAD] if personal else []
    if uploaded:
        message = _(
            "Uploaded lists cannot be used where the message has variables or short parameters: %(names)s"
        )
        found["audiences"] = [message % {"names": ", ".join(uploaded)}]
    return {field: list(dict.fromkeys(messages)) for field, messages in found.items() if messages}


def _mixed(templates: list[Template]) -> list[str]:
    if len({row.is_digital for row in templates}) > 1:
        return [_("Either all variants are digital SMS, or none is.")]
    if len({row.signature_id for row in templates}) > 1:
        return [_("All variants must have the same signature.")]
    return []


def _refused(send_out: SendOut, template: Template) -> list[str]:
    can = capabilities.of(send_out.provider)
    if template.is_digital and not can.digital:
        return [_("This platform sends no digital SMS.")]
    if template.signature is not None and template.signature.provider_id != send_out.provider_id:
        return [_("Another platform knows the signature of this digital SMS.")]
    promotional = is_promotional(template)
    found = []
    if template.variables and not can.variables(promotional=promotional):
        found.append(
            _("This platform takes no variables in promotional SMS.")
            if promotional
            else _("This platform takes no variables in notices.")
        )
    if parameters.codes_in(template.text) and not can.short_params:
        found.append(_("This platform takes no short parameters: copy the short link without one."))
    number = _links(send_out, template)
    if number and not can.short_links:
        found.append(_("This platform takes no short links."))
    if promotional and can.most_links is not None and number > can.most_links:
        found.append(
            ngettext(
                "This platform takes at most %(most)d link in a promotional SMS.",
                "This platform takes at most %(most)d links in a promotional SMS.",
                can.most_links,
            )
            % {"most": can.most_links}
        )
    return found


def warnings(send_out: SendOut) -> list[str]:
    """What may be wrong with an SMS without keeping it from leaving."""
    if send_out.channel != Provider.Channel.SMS or send_out.resend_of_id:
        return []
    found = []
    if any(is_promotional(row) and _links(send_out, row) > 1 for row in send_out.templates):
        found.append(_("Some platforms take one link in a promotional SMS only. This one has more."))
    if soon := link_use.ending_soon(send_out):
        names = ", ".join(link.name for link in soon)
        found.append(_("These short links end within a day of its leaving: %(names)s.") % {"names": names})
    return found


def is_promotional(template: Template) -> bool:
    return template.purpose != Template.Purpose.NOTICE


def _links(send_out: SendOut, template: Template) -> int:
    return queries.in_text(send_out.workspace_id, template.text).count()


def unsubscribe(send_out: SendOut, text: str) -> str:
    """What the platform puts behind this text, as it was or will be submitted for review; nothing of digital SMS."""
    if "parts" in send_out.content or send_out.template.is_digital:
        return ""
    return capabilities.ending(send_out.provider, text, promotional=contact_policy.is_promotion(send_out))


_USUAL = {"billing": capabilities.Billing.UCS2, "signature_form": capabilities.SignatureForm.CHINESE}


def frozen(send_out: SendOut) -> dict[str, str]:
    """Of the content: how it is billed and signed, where the platform does not do it as most do."""
    can = capabilities.of(send_out.provider)
    return {name: value for name, usual in _USUAL.items() if (value := getattr(can, name)) != usual}


def _billed(send_out: SendOut) -> dict[str, str]:
    """The same in full, of what is frozen or else as the platform is set now."""
    return {**_USUAL, **(send_out.content or frozen(send_out))}


def head(send_out: SendOut) -> str:
    """The signature as the platform puts it in front of the text."""
    signature = send_out.signature.text if send_out.signature else ""
    return sms_length.signed(signature, _billed(send_out)["signature_form"])


def length_of(send_out: SendOut, text: str) -> sms_length.SmsLength:
    """The length of the whole SMS with this text, as it is billed."""
    whole = head(send_out) + text + unsubscribe(send_out, text)
    return sms_length.measure(whole, _billed(send_out)["billing"])
