"""Reviews of templates and signatures at platforms that ask for them."""

from __future__ import annotations

import logging
from datetime import timedelta

from django.utils import timezone
from django.utils.translation import gettext as _

from cdp.core.errors import ActionNotSupported
from marketing.channels import capabilities
from marketing.channels.base import ProviderError, provider_type
from marketing.channels.contract_sms import ContractSmsType
from marketing.channels.models import Provider
from marketing.content.models import ReviewState, Signature, Template, TemplateReview

log = logging.getLogger(__name__)
# Seconds between looks at a review; the last one repeats.
INTERVALS = (5, 30, 60, 300, 900, 3600)
GIVE_UP = timedelta(days=7)


def _reviewing(provider: Provider) -> ContractSmsType:
    kind = provider_type(provider)
    if not isinstance(kind, ContractSmsType):
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
    promotional = template.purpose == Template.Purpose.PROMOTION
    code = _reviewing(provider).submit_template(
        provider,
        name=template.name,
        content=template.text + ending(provider, template.text, promotional=promotional),
        remark=template.name,
        promotional=promotional,
    )
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


def ending(provider: Provider, text: str, *, promotional: bool) -> str:
    """How to unsubscribe, put behind the text of an SMS; nothing where the text says it or nobody hears of it."""
    found = capabilities.of(provider).unsubscribe(promotional=promotional)
    return "" if text.rstrip().endswith(found) else found


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
        except ProviderError as error:
            log.info("Review %s could not be asked for: %s", review.pk, error)
            TemplateReview.objects.filter(pk=review.pk).update(next_check_at=_next(review))
    return len(asked)


def approved(template: Template, provider: Provider) -> TemplateReview | None:
    """The approved review of the template's present text at the provider."""
    return TemplateReview.objects.filter(
        template=template, provider=provider, edit_version=template.edit_version, state=ReviewState.APPROVED
    ).first()


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
    kind = _reviewing(signature.provider)
    signature.state, signature.reason = kind.signature_state(signature.provider, signature.text)
    signature.save(update_fields=["state", "reason", "updated_at"])
    return signature
