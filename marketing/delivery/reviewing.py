"""Send-outs that wait for the platform's review of their templates: they leave by themselves once it has approved."""

from __future__ import annotations

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _

from cdp.core.errors import Conflict
from marketing.channels import capabilities
from marketing.content import reviews
from marketing.content.models import ReviewState
from marketing.delivery import schedule
from marketing.delivery.models import SendOut


def ask(send_out: SendOut) -> None:
    """Ask the platform of an SMS for what is still open here. Raises ProviderError."""
    if send_out.channel != "sms" or not send_out.provider.enabled:
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
            decided += _decide(send_out)
    return decided


def _decide(send_out: SendOut) -> bool:
    found = [reviews.current(template, send_out.provider) for template in send_out.templates]
    reason = ""
    if any(review is None for review in found):
        reason = _("A template was changed while it was in review. Submit the send-out again.")
    rejected = next((row for row in found if row and row.state == ReviewState.REJECTED), None)
    if rejected is not None:
        reason = _("The platform has rejected the template: %(reason)s") % {"reason": rejected.reason}
    if not reason and all(row and row.state == ReviewState.APPROVED for row in found):
        schedule.begin(send_out)
        return True
    if not reason and send_out.submitted_at and send_out.submitted_at < timezone.now() - reviews.GIVE_UP:
        reason = _("The platform has not reviewed the template in time.")
    if not reason:
        return False
    send_out.state, send_out.state_reason = SendOut.State.REJECTED, reason
    send_out.save(update_fields=["state", "state_reason", "updated_at"])
    return True
