"""The job that carries a send-out from audience to hand-over, safe to repeat from any point."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cdp.core.errors import Cancelled, Conflict, DomainError
from cdp.jobs import JobContext, JobKind, register
from marketing.channels.base import (
    BulkProviderType,
    PersonalProviderType,
    ProviderError,
    provider_type,
)
from marketing.delivery import (
    approval,
    bulk,
    contact_policy,
    custom_message,
    custom_sending,
    freeze,
    held_provider,
    personal,
    plans,
    releasing,
    resolve,
    reviewing,
    schedule,
)
from marketing.delivery.contact_policy import Held
from marketing.delivery.models import FilterReason, Recipient, SendOut, UnknownReason

FIRST_PAUSE = timedelta(seconds=5)
OUTAGE = timedelta(hours=24)
"""How long a send-out tries again by itself while its provider lets nothing through."""


@register
class RunSendOut(JobKind):
    """Freeze content and audience, write the ledger, hand over."""

    kind = "send_out.run"
    label = gettext_lazy("Send")
    queue = "delivery"
    max_attempts = 50

    def retry_delay(self, attempt: int) -> float:
        return float(min(300, 5 * 2 ** min(attempt, 6)))

    def run(self, job: JobContext) -> dict[str, Any]:
        send_out = _load(job)
        _park_interrupted(send_out)
        if send_out.state != SendOut.State.SENDING:
            return {"state": send_out.state}
        try:
            return _carry_out(send_out, job)
        except Held as held:
            return _wait(send_out, held, job)
        except approval.Unapproved:
            return {"state": _load(job).state}
        except ProviderError as error:
            if not error.retryable:
                raise
            return _wait_for_provider(send_out, error, job)

    def on_failed(self, job: JobContext, error: DomainError) -> None:
        """A pause or stop has set its own state; anything else fails the send-out with the reason."""
        send_out = SendOut.objects.filter(pk=job.params["send_out"]).first()
        if send_out is not None and send_out.state == SendOut.State.CANCELLED:
            # Stopped while the ledger was still being written: what came into it afterwards.
            _cancel_queued(send_out)
        if send_out is None or send_out.state != SendOut.State.SENDING:
            return
        stopped = isinstance(error, Cancelled) or error.code == "cancelled"
        send_out.state = SendOut.State.CANCELLED if stopped else SendOut.State.FAILED
        send_out.state_reason = "" if stopped else str(error)
        send_out.finished_at = timezone.now()
        send_out.save(update_fields=["state", "state_reason", "finished_at", "updated_at"])
        if stopped:
            _cancel_queued(send_out)


def _cancel_queued(send_out: SendOut) -> None:
    send_out.recipients.filter(state=Recipient.State.QUEUED).update(state=Recipient.State.CANCELLED)


def _load(job: JobContext) -> SendOut:
    return SendOut.objects.select_related(
        "workspace", "provider", "template", "sender", "signature", "audience", "audience_version"
    ).get(pk=job.params["send_out"], workspace=job.workspace)


def _carry_out(send_out: SendOut, job: JobContext) -> dict[str, Any]:
    is_custom = custom_message.is_custom(send_out)
    if is_custom:
        custom_sending.check_grant(send_out)
    elif not send_out.provider.enabled:
        raise Conflict(_("The provider is switched off."), code="provider_off")
    held_provider.check(send_out)
    if send_out.provider.is_paused and send_out.provider.paused_until:
        raise Held(send_out.provider.paused_until, send_out.provider.last_error)

    hours = releasing.Keeper(send_out) if send_out.window else None

    def check() -> None:
        job.check_cancelled()
        _stop_unless_sending(send_out)
        if hours is not None:
            hours.keep()
        else:
            contact_policy.keep_quiet(send_out)

    check()
    kind = provider_type(send_out.provider)
    reviewing.wait_for(send_out)
    if send_out.resolved_at is None:
        custom_message.check_unchanged(send_out)
        job.phase(_("Fixing content and audience"), progress=1)
        approval.keep(send_out, freeze.find(send_out, job))
        job.phase(_("Finding recipients"), progress=5)
        resolve.resolve(send_out, job)
    job.phase(_("Sending"), progress=30)
    if is_custom and isinstance(kind, PersonalProviderType):
        custom_sending.hand_over(send_out, kind, job, check)
    elif isinstance(kind, PersonalProviderType):
        personal.hand_over(send_out, kind, job, check)
    elif isinstance(kind, BulkProviderType):
        bulk.hand_over(send_out, kind, job, check)
    if hours is not None:
        hours.wait_for_the_rest()
    return _finish(send_out)


def _wait(send_out: SendOut, held: Held, job: JobContext) -> dict[str, Any]:
    schedule.hold(send_out, held)
    job.log(held.reason)
    return {"state": SendOut.State.WAITING, "continues_at": held.until.isoformat()}


def _wait_for_provider(send_out: SendOut, error: ProviderError, job: JobContext) -> dict[str, Any]:
    """Try again later, each time a little later; after a day without success a person must decide."""
    provider, now = send_out.provider, timezone.now()
    if not provider.is_paused:
        provider.note_failure(str(error), wait_seconds=error.wait_seconds)
    since = send_out.failing_since
    if since is None or send_out.recipients.filter(handed_at__gt=since).exists():
        since = now
    SendOut.objects.filter(pk=send_out.pk).update(failing_since=since)
    if now - since < OUTAGE:
        return _wait(send_out, Held(provider.paused_until or now + FIRST_PAUSE, str(error)), job)
    SendOut.objects.filter(pk=send_out.pk, state=SendOut.State.SENDING).update(
        state=SendOut.State.PAUSED, state_reason=str(error), failing_since=None, updated_at=now
    )
    raise DomainError(str(error), code=error.code, status=error.status)


def _park_interrupted(send_out: SendOut) -> None:
    """What a dead worker was handing over may have gone out: it is parked, never sent a second time blindly."""
    bulk.park_interrupted(send_out)
    custom_sending.take_up_interrupted(send_out)
    send_out.recipients.filter(state=Recipient.State.HANDING, batch__isnull=True).update(
        state=Recipient.State.UNKNOWN,
        reason=UnknownReason.WORKER_LOST,
    )


def _stop_unless_sending(send_out: SendOut) -> None:
    state = SendOut.objects.filter(pk=send_out.pk).values_list("state", flat=True).first()
    if state != SendOut.State.SENDING:
        raise Cancelled(_("The send-out was paused or stopped."))


def _finish(send_out: SendOut) -> dict[str, Any]:
    reached = send_out.recipients.exclude(state__in=Recipient.WITHOUT_MESSAGE)
    changes: dict[str, Any] = {
        "state": SendOut.State.FINISHED,
        "finished_at": timezone.now(),
        "state_reason": "",
        "failing_since": None,
        "updated_at": timezone.now(),
    }
    refused = reached.filter(state=Recipient.State.FAILED).first()
    kept_back = send_out.recipients.filter(state=Recipient.State.CONTROL).count()
    had_it = send_out.recipients.filter(reason=FilterReason.HAD_IT)
    if not reached.exists() and had_it.exists():
        changes["state_reason"] = _("Everybody who could get it has had it from an earlier run.")
    elif not reached.exists() and not kept_back:
        changes.update(
            state=SendOut.State.FAILED,
            state_reason=_("Nobody in the audience can be reached: see why in the recipients list."),
        )
    elif refused and not reached.exclude(state=Recipient.State.FAILED).exists():
        changes.update(
            state=SendOut.State.FAILED,
            state_reason=_("The provider refused every message: %(reason)s") % {"reason": refused.detail},
        )
    done = SendOut.objects.filter(pk=send_out.pk, state=SendOut.State.SENDING).update(**changes)
    if done and changes["state"] == SendOut.State.FAILED:
        send_out.state_reason = changes["state_reason"]
        plans.tell_failed(send_out)
    left_out = send_out.recipients.filter(state=Recipient.State.FILTERED).count()
    return {
        "recipients": reached.count(),
        "left_out": left_out,
        "kept_back": kept_back,
    }
