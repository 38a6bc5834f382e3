"""Reviews of templates and signatures at platforms that ask for them."""

from __future__ import annotations

import logging
from datetime import timedelta

from django.utils import timezone
from django.utils.translation import gettext as _

from cdp.core.errors import ActionNotSupported, DomainError
from marketing.channels import capabilities
from marketing.channels.base import provider_type
from marketing.channels.contract import Reviewing
from marketing.channels.contract_sms import ContractSmsType
from marketing.channels.models import Provider
from marketing.content import mail
from marketing.content.models import ReviewState, Signature, Template, TemplateReview

log = logging.getLogger(__name__)
# Seconds between looks at a review; the last one repeats.
INTERVALS = (5, 30, 60, 300, 900, 3600)
GIVE_UP = timedelta(days=7)


def needed(provider: Provider) -> bool:
    """Whether the provider sends only templates that it has approved."""
    kind = provider_type(provider)
    return isinstance(kind, Reviewing) and kind.reviews(provider)


def _reviewing(provider: Provider) -> Reviewing:
    kind = provider_type(provider)
    if not isinstance(kind, Reviewing) or not kind.reviews(provider):
        raise ActionNotSupported(_("This provider reviews no templates."))
    return kind


def submit(template: Template, provider: Provider) -> TemplateReview:
    """Send the template's present text in for review, once per edit. Raises ProviderError."""
    existing = TemplateReview.objects.filter(
        template=template, provider=provider, edit_version=template.edit_version
    ).first()
    if existing is not None:
        if existing.state == ReviewState.REVIEWING:
            check(existing)
        return existing
    kind = _reviewing(provider)
    if template.channel == Provider.Channel.EMAIL:
        # What is not approved yet keeps its code, so that the platform knows what it looks at.
        last = (
            TemplateReview.objects.filter(template=template, provider=provider)
            .order_by("-edit_version")
            .first()
        )
        code = kind.submit(provider, mail.written(template), last.remote_code if last else "")
    else:
        code = kind.submit(provider, template)
    at_once = capabilities.of(provider).auto_approve
    review = TemplateReview.objects.create(
        template=template,
        provider=provider,
        edit_version=template.edit_version,
        remote_code=code,
        state=ReviewState.APPROVED if at_once else ReviewState.REVIEWING,
        next_check_at=None if at_once else timezone.now() + timedelta(seconds=INTERVALS[0]),
    )
    if not at_once:
        check(review)
    return review


def check(review: TemplateReview) -> None:
    """Ask for the review's state now. Raises ProviderError."""
    review.state, review.reason = _reviewing(review.provider).template_state(
        review.provider, review.remote_code
    )
    review.next_check_at = None if review.state != ReviewState.REVIEWING else _next(review)
    review.save(update_fields=["state", "reason", "next_check_at"])


def _next(review: TemplateReview) -> object:
    age = timezone.now() - review.submitted_at
    if age > GIVE_UP:
        return None
    pause = next((seconds for seconds in INTERVALS if seconds > age.total_seconds()), INTERVALS[-1])
    return timezone.now() + timedelta(seconds=pause)


def check_due() -> int:
    """Ask for every review whose time has come; returns how many were asked for."""
    asked = due()
    for review in asked:
        try:
            check(review)
        except DomainError as error:
            log.info("Review %s could not be asked for: %s", review.pk, error)
            TemplateReview.objects.filter(pk=review.pk).update(next_check_at=_next(review))
    return len(asked)


def approved(template: Template, provider: Provider) -> TemplateReview | None:
    """The approved review of the template's present text at the provider."""
    return TemplateReview.objects.filter(
        template=template, provider=provider, edit_version=template.edit_version, state=ReviewState.APPROVED
    ).first()


def approved_at(template: Template) -> list[Provider]:
    """The providers that have approved the template's present text."""
    rows = TemplateReview.objects.select_related("provider").filter(
        template=template, edit_version=template.edit_version, state=ReviewState.APPROVED
    )
    return [row.provider for row in rows]


def carry_over(template: Template, version: int) -> None:
    """Reviews of an earlier edit hold for the present one: what was reviewed has not changed."""
    TemplateReview.objects.filter(template=template, edit_version=version).update(
        edit_version=template.edit_version
    )


def current(template: Template, provider: Provider) -> TemplateReview | None:
    """The review of the template's present text at the provider, whatever its state."""
    return TemplateReview.objects.filter(
        template=template, provider=provider, edit_version=template.edit_version
    ).first()


def due() -> list[TemplateReview]:
    """Reviews to ask for now."""
    return list(
        TemplateReview.objects.select_related("provider", "template").filter(
            state=ReviewState.REVIEWING, next_check_at__lte=timezone.now()
        )[:100]
    )


def check_signature(signature: Signature) -> Signature:
    """Ask for the signature's state now. Raises ProviderError."""
    kind = provider_type(signature.provider)
    if not isinstance(kind, ContractSmsType):
        raise ActionNotSupported(_("This provider reviews no signatures."))
    signature.state, signature.reason = kind.signature_state(signature.provider, signature.text)
    signature.save(update_fields=["state", "reason", "updated_at"])
    return signature
