"""Fixing what is sent and to whom, once, before the first message leaves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.utils import translation
from django.utils.translation import gettext as _

from cdp.core.errors import Conflict, ValidationFailed
from cdp.core.languages import language_of
from cdp.jobs import JobContext
from insight.audiences.models import AudienceVersion
from marketing.channels.base import provider_type
from marketing.channels.models import Provider
from marketing.content import push, reviews
from marketing.content.models import Template
from marketing.delivery import (
    contents,
    costs,
    custom_message,
    decrypting,
    mail_message,
    platform_tracking,
    sms_rules,
    targeting,
    variables,
)
from marketing.delivery.models import SendOut, TrackedLink


@dataclass(frozen=True)
class Found:
    """What is about to be fixed: the version of the first audience, that of each part by its key, and the content."""

    version: AudienceVersion
    more: dict[int, AudienceVersion]
    content: dict[str, Any]


def find(send_out: SendOut, job: JobContext) -> Found:
    """The versions that count, refreshed where that is asked for, and the content as the templates say now."""
    version, more = targeting.pin(send_out, job)
    return Found(version, more, send_out.content or build(send_out))


def keep(send_out: SendOut, found: Found) -> None:
    """Copy the content into the send-out, pin the audiences' versions, number the links. Later edits change nothing.

    Call inside a transaction.
    """
    kind = provider_type(send_out.provider)
    urls: list[str] = []
    if send_out.track and kind.personal:
        urls = [
            url for row in contents.all_of(found.content) for url in contents.links(row, taps=kind.to_devices)
        ]
    elif found.content.get(platform_tracking.SETTING):
        rows = contents.all_of(found.content)
        urls = [url for row in rows for url in platform_tracking.urls(send_out.workspace_id, row)]
    if urls:
        for number, url in enumerate(dict.fromkeys(urls), start=1):
            TrackedLink.objects.get_or_create(send_out=send_out, number=number, defaults={"url": url})
    for key, part in found.more.items():
        send_out.parts.filter(pk=key).update(version=part)
    send_out.audience_version, send_out.content = found.version, found.content
    costs.fix_price(send_out)
    if send_out.resend_of_id is None:
        send_out.encrypted = decrypting.is_encrypted(send_out)
    send_out.save(
        update_fields=["audience_version", "content", "price", "price_currency", "encrypted", "updated_at"]
    )


def build(send_out: SendOut) -> dict[str, Any]:
    """The content of a send-out from its templates, sender and signature. Raises Conflict where a review is missing."""
    missing = variables.unanswered(send_out)
    if missing:
        raise Conflict(
            _("The template has variables without a text: %(names)s. Say where they get it.")
            % {"names": ", ".join(missing)},
            code="variables_open",
        )
    return contents.together([_whole(send_out, template) for template in send_out.templates])


def _whole(send_out: SendOut, template: Template) -> dict[str, Any]:
    """A message, with what else of its template counts, and the version that it was frozen from."""
    own = {"defaults": template.defaults} if template.defaults else {}
    return {**_message(send_out, template), **own, contents.VERSION: template.edit_version}


def _message(send_out: SendOut, template: Template) -> dict[str, Any]:
    if custom_message.is_custom(send_out):
        return custom_message.frozen(template)
    if send_out.channel == Provider.Channel.PUSH:
        return {
            "purpose": template.purpose,
            "name": send_out.name,
            "subject": template.subject,
            "text": template.text,
            "push": push.complete(template.push),
        }
    if send_out.channel == Provider.Channel.EMAIL:
        # Our own words stand in the owner's language, whoever asks: approvals compare them.
        with translation.override(language_of(send_out.owner)):
            return mail_message.written(send_out, template)
    if send_out.signature is None:
        raise ValidationFailed(_("Choose a signature."), errors={"signature": [_("Choose a signature.")]})
    review = reviews.approved(template, send_out.provider)
    if review is None:
        raise Conflict(
            _("The template has not been approved by the platform yet."),
            code="template_not_approved",
            retryable=False,
        )
    written = {
        "purpose": template.purpose,
        "text": template.text,
        "sign_name": send_out.signature.text,
        "template_code": review.remote_code,
        **sms_rules.frozen(send_out),
    }
    if not template.is_digital:
        return written
    carriers = reviews.approving(review)
    return {**written, "subject": template.subject, "parts": template.parts, "carriers": carriers}
