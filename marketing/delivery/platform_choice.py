"""Which templates and signatures a platform takes, for the form on which both are chosen together."""

from __future__ import annotations

from typing import Any

from django.db.models import F
from django.utils import timezone
from django.utils.translation import gettext as _

from marketing.channels.models import Provider
from marketing.content import reviews
from marketing.content.models import ReviewState, Signature, Template, TemplateReview

Reasons = dict[str, dict[str, str]]
"""By provider and object: why it cannot be chosen there. What is missing can be."""


def reasons(workspace: Any, channel: str) -> dict[str, Reasons]:
    """`template` and `signature`; empty on channels whose providers review nothing. One query for each."""
    providers = [
        row for row in Provider.objects.in_workspace(workspace).filter(channel=channel) if reviews.needed(row)
    ]
    if not providers:
        return {"template": {}, "signature": {}}
    return {
        "template": _templates(workspace, channel, providers),
        "signature": _signatures(workspace, providers) if channel == Provider.Channel.SMS else {},
    }


def _templates(workspace: Any, channel: str, providers: list[Provider]) -> Reasons:
    """Those in review may be chosen: what is sent at once waits for the platform's word."""
    templates = list(
        Template.objects.in_workspace(workspace).filter(channel=channel).select_related("signature")
    )
    rows = TemplateReview.objects.filter(
        template__in=templates, provider__in=providers, edit_version=F("template__edit_version")
    )
    found = {(row.provider_id, row.template_id): row for row in rows}
    said = {
        (provider.pk, template.pk): _of_template(template, provider, found.get((provider.pk, template.pk)))
        for provider in providers
        for template in templates
    }
    return {
        provider.pk: {
            key: reason for (platform, key), reason in said.items() if platform == provider.pk and reason
        }
        for provider in providers
    }


def _of_template(template: Template, provider: Provider, review: TemplateReview | None) -> str:
    if template.signature is not None and template.signature.provider_id != provider.pk:
        return _("its signature belongs to another platform")
    if review is None:
        return _("not sent in to this platform")
    if review.state == ReviewState.REJECTED:
        return _("rejected by this platform")
    over = review.valid_until is not None and review.valid_until <= timezone.now()
    return _("its approval has ended") if over or review.state == ReviewState.EXPIRED else ""


def _signatures(workspace: Any, providers: list[Provider]) -> Reasons:
    rows = list(Signature.objects.in_workspace(workspace))
    return {
        provider.pk: {row.pk: reason for row in rows if (reason := _of_signature(row, provider))}
        for provider in providers
    }


def _of_signature(signature: Signature, provider: Provider) -> str:
    if signature.provider_id != provider.pk:
        return _("belongs to another platform")
    return _("rejected by this platform") if signature.state == ReviewState.REJECTED else ""
