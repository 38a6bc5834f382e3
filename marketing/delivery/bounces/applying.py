"""What a returned mail changes: the row of its message, and whether the address gets more mail.

An address that does not exist, and one whose owner reports spam, get no more at once; one that could not be reached
five times in 30 days neither. The same report may come as often as it likes.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from cdp.core import metrics
from cdp.core.identifiers import ID_TYPES
from marketing.channels.base import Outcome
from marketing.channels.models import Provider
from marketing.delivery import tracking
from marketing.delivery.bounces import verdicts
from marketing.delivery.bounces.model import Bounce, FailureReason
from marketing.delivery.bounces.parsing import Returned
from marketing.delivery.models import Recipient, SendOut, Suppression

MOST_SOFT = 5
WITHIN = timedelta(days=30)
KEPT = timedelta(days=90)
_REASONS = {
    Bounce.Kind.HARD: FailureReason.GONE,
    Bounce.Kind.SOFT: FailureReason.RETURNED,
    Bounce.Kind.COMPLAINT: FailureReason.SPAM,
}
_STATES = Recipient.State
_ON_THE_WAY = [_STATES.HANDING, _STATES.HANDED, _STATES.UNKNOWN]


def apply(provider: Provider, returned: Returned) -> bool:
    """Take a report in that came for this provider; False where it names nobody of its workspace or is known."""
    person = _person(provider.workspace_id, returned)
    if person is None:
        return False
    with transaction.atomic():
        if not _note(provider.workspace_id, person, returned.kind, returned.code, returned.detail):
            return False
        _mark(person.recipient, returned)
        _suppress(provider.workspace_id, person, returned.kind)
    metrics.MESSAGES.labels("email", f"bounce_{returned.kind}").inc()
    return True


def of_session(send_out: SendOut, rows: Sequence[Recipient], outcomes: Iterable[Outcome]) -> None:
    """The same for addresses that the server refuses while it is spoken to."""
    refused = {outcome.key: outcome for outcome in outcomes if outcome.state == "failed"}
    for row in rows:
        outcome = refused.get(row.pk)
        kind = verdicts.of_answer(outcome.code, outcome.detail) if outcome else None
        if outcome is None or kind is None:
            continue
        with transaction.atomic():
            person = _of_row(row)
            if _note(send_out.workspace_id, person, kind, outcome.code, outcome.detail):
                _suppress(send_out.workspace_id, person, kind)


def reason_of(outcome: Outcome) -> str:
    """The cause that the ledger shows for a message that the server refused."""
    kind = verdicts.of_answer(outcome.code, outcome.detail) if outcome.state == "failed" else None
    return str(_REASONS[kind].value) if kind else ""


def of_receipts(send_out: SendOut, batch: str, gone: Sequence[str], spam: Sequence[str]) -> None:
    """What a platform reports of addresses of a batch, by their hashes."""
    rows = Recipient.objects.filter(batch=batch)
    # Who reports spam after it was delivered has got it.
    rows.filter(person_hash__in=spam, state=_STATES.DELIVERED).update(reason=FailureReason.SPAM)
    for kind, hashes in ((Bounce.Kind.HARD, gone), (Bounce.Kind.COMPLAINT, spam)):
        for row in rows.filter(person_hash__in=hashes).select_related("send_out"):
            if kind == Bounce.Kind.COMPLAINT or row.state == _STATES.FAILED:
                with transaction.atomic():
                    person = _of_row(row)
                    if _note(send_out.workspace_id, person, kind, row.code, row.detail):
                        _suppress(send_out.workspace_id, person, kind)


def forget_old() -> int:
    """Bounces count for 30 days; they are kept a while longer."""
    return Bounce.objects.filter(at__lt=timezone.now() - KEPT).delete()[0]


def _person(workspace: str, returned: Returned) -> tracking.Unsubscribe | None:
    """Whom the report is about, in this workspace: by return address while the row is kept, else by the link."""
    row = (
        Recipient.objects.select_related("send_out")
        .filter(pk__in=returned.rows, send_out__workspace=workspace)
        .first()
    )
    if row is not None:
        return _of_row(row)
    for token in returned.tokens:
        found = tracking.read_unsubscribe_token(token)
        if found and SendOut.objects.filter(pk=found.send_out, workspace=workspace).exists():
            return found
    return None


def _of_row(row: Recipient) -> tracking.Unsubscribe:
    mask = ID_TYPES["email"].mask
    return tracking.Unsubscribe(row.pk, row.send_out_id, row.person_hash, mask(row.target))


def _note(workspace: str, person: tracking.Unsubscribe, kind: Bounce.Kind, code: str, detail: str) -> bool:
    """Remember it; False where it is known. Tests of a message belong to nobody."""
    if not person.recipient:
        return False
    _row, created = Bounce.objects.get_or_create(
        send_out=person.send_out,
        target_hash=person.person_hash,
        kind=kind,
        defaults={"workspace_id": workspace, "code": code[:64], "detail": detail[:500]},
    )
    return created


def _mark(recipient: int, returned: Returned) -> None:
    """A bounce undoes that a server took the mail, but never that somebody opened it or that a platform reported it."""
    rows = Recipient.objects.filter(pk=recipient)
    now, reason = timezone.now(), _REASONS[returned.kind]
    if returned.kind == Bounce.Kind.COMPLAINT:
        rows.filter(state__in=[*_ON_THE_WAY, _STATES.DELIVERED]).update(
            state=_STATES.DELIVERED, reason=reason, reported_at=now
        )
        return
    taken = Q(state=_STATES.DELIVERED, batch__isnull=True) | Q(state__in=_ON_THE_WAY)
    rows.filter(taken, opened_at__isnull=True).exclude(reason=FailureReason.SPAM).update(
        state=_STATES.FAILED,
        reason=reason,
        code=returned.code[:64],
        detail=returned.detail[:500],
        reported_at=now,
    )


def _suppress(workspace: str, person: tracking.Unsubscribe, kind: Bounce.Kind) -> None:
    reason = {
        Bounce.Kind.HARD: Suppression.Reason.HARD_BOUNCE,
        Bounce.Kind.COMPLAINT: Suppression.Reason.COMPLAINT,
        Bounce.Kind.SOFT: Suppression.Reason.SOFT_BOUNCE,
    }[kind]
    if kind == Bounce.Kind.SOFT:
        recent = Bounce.objects.filter(
            workspace=workspace,
            target_hash=person.person_hash,
            kind=kind,
            at__gt=timezone.now() - WITHIN,
        )
        if recent.count() < MOST_SOFT:
            return
    Suppression.objects.get_or_create(
        workspace_id=workspace,
        channel=Provider.Channel.EMAIL,
        target_hash=person.person_hash,
        defaults={"masked": person.masked, "reason": reason, "source": person.send_out},
    )
