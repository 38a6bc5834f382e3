"""Fixing what is sent and to whom, once, before the first message leaves."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from cdp.core.errors import Conflict, ValidationFailed
from cdp.jobs import JobContext
from marketing.channels.base import provider_type
from marketing.channels.models import Provider
from marketing.content import push, reviews
from marketing.content.models import Template
from marketing.delivery import contents, targeting, variables
from marketing.delivery.models import SendOut, TrackedLink


def freeze(send_out: SendOut, job: JobContext) -> None:
    """Copy the content into the send-out, pin the audiences' versions, number the links. Later edits change nothing."""
    version, more = targeting.pin(send_out, job)
    content = send_out.content or build(send_out)
    with transaction.atomic():
        if send_out.track:
            taps = provider_type(send_out.provider).to_devices
            found = [url for row in contents.all_of(content) for url in contents.links(row, taps=taps)]
            for number, url in enumerate(dict.fromkeys(found), start=1):
                TrackedLink.objects.get_or_create(send_out=send_out, number=number, defaults={"url": url})
        for key, part in more.items():
            send_out.parts.filter(pk=key).update(version=part)
        send_out.audience_version, send_out.content = version, content
        send_out.save(update_fields=["audience_version", "content", "updated_at"])


def build(send_out: SendOut) -> dict[str, Any]:
    """The content of a send-out from its templates, sender and signature. Raises Conflict where a review is missing."""
    missing = variables.unanswered(send_out)
    if missing:
        raise Conflict(
            _("The template has variables without a text: %(names)s. Say where they get it.")
            % {"names": ", ".join(missing)},
            code="variables_open",
        )
    return contents.together([_message(send_out, template) for template in send_out.templates])


def _message(send_out: SendOut, template: Template) -> dict[str, Any]:
    if send_out.channel == Provider.Channel.PUSH:
        return {
            "purpose": template.purpose,
            "name": send_out.name,
            "subject": template.subject,
            "text": template.text,
            "push": push.complete(template.push),
        }
    if send_out.channel == "email":
        if send_out.sender is None:
            raise ValidationFailed(_("Choose a sender."), errors={"sender": [_("Choose a sender.")]})
        return {
            "purpose": template.purpose,
            "from_address": send_out.sender.address,
            "from_name": send_out.sender.name,
            "subject": template.subject,
            "html": template.html,
            "text": template.text,
            "unsubscribe_label": _("Unsubscribe"),
        }
    if send_out.signature is None:
        raise ValidationFailed(_("Choose a signature."), errors={"signature": [_("Choose a signature.")]})
    review = reviews.approved(template, send_out.provider)
    if review is None:
        raise Conflict(
            _("The template has not been approved by the platform yet."),
            code="template_not_approved",
            retryable=False,
        )
    return {
        "purpose": template.purpose,
        "text": template.text,
        "sign_name": send_out.signature.text,
        "template_code": review.remote_code,
    }
