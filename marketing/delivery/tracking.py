"""Addresses that count opens and clicks, unsubscribe, and hand recipients files to platforms.

Tokens are signed and name rows of ours, so a tracking address can only lead to a link of its send-out: it is no open
redirect, and nobody can guess another person's.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from urllib.parse import quote

from django.conf import settings
from django.core import signing
from django.core.cache import cache
from django.db.models import QuerySet
from django.urls import reverse
from django.utils import timezone

from cdp.core.identifiers import ID_TYPES
from cdp.crypto.at_rest import decrypt_text
from marketing.delivery.models import Engagement, Recipient, SendBatch, SendOut, Suppression, TrackedLink
from marketing.delivery.suppressions import ID_TYPE
from marketing.links import agents

_person = signing.Signer(salt="tideline.tracking")
_UNSUBSCRIBE = "tideline.unsubscribe"
_event = signing.Signer(salt="tideline.push-event")
_file = signing.TimestampSigner(salt="tideline.recipients")
_reports = signing.Signer(salt="tideline.push-reports")
FILE_SECONDS = 24 * 3600


@dataclass(frozen=True)
class Person:
    """Whom a token names. Its row may be gone; links lead on, and unsubscribing works, all the same."""

    recipient: int
    link: int
    send_out: str = ""


@dataclass(frozen=True)
class Unsubscribe:
    """What is needed to stop messages to somebody, also when the row of their message is gone."""

    recipient: int
    send_out: str
    person_hash: str
    masked: str


def person_token(recipient: int, send_out: str, link: int = 0) -> str:
    return _person.sign(f"{recipient:x}-{link}-{send_out}")


def read_person_token(token: str) -> Person | None:
    """None where the token is not ours."""
    try:
        recipient, link, *send_out = _person.unsign(token).split("-", 2)
        return Person(int(recipient, 16), int(link), *send_out)
    except (signing.BadSignature, ValueError):
        return None


def read_unsubscribe_token(token: str) -> Unsubscribe | None:
    """None where the token is not ours."""
    try:
        return Unsubscribe(*signing.loads(token, salt=_UNSUBSCRIBE))
    except (signing.BadSignature, ValueError, TypeError):
        return _of_an_old_mail(token)


def _of_an_old_mail(token: str) -> Unsubscribe | None:
    """Mails of earlier versions name the row of their message and nothing else; they lie in mailboxes for years."""
    found = read_person_token(token)
    row = Recipient.objects.filter(pk=found.recipient).first() if found and not found.send_out else None
    return _unsubscribe(row) if row is not None else None


def _unsubscribe(recipient: Recipient) -> Unsubscribe:
    masked = ID_TYPES[ID_TYPE[recipient.send_out.channel]].mask(recipient.target)
    return Unsubscribe(recipient.pk, recipient.send_out_id, recipient.person_hash, masked)


def click_url(recipient: Recipient, link: int) -> str:
    return _absolute("delivery-public:click", person_token(recipient.pk, recipient.send_out_id, link))


def open_url(recipient: Recipient) -> str:
    return _absolute("delivery-public:open", person_token(recipient.pk, recipient.send_out_id))


def event_url(recipient: Recipient) -> str:
    """Where a person's browser reports what became of their message."""
    return _absolute("delivery-public:event", _event.sign(f"{recipient.pk:x}-{recipient.send_out_id}"))


def read_event_token(token: str) -> tuple[int, str] | None:
    """The recipient's number and the send-out; None where the token is not ours."""
    try:
        recipient, send_out = _event.unsign(token).split("-", 1)
        return int(recipient, 16), send_out
    except (signing.BadSignature, ValueError):
        return None


def unsubscribe_url(recipient: Recipient) -> str:
    return _absolute("delivery-public:unsubscribe", unsubscribe_token(recipient))


def unsubscribe_token(recipient: Recipient) -> str:
    return signing.dumps(tuple(vars(_unsubscribe(recipient)).values()), salt=_UNSUBSCRIBE)


def file_url(out_id: str) -> str:
    """An address, good for 24 hours, under which a platform fetches a batch's recipients file."""
    return _absolute("delivery-public:recipients", _file.sign(out_id))


def reports_url(out_id: str) -> str:
    """Where a platform reports what became of a batch's devices; good as long as its reports count."""
    return _absolute("delivery-public:reports", _reports.sign(out_id))


def read_reports_token(token: str) -> str | None:
    try:
        return _reports.unsign(token)
    except signing.BadSignature:
        return None


def read_file_token(token: str) -> str | None:
    try:
        return _file.unsign(token, max_age=FILE_SECONDS)
    except signing.BadSignature:
        return None


def _absolute(name: str, token: str) -> str:
    before, after = _around(name)
    return f"{settings.BASE_URL}{before}{quote(token, safe=':=')}{after}"


@lru_cache(maxsize=32)
def _around(name: str) -> tuple[str, str]:
    """What stands before and after the token in addresses of this name: a mail has three, and a send-out many mails."""
    before, after = reverse(name, args=["-TOKEN-"]).split("-TOKEN-")
    return before, after


def record(
    recipient: Recipient, kind: str, *, link: TrackedLink | None, user_agent: str, method: str
) -> None:
    """Note an open or click. A machine's visit is kept but changes no person's state."""
    machine = agents.is_machine(user_agent, method)
    Engagement.objects.create(
        send_out_id=recipient.send_out_id,
        recipient=recipient,
        link=link,
        kind=kind,
        user_agent=user_agent[:300],
        is_machine=machine,
    )
    if not machine:
        note(recipient, kind)


def note(recipient: Recipient, kind: str) -> None:
    """Let a person's open or click show in their state; the first of each counts."""
    now = timezone.now()
    changes: dict[str, Any] = {}
    if recipient.opened_at is None:
        changes["opened_at"] = now
    if kind == Engagement.Kind.CLICK and recipient.clicked_at is None:
        changes["clicked_at"] = now
    if recipient.state in (Recipient.State.HANDED, Recipient.State.UNKNOWN, Recipient.State.HANDING):
        # Who opened it has received it, whatever the provider says.
        changes.update(state=Recipient.State.DELIVERED, reported_at=now, reason="")
    if changes:
        Recipient.objects.filter(pk=recipient.pk).update(**changes)


def unsubscribe(person: Unsubscribe, send_out: SendOut, *, user_agent: str) -> None:
    """Stop all later messages of this channel to the person's target."""
    Suppression.objects.get_or_create(
        workspace_id=send_out.workspace_id,
        channel=send_out.channel,
        target_hash=person.person_hash,
        signature="",
        defaults={
            "masked": person.masked,
            "reason": Suppression.Reason.UNSUBSCRIBED,
            "source": send_out.pk,
        },
    )
    row = Recipient.objects.filter(pk=person.recipient, unsubscribed_at__isnull=True)
    if row.update(unsubscribed_at=timezone.now()):
        Engagement.objects.create(
            send_out=send_out,
            recipient_id=person.recipient,
            kind=Engagement.Kind.UNSUBSCRIBE,
            user_agent=user_agent[:300],
        )


def test_key(out_id: str) -> str:
    """Under which a test send is remembered."""
    return f"test-send:{out_id}"


def batch_rows(out_id: str) -> QuerySet[Recipient]:
    """Those of a batch who get the message, in the order of the file."""
    left = [Recipient.State.QUEUED, *Recipient.WITHOUT_MESSAGE, Recipient.State.CANCELLED]
    return Recipient.objects.filter(batch=out_id).exclude(state__in=left).order_by("pk")


def batch_targets(out_id: str) -> list[str] | None:
    """The targets of a batch (or of a test) for a platform that is handed them; None where there is no such batch."""
    if SendBatch.objects.filter(pk=out_id).exists():
        return [row.target for row in batch_rows(out_id).only("target")]
    test = cache.get(test_key(out_id))
    return None if test is None else [decrypt_text(target) for target in test["targets"]]
