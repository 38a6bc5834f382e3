"""Taking in what a platform hands over: once each, matched to the message that it answers, and acted on."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from cdp.core.identifiers import ID_TYPES
from marketing.channels import return_source
from marketing.channels.contract_sms import parse_time
from marketing.channels.models import Provider
from marketing.channels.targets import target_hash
from marketing.content.models import Signature
from marketing.delivery import suppressions
from marketing.delivery.models import Engagement, Recipient
from marketing.replies.models import InboundMessage

UNSUBSCRIBING = {"T", "TD", "N", "退订"}
"""Answers that end promotional SMS with the signature."""
_UNWRITTEN = [Recipient.State.QUEUED, *Recipient.WITHOUT_MESSAGE, Recipient.State.CANCELLED]
_AHEAD = timedelta(minutes=10)
"""A platform's clock may be so much fast."""


class Unreadable(ValueError):
    """What was handed over is no reply; the message says what is wrong."""


def receive(provider: Provider, given: Mapping[str, Any]) -> tuple[InboundMessage, bool]:
    """Keep a reply; returns it, and whether it is new. Raises Unreadable.

    `given`: messageId, phoneNum, content, and where they are known signName, outId, extCode, receiveDate.
    """
    message_id, mobile, text = _checked(given)
    digest = target_hash(provider.workspace_id, Provider.Channel.SMS, mobile)
    with transaction.atomic():
        known = InboundMessage.objects.filter(provider=provider, message_id=message_id).first()
        if known is not None:
            return known, False
        row = _answered(provider, digest, str(given.get("outId") or ""), signature_in(given))
        signature = signature_in(given) or _signature_of(row)
        message, new = InboundMessage.objects.get_or_create(
            provider=provider,
            message_id=message_id,
            defaults={
                "workspace": provider.workspace,
                "mobile": mobile,
                "target_hash": digest,
                "last_digits": mobile[-4:],
                "signature_text": signature,
                "first_signature": _first_signature(provider, digest, signature),
                "extension": str(given.get("extCode") or "")[:20],
                "text": text,
                "unsubscribes": unsubscribes(text),
                "send_out": row.send_out if row is not None else None,
                "person": row.person if row is not None else "",
                "received_at": _moment(given.get("receiveDate")),
                "raw": dict(given) if return_source.of(provider) else None,
            },
        )
        if new and message.unsubscribes:
            _unsubscribe(message, row)
    return message, new


def signature_in(given: Mapping[str, Any]) -> str:
    """The signature as platforms write it, with or without its brackets."""
    return str(given.get("signName") or "").strip(" 【】[]")[:24]


def unsubscribes(text: str) -> bool:
    """Whether the whole answer is one of the agreed words, in full width or half, in any case."""
    return unicodedata.normalize("NFKC", text).strip().upper() in UNSUBSCRIBING


def _checked(given: Mapping[str, Any]) -> tuple[str, str, str]:
    message_id, text = str(given.get("messageId") or "").strip(), str(given.get("content") or "").strip()
    if not 1 <= len(message_id) <= 100:
        raise Unreadable("messageId has 1 to 100 characters.")
    mobile = ID_TYPES["mobile"].normalise(str(given.get("phoneNum") or ""))
    if mobile is None:
        raise Unreadable("phoneNum is no mobile number.")
    if not text:
        raise Unreadable("content is empty.")
    return message_id, mobile, text[:500]


def _moment(given: object) -> Any:
    """When it was received, as the platform says; now, where it says nothing that can be."""
    now = timezone.now()
    found = parse_time(given)
    return found if found is not None and found <= now + _AHEAD else now


def _answered(provider: Provider, digest: str, out_id: str, signature: str) -> Recipient | None:
    """The message that is answered: that of the batch, or else the latest with the signature, or else the latest."""
    rows = (
        Recipient.objects.filter(
            person_hash=digest, send_out__workspace=provider.workspace_id, send_out__channel="sms"
        )
        .exclude(state__in=_UNWRITTEN)
        .select_related("send_out__signature")
        .order_by("-handed_at", "-pk")
    )
    if out_id and (found := rows.filter(batch=out_id).first()):
        return found
    return (rows.filter(send_out__signature__text=signature).first() if signature else None) or rows.first()


def _signature_of(row: Recipient | None) -> str:
    return row.send_out.signature.text if row is not None and row.send_out.signature else ""


def _first_signature(provider: Provider, digest: str, signature: str) -> Signature | None:
    """What the number was first written to with: as an earlier reply tells, or the ledger, or this one."""
    earlier = (
        InboundMessage.objects.in_workspace(provider.workspace_id)
        .filter(target_hash=digest, first_signature__isnull=False)
        .order_by("received_at")
        .first()
    )
    if earlier is not None:
        return earlier.first_signature
    first = (
        Recipient.objects.filter(
            person_hash=digest,
            send_out__workspace=provider.workspace_id,
            send_out__channel="sms",
            send_out__signature__isnull=False,
        )
        .exclude(state__in=_UNWRITTEN)
        .order_by("handed_at", "pk")
        .first()
    )
    if first is not None:
        return first.send_out.signature
    return Signature.objects.filter(provider=provider, text=signature).first()


def _unsubscribe(message: InboundMessage, row: Recipient | None) -> None:
    suppressions.unsubscribe_from(message.workspace, message.mobile, message.signature_text)
    if row is None:
        return
    changed = Recipient.objects.filter(pk=row.pk, unsubscribed_at__isnull=True)
    if changed.update(unsubscribed_at=timezone.now()):
        Engagement.objects.create(
            send_out_id=row.send_out_id, recipient=row, kind=Engagement.Kind.UNSUBSCRIBE
        )
