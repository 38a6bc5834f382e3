"""Reviews of templates and signatures at platforms that ask for them."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext as _

from cdp.core.errors import ActionNotSupported, DomainError
from marketing.channels import capabilities
from marketing.channels.base import provider_type
from marketing.channels.carriers import Carrier
from marketing.channels.contract import Reviewing, ReviewingSignatures
from marketing.channels.models import Provider
from marketing.content import digital, mail
from marketing.content.models import ReviewState, Signature, Template, TemplateReview

log = logging.getLogger(__name__)
# Seconds between looks at a review; the last one repeats.
INTERVALS = (5, 30, 60, 300, 900, 3600)
GIVE_UP = timedelta(days=7)
VALID = timedelta(days=365)
"""How long an approved digital SMS may be sent, where the platform does not say."""
_DECIDED = (ReviewState.APPROVED, ReviewState.REJECTED)


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
    # What is not approved yet keeps its code, so that the platform knows what it looks at.
    last = (
        TemplateReview.objects.filter(template=template, provider=provider).order_by("-edit_version").first()
    )
    code = kind.submit(provider, _written(template), last.remote_code if last else "")
    at_once = capabilities.of(provider).auto_approve and not template.is_digital
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


def _written(template: Template) -> Any:
    """What the platform looks at. Raises ValidationFailed where a platform cannot take it."""
    if template.channel == Provider.Channel.EMAIL:
        return mail.written(template)
    return digital.written(template) if template.is_digital else template


def check(review: TemplateReview) -> None:
    """Ask for the review's state now. Raises ProviderError."""
    kind, template = _reviewing(review.provider), review.template
    verdict = kind.template_state(review.provider, template, review.remote_code)
    review.state, review.reason, review.carriers = verdict.state, verdict.reason, verdict.carriers
    open_ones = review.state == ReviewState.REVIEWING
    if template.is_digital and review.state == ReviewState.APPROVED:
        now = timezone.now()
        review.valid_until = verdict.valid_until or review.valid_until or now + VALID
        # A carrier may come to its word later than the others.
        open_ones = not all(review.carriers.get(code) in _DECIDED for code in Carrier.values)
        if review.valid_until <= now:
            review.state, open_ones = ReviewState.EXPIRED, False
    review.next_check_at = _next(review) if open_ones else None
    review.save(update_fields=["state", "reason", "carriers", "valid_until", "next_check_at"])


def _next(review: TemplateReview | Signature) -> object:
    assert review.submitted_at is not None
    age = timezone.now() - review.submitted_at
    if age > GIVE_UP:
        return None
    pause = next((seconds for seconds in INTERVALS if seconds > age.total_seconds()), INTERVALS[-1])
    return timezone.now() + timedelta(seconds=pause)


def check_due() -> int:
    """Ask for every review whose time has come; returns how many were asked for."""
    expire()
    asked = due()
    for review in asked:
        try:
            check(review)
        except DomainError as error:
            log.info("Review %s could not be asked for: %s", review.pk, error)
            TemplateReview.objects.filter(pk=review.pk).update(next_check_at=_next(review))
    return len(asked)


def approved(template: Template, provider: Provider) -> TemplateReview | None:
    """The approved review of the template's present text at the provider, while it is valid."""
    in_force = Q(valid_until=None) | Q(valid_until__gt=timezone.now())
    return TemplateReview.objects.filter(
        in_force,
        template=template,
        provider=provider,
        edit_version=template.edit_version,
        state=ReviewState.APPROVED,
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
        TemplateReview.objects.select_related("provider", "template__signature").filter(
            next_check_at__lte=timezone.now()
        )[:100]
    )


def expire() -> int:
    """End the approvals whose year is over; returns how many."""
    over = TemplateReview.objects.filter(state=ReviewState.APPROVED, valid_until__lte=timezone.now())
    return over.update(state=ReviewState.EXPIRED, next_check_at=None)


def states(template: Template) -> set[str]:
    """What the platforms say of the template's present text; nothing where it was not sent in."""
    return {review.state for review in template.reviews.all() if review.edit_version == template.edit_version}


def approving(review: TemplateReview) -> list[str]:
    """Codes of the carriers that have approved a digital SMS."""
    return [code for code in Carrier.values if review.carriers.get(code) == ReviewState.APPROVED]


def check_signature(signature: Signature) -> Signature:
    """Ask for the signature's state now. Raises ProviderError."""
    kind = provider_type(signature.provider)
    if not isinstance(kind, ReviewingSignatures):
        raise ActionNotSupported(_("This provider reviews no signatures."))
    signature.state, signature.reason = kind.signature_state(signature.provider, signature.text)
    under_way = signature.state == ReviewState.REVIEWING and signature.submitted_at
    signature.next_check_at = _next(signature) if under_way else None
    signature.save(update_fields=["state", "reason", "next_check_at", "updated_at"])
    return signature


def check_due_signatures() -> int:
    """Ask for every signature sent in from here whose time has come; returns how many were asked for."""
    rows = Signature.objects.select_related("provider").filter(next_check_at__lte=timezone.now())
    asked = list(rows[:100])
    for signature in asked:
        try:
            check_signature(signature)
        except DomainError as error:
            log.info("Signature %s could not be asked for: %s", signature.pk, error)
            Signature.objects.filter(pk=signature.pk).update(next_check_at=_next(signature))
    return len(asked)
