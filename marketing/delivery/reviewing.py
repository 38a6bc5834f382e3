"""Send-outs whose platform must have approved their words: what is in the way, and how long a mail waits for it."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone
from django.utils.translation import gettext as _

from cdp.core.errors import Conflict
from marketing.channels.models import Provider
from marketing.content import reviews
from marketing.content.models import ReviewState, Template, TemplateReview
from marketing.delivery.contact_policy import Held
from marketing.delivery.models import SendOut

PATIENCE = timedelta(hours=24)
"""How long after its time a scheduled mail waits for its review."""
LOOK = timedelta(minutes=5)


def obstacles(send_out: SendOut) -> list[Conflict]:
    """What keeps it from leaving, as far as is known here. A mail may be scheduled while its template is reviewed."""
    if not reviews.needed(send_out.provider):
        return []
    found = []
    if send_out.signature is not None and send_out.signature.state != ReviewState.APPROVED:
        message = _("The signature has not been approved by the platform.")
        found.append(Conflict(message, code="signature_not_approved"))
    for template in send_out.templates:
        review = reviews.current(template, send_out.provider)
        if review is None or review.state != ReviewState.APPROVED:
            if _may_wait(send_out, review):
                continue
            found.append(_unapproved(template, review))
    return found


def ask(send_out: SendOut) -> None:
    """Ask the platform for what is still open here. Raises ProviderError, Conflict where it cannot leave at once."""
    if not reviews.needed(send_out.provider) or send_out.resend_of_id:
        return
    if send_out.signature is not None and send_out.signature.state != ReviewState.APPROVED:
        reviews.check_signature(send_out.signature)
    for template in send_out.templates:
        review = reviews.current(template, send_out.provider)
        if review is not None and review.state == ReviewState.REVIEWING:
            reviews.check(review)
            if review.state == ReviewState.REVIEWING and send_out.scheduled_at is None:
                raise _unapproved(template, review)


def wait_for(send_out: SendOut) -> None:
    """Before anything is fixed: raises Held while a mail's template is reviewed, Conflict once it will not leave."""
    if (
        send_out.channel != Provider.Channel.EMAIL
        or send_out.content
        or not reviews.needed(send_out.provider)
    ):
        return
    ask(send_out)
    now = timezone.now()
    for template in send_out.templates:
        review = reviews.current(template, send_out.provider)
        if review is None or review.state == ReviewState.REJECTED:
            raise _unapproved(template, review)
        if review.state == ReviewState.REVIEWING:
            latest = (send_out.scheduled_at or now) + PATIENCE
            if now >= latest:
                message = _("The template was not approved in time: it waited 24 hours for the platform.")
                raise Conflict(message, code="template_not_approved")
            raise Held(min(now + LOOK, latest), _("The platform is still reviewing the template."))


def _may_wait(send_out: SendOut, review: TemplateReview | None) -> bool:
    reviewed = review is not None and review.state == ReviewState.REVIEWING
    return send_out.channel == Provider.Channel.EMAIL and reviewed


def _unapproved(template: Template, review: TemplateReview | None) -> Conflict:
    if review is None:
        message = _("The template has not been approved by the platform. Submit it for review first.")
    elif review.state == ReviewState.REVIEWING:
        message = _("The platform is still reviewing the template.")
    else:
        message = _("The platform has rejected the template: %(reason)s") % {"reason": review.reason}
    return Conflict(message, code="template_not_approved", template=template.pk)
