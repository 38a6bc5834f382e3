"""Handing over to a customer's own system, person by person or list by list.

As with mail, people are claimed before they are called for. A call that the system has not taken is made again after
1, 5 and 30 seconds under the same key; meanwhile its person is queued and others go on. A call of which nobody knows is
parked, unless the system recognises the key: then it is made again as well.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from django.utils import timezone
from django.utils.translation import gettext as _

from cdp.core.errors import PermissionDenied
from cdp.jobs import JobContext
from insight.datasets.rights import access_of
from marketing.channels.base import Outcome, OutcomeState, PersonalProviderType, ProviderError
from marketing.channels.models import Provider
from marketing.delivery import custom_message, personal, rate, releasing
from marketing.delivery.leaving import give_back, leaving
from marketing.delivery.models import Recipient, SendOut, UnknownReason
from marketing.webhooks.calling import RETRY, UNCERTAIN, WebhookSession, call_once
from marketing.webhooks.models import WebhookCall

PAUSES = (1.0, 5.0, 30.0)
"""Seconds before the second, third and fourth try."""
MOST_FAILURES = 50
"""So many failed calls in a row, and nobody is called for a while."""
MOST_CLAIMED = 2000
"""So many people are called for at a time by calls of several people, unless one call takes more."""
CIRCUIT = timedelta(seconds=60)
OFF = "webhook_off"


class _Tries:
    """Whose call is made again when. A worker that dies forgets it."""

    def __init__(self) -> None:
        self.due: dict[int, float] = {}
        self.count: dict[int, int] = {}
        self.unsure: set[int] = set()
        """Those who may have been served by a call that nobody answered."""

    def waiting(self) -> list[int]:
        now = time.monotonic()
        return [key for key, moment in self.due.items() if moment > now]

    def seconds_to_next(self) -> float:
        now = time.monotonic()
        return min((moment - now for moment in self.due.values() if moment > now), default=0.0)

    def note(self, outcome: Outcome) -> Outcome | None:
        """The outcome as it is written down; None where the call is made again."""
        if outcome.state != "unknown" or outcome.code not in (RETRY, UNCERTAIN):
            self.unsure.discard(outcome.key)
            self.due.pop(outcome.key, None)
            return outcome
        if outcome.code == UNCERTAIN:
            self.unsure.add(outcome.key)
        number = self.count.get(outcome.key, 0)
        if number >= len(PAUSES):
            self.due.pop(outcome.key, None)
            # Failed ones may be written to once more; of the others nobody knows.
            state: OutcomeState = "unknown" if outcome.key in self.unsure else "failed"
            return Outcome(outcome.key, state, code="no_answer", detail=outcome.detail)
        self.count[outcome.key] = number + 1
        self.due[outcome.key] = time.monotonic() + PAUSES[number]
        return None


def hand_over(
    send_out: SendOut, kind: PersonalProviderType, job: JobContext, check: Callable[[], None]
) -> None:
    """Call the system for everybody queued. Raises ProviderError (retryable) when too many calls in a row fail."""
    tries = _Tries()
    total = send_out.recipients.exclude(state__in=Recipient.WITHOUT_MESSAGE).count()
    webhook = custom_message.webhook_of(send_out)
    per_call = webhook.batch_size
    size = max(per_call, min(webhook.concurrency * per_call, MOST_CLAIMED))
    try:
        with kind.session(send_out.provider, "") as session:
            assert isinstance(session, WebhookSession)
            while left := releasing.ready(send_out).count():
                check()
                if custom_message.is_off(send_out):
                    return
                waiting = tries.waiting()
                if left <= len(waiting):
                    rate.wait(tries.seconds_to_next(), check)
                    continue
                wanted = personal.chunk_size(send_out, min(size, left - len(waiting)), per_call=per_call)
                personal.throttle(send_out, wanted, check, per_call=per_call)
                check()
                chunk = personal.claim(send_out, wanted, without=waiting)
                _call(send_out, session, chunk, tries)
                job.progress(30 + 70 * (total - left) / max(1, total), done=total - left, total=total)
                if session.failures >= MOST_FAILURES:
                    raise _open_circuit(send_out)
    finally:
        _park_unsure(send_out, tries)
        fail_where_off(send_out)


def _park_unsure(send_out: SendOut, tries: _Tries) -> None:
    """However it ends, whoever may have been served is not called for under another key."""
    states = (Recipient.State.QUEUED, Recipient.State.CANCELLED, Recipient.State.FILTERED)
    send_out.recipients.filter(pk__in=tries.unsure, state__in=states).update(
        state=Recipient.State.UNKNOWN, reason=UnknownReason.NO_ANSWER
    )


def _call(send_out: SendOut, session: WebhookSession, chunk: list[Recipient], tries: _Tries) -> None:
    messages = [custom_message.compose(send_out, row) for row in chunk]
    outcomes: list[Outcome] = []
    try:
        with leaving(send_out) as may_leave:
            if may_leave:
                for outcome in session.send(messages):
                    if (final := tries.note(outcome)) is not None:
                        outcomes.append(final)
    finally:
        personal.write(send_out, outcomes)
        WebhookCall.objects.bulk_create(session.take_calls())
    if any(outcome.state != "unknown" for outcome in outcomes):
        send_out.provider.note_success()
    done = {outcome.key for outcome in outcomes}
    give_back(send_out, Recipient.objects.filter(pk__in=[row.pk for row in chunk if row.pk not in done]))


def _open_circuit(send_out: SendOut) -> ProviderError:
    message = _("The last %(count)d calls of the webhook have failed.") % {"count": MOST_FAILURES}
    send_out.provider.paused_until = timezone.now() + CIRCUIT
    Provider.objects.filter(pk=send_out.provider_id).update(
        consecutive_errors=MOST_FAILURES, last_error=message, paused_until=send_out.provider.paused_until
    )
    return ProviderError(message, code="webhook_down", retryable=True)


def fail_where_off(send_out: SendOut) -> bool:
    """Where the webhook was switched off, whoever has not been sent to counts as failed."""
    if not custom_message.is_off(send_out):
        return False
    send_out.recipients.filter(state=Recipient.State.QUEUED).update(
        state=Recipient.State.FAILED,
        code=OFF,
        detail=_("The webhook was switched off."),
        reported_at=timezone.now(),
    )
    return True


def check_grant(send_out: SendOut) -> None:
    """Raises PermissionDenied where the owner's grant has ended since the send-out was submitted."""
    if send_out.owner is None:
        raise PermissionDenied(_("Nobody owns this send-out any more, so nobody may use its webhook."))
    custom_message.check_use(access_of(send_out.owner, send_out.workspace), send_out)


def take_up_interrupted(send_out: SendOut) -> int:
    """Queue those whom a dead worker was calling for again, where the system recognises a repeated key."""
    if send_out.state not in SendOut.LIVE or not custom_message.is_custom(send_out):
        return 0
    if not custom_message.webhook_of(send_out).idempotent:
        return 0
    rows = send_out.recipients.filter(state=Recipient.State.HANDING)
    return rows.update(state=Recipient.State.QUEUED, handed_at=None)


def test(
    send_out: SendOut, content: dict[str, Any], values: dict[str, str], targets: list[str]
) -> dict[str, Any]:
    """Call for targets that stand in no ledger. The answers are kept as calls: {"sent", "failed", "calls"}."""
    webhook = custom_message.webhook_of(send_out)
    trial = SendOut(pk=send_out.pk, channel=send_out.channel, id_type=send_out.id_type, content=content)
    trial.provider = webhook.provider
    sent, failed, calls = [], {}, []
    for target in targets:
        row = Recipient(pk=0, target=target, values=values)
        message = custom_message.compose(trial, row, key=f"test:{uuid.uuid4().hex}")
        call = call_once(webhook, message.payload, key=message.headers["Idempotency-Key"])
        call.save()
        calls.append(call.pk)
        if call.ok:
            sent.append(target)
        else:
            failed[target] = call.detail
    return {"sent": sent, "failed": failed, "calls": calls}


def last_tests(send_out: SendOut) -> Any:
    """The latest test calls of a send-out."""
    return WebhookCall.objects.filter(task=send_out.pk, recipient=0).order_by("-at")[:5]
