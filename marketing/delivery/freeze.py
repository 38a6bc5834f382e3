"""Fixing what is sent and to whom, once, before the first message leaves."""

from __future__ import annotations

from typing import Any

from django.db import transaction
from django.utils.translation import gettext as _

from cdp.core.errors import Conflict, ValidationFailed
from cdp.jobs import JobContext
from insight.audiences import queries as audiences
from marketing.channels.models import Provider
from marketing.content import push, rendering, reviews
from marketing.delivery import variables
from marketing.delivery.models import SendOut, TrackedLink


def freeze(send_out: SendOut, job: JobContext) -> None:
    """Copy the content into the send-out, pin the audience version, number the links. Later edits change nothing."""
    if send_out.refresh_first and send_out.audience_version is None:
        audiences.refresh_now(send_out.audience, job)
        send_out.audience.refresh_from_db()
    version = send_out.audience_version or audiences.latest_version(send_out.audience)
    if version is None:
        raise ValidationFailed(
            _("The audience has no computed version yet. Refresh it first."), code="audience_empty"
        )
    content = send_out.content or build(send_out)
    with transaction.atomic():
        if send_out.track and content.get("html"):
            for number, url in enumerate(rendering.links(content["html"]), start=1):
                TrackedLink.objects.get_or_create(send_out=send_out, number=number, defaults={"url": url})
        send_out.audience_version, send_out.content = version, content
        send_out.save(update_fields=["audience_version", "content", "updated_at"])


def build(send_out: SendOut) -> dict[str, Any]:
    """The content of a send-out from its template, sender and signature. Raises Conflict where a review is missing."""
    template = send_out.template
    missing = variables.unanswered(send_out)
    if missing:
        raise Conflict(
            _("The template has variables without a text: %(names)s. Say where they get it.")
            % {"names": ", ".join(missing)},
            code="variables_open",
        )
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
