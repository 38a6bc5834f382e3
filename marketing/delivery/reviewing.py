"""Send-outs whose platform must have approved their words: what is in the way, and how long they wait for it.

What shall leave at once waits "in review" and leaves by itself when the platform has approved it. A mail may be
scheduled while its template is reviewed, and waits for that at its time; an SMS may not.
"""

from __future__ import annotations

from datetime import timedelta

from django.db import transaction
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from cdp.console import notices
from cdp.core import audit
from cdp.core.errors import Conflict
from cdp.core.languages import language_of
from marketing.channels import capabilities
from marketing.channels.models import Provider
from marketing.content import reviews
from marketing.content.models import ReviewState, Template, TemplateReview
from marketing.delivery import addresses, schedule
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
        elif review.valid_until and review.valid_until <= (send_out.scheduled_at or timezone.now()):
            message = _("The approval of the template ends before that, on %(date)s.")
            day = timezone.localtime(review.valid_until).strftime("%Y-%m-%d")
            found.append(Conflict(message % {"date": day}, code="template_expires", template=template.pk))
    return found


def ask(send_out: SendOut) -> None:
    """Ask the platform for what is still open here. Raises ProviderError."""
    if not reviews.needed(send_out.provider) or send_out.resend_of_id:
        return
    if send_out.signature is not None and send_out.signature.state != ReviewState.APPROVED:
        reviews.check_signature(send_out.signature)
    at_once = capabilities.of(send_out.provider).auto_approve
    for template in send_out.templates:
        review = reviews.current(template, send_out.provider)
        if review is None and at_once:
            reviews.submit(template, send_out.provider)
        elif review is not None and review.state == ReviewState.REVIEWING:
            reviews.check(review)


def is_all(send_out: SendOut, obstacles: list[Conflict]) -> bool:
    """Whether nothing but reviews that are under way keeps it from leaving."""
    states = [getattr(reviews.current(row, send_out.provider), "state", "") for row in send_out.templates]
    under_way = all(state in (ReviewState.REVIEWING, ReviewState.APPROVED) for state in states)
    return bool(obstacles) and under_way and all(row.code == "template_not_approved" for row in obstacles)


def decide() -> int:
    """Start or reject every send-out whose reviews are decided; returns how many."""
    decided = 0
    with transaction.atomic():
        rows = SendOut.objects.select_for_update(skip_locked=True, of=("self",)).select_related(
            "workspace", "owner", "provider"
        )
        for send_out in rows.filter(state=SendOut.State.REVIEWING):
            with translation.override(language_of(send_out.owner)):
                decided += _decide(send_out)
    return decided


def _decide(send_out: SendOut) -> bool:
    found = [reviews.current(template, send_out.provider) for template in send_out.templates]
    reason = ""
    if any(review is None for review in found):
        reason = _("A template was changed while it was in review. Submit the send-out again.")
    ended = (ReviewState.REJECTED, ReviewState.EXPIRED)
    over = next((row for row in found if row and row.state in ended), None)
    if over is not None:
        reason = str(_unapproved(over.template, over))
    if not reason and all(row and row.state == ReviewState.APPROVED for row in found):
        schedule.begin(send_out)
        return True
    if not reason and send_out.submitted_at and send_out.submitted_at < timezone.now() - reviews.GIVE_UP:
        reason = _("The platform has not reviewed the template in time.")
    if not reason:
        return False
    send_out.state, send_out.state_reason = SendOut.State.REJECTED, reason
    send_out.save(update_fields=["state", "state_reason", "updated_at"])
    audit.record(None, "send_out.rejected", send_out, after={"reason": reason}, workspace=send_out.workspace)
    if send_out.owner is not None:
        title = _("Rejected: %(name)s") % {"name": send_out.name}
        url = addresses.page_of(send_out)
        notices.notify(send_out.workspace, send_out.owner, title, text=reason, url=url, level="error")
    return True


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
    return send_out.channel == Provider.Channel.EMAIL and send_out.scheduled_at is not None and reviewed


def _unapproved(template: Template, review: TemplateReview | None) -> Conflict:
    if review is None:
        message = _("The template has not been approved by the platform. Submit it for review first.")
    elif review.state == ReviewState.REVIEWING:
        message = _("The platform is still reviewing the template.")
    elif review.state == ReviewState.EXPIRED:
        message = _("The template was approved for a year, which is over. Make a new one from it.")
    else:
        message = _("The platform has rejected the template: %(reason)s") % {"reason": review.reason}
    return Conflict(message, code="template_not_approved", template=template.pk)
