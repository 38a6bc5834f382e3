"""Results that a customer's own system reports of the people it was called for.

A call has a list of results, all of one webhook. Each is taken or refused by itself; of several for one person the
one that was sent last holds, and all are kept.
"""

from __future__ import annotations

import hmac
import ipaddress
import json
import re
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from django.core.cache import cache
from django.db import IntegrityError, transaction
from django.utils import timezone

from cdp.core import metrics
from cdp.core.identifiers import ID_TYPES
from cdp.core.texts import is_storable
from marketing.channels.targets import target_hash
from marketing.delivery import custom_figures
from marketing.delivery.models import Recipient, ReportedReason, SendOut
from marketing.webhooks import protocol
from marketing.webhooks.models import Webhook, WebhookReceipt

MOST = 1000
CLOCK_SECONDS = 300
NONCE_SECONDS = 600
PATH = "restapi/thirdservice/webhook/receiveWebHookCallBack"
# The body of an answer's HTTP status where every result was refused for one cause.
_STATUS = {
    "UNKNOWN_STATUS": 400,
    "UNKNOWN_USER": 400,
    "INVALID": 400,
    "UNKNOWN_TASK": 400,
    "WINDOW_CLOSED": 410,
    "DUPLICATE": 200,
}
_NEVER_CALLED = (*Recipient.WITHOUT_MESSAGE, Recipient.State.CANCELLED)


class Refused(Exception):
    """The call as a whole is not taken."""

    def __init__(self, code: str, status: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.status = status


@dataclass(frozen=True)
class Caller:
    """What a call carries besides its body."""

    timestamp: str
    nonce: str
    signature: str
    body_signature: str
    ip: str | None


@dataclass(frozen=True)
class Result:
    """One person's result as it was reported."""

    msg_id: str
    status: str
    target: str
    sent_at: datetime
    task: str


def take(
    body: bytes, headers: Mapping[str, str], query: Mapping[str, str], ip: str | None
) -> tuple[int, dict[str, Any]]:
    """Status and body of the answer to a call."""
    head = {"requestId": uuid.uuid4().hex}
    try:
        webhook, rows = _opened(body)
        _check(webhook, _caller(webhook, headers, query, ip), body)
    except Refused as refused:
        return refused.status, {
            **head,
            "code": refused.code,
            "message": str(refused),
            "accepted": 0,
            "rejected": [],
        }
    rejected, results = [], [_read(item) for item in rows]
    tasks = _tasks(webhook, results)
    for item, found in zip(rows, results, strict=True):
        code = _apply(webhook, tasks.get(found.task), found) if found is not None else "INVALID"
        if code:
            rejected.append(
                {"msg_id": str(item.get("msg_id", ""))[:64] if isinstance(item, dict) else "", "code": code}
            )
    accepted = len(rows) - len(rejected)
    statuses = {_STATUS[row["code"]] for row in rejected}
    status = 200 if accepted or not rejected else statuses.pop() if len(statuses) == 1 else 400
    code = "OK" if status == 200 else rejected[0]["code"]
    return status, {**head, "code": code, "message": "", "accepted": accepted, "rejected": rejected}


def _opened(body: bytes) -> tuple[Webhook, list[Any]]:
    """The results of a call and the one webhook that all of them are of."""
    try:
        rows = json.loads(body)
    except (ValueError, RecursionError):
        rows = None
    if not isinstance(rows, list) or not rows:
        raise Refused("INVALID", 400, "The body must be a JSON list of results.")
    if len(rows) > MOST:
        raise Refused("INVALID", 400, f"At most {MOST} results in one call.")
    keys = {str(_callback(item).get("webhook_id", "")) for item in rows}
    if len(keys) > 1:
        raise Refused("INVALID", 400, "All results of a call must be of one webhook.")
    webhook = Webhook.objects.select_related("provider", "workspace").filter(pk=_stored(keys.pop())).first()
    if webhook is None or not webhook.receipts:
        raise Refused("UNKNOWN_WEBHOOK", 400, "There is no such webhook that takes results.")
    return webhook, rows


def _callback(item: Any) -> Mapping[str, Any]:
    found = item.get("callback_params") if isinstance(item, Mapping) else None
    return found if isinstance(found, Mapping) else {}


def _caller(webhook: Webhook, headers: Mapping[str, str], query: Mapping[str, str], ip: str | None) -> Caller:
    names = dict.fromkeys([webhook.signature_header, *Webhook.Header.values])
    given = next((headers[name] for name in names if headers.get(name)), "")
    return Caller(
        query.get("timestamp", ""),
        query.get("nonce", ""),
        given,
        headers.get(protocol.BODY_SIGNATURE, ""),
        ip,
    )


def _check(webhook: Webhook, caller: Caller, body: bytes) -> None:
    """Raises Refused unless the call comes from the own system, now, and for the first time."""
    if webhook.key:
        right = protocol.signature(webhook.key, caller.timestamp, caller.nonce)
        if not hmac.compare_digest(right.encode(), caller.signature.encode()):
            raise Refused("BAD_SIGNATURE", 401, "The signature is missing or wrong.")
        if webhook.verify_body:
            right = protocol.body_signature(webhook.key, caller.timestamp, caller.nonce, body)
            if not hmac.compare_digest(right.encode(), caller.body_signature.encode()):
                raise Refused("BAD_SIGNATURE", 401, "The body's signature is missing or wrong.")
    elif not _is_listed(webhook, caller.ip):
        raise Refused("BAD_SIGNATURE", 401, "Results are not taken from this address.")
    stamp = caller.timestamp
    seconds = int(stamp[:10]) if stamp.isascii() and stamp.isdecimal() and len(stamp) in (10, 13) else 0
    if abs(time.time() - seconds) > CLOCK_SECONDS:
        raise Refused("EXPIRED_TIMESTAMP", 401, "timestamp is not within five minutes.")
    if not re.fullmatch(r"[A-Za-z0-9_-]{8,64}", caller.nonce):
        raise Refused("INVALID", 400, "nonce must have 8-64 letters, digits, _ or -.")
    # The signature too: it is the same where the border between nonce and time is shifted.
    once = [caller.nonce, caller.signature] if webhook.key else [caller.nonce]
    new = [cache.add(f"webhook-nonce:{webhook.pk}:{text}", 1, NONCE_SECONDS) for text in once]
    if not all(new):
        raise Refused("REPLAYED_NONCE", 401, "This nonce has been used already.")


def _is_listed(webhook: Webhook, ip: str | None) -> bool:
    if ip is None:
        return False
    address = ipaddress.ip_address(ip)
    return any(address in ipaddress.ip_network(network) for network in webhook.source_ips)


def _read(item: Any) -> Result | None:
    if not isinstance(item, Mapping):
        return None
    texts = [_stored(item.get(name)).strip() for name in ("msg_id", "status", "cst_id", "send_time")]
    msg_id, status, target, sent = texts
    if not (1 <= len(msg_id) <= 64 and status and target):
        return None
    if not (sent.isascii() and sent.isdecimal() and len(sent) == 13):
        return None
    moment = datetime.fromtimestamp(int(sent) / 1000, UTC)
    return Result(msg_id, status, target, moment, _stored(_callback(item).get("task_id")))


def _stored(value: Any) -> str:
    """A value as text that the database can hold; nothing where it cannot be."""
    text = "" if value is None else str(value)
    return text if is_storable(text) else ""


def _tasks(webhook: Webhook, results: list[Result | None]) -> dict[str, SendOut]:
    """The webhook's send-outs that the results are of, by key."""
    keys = {result.task for result in results if result is not None}
    rows = SendOut.objects.filter(pk__in=keys, provider=webhook.provider_id)
    return {row.pk: row for row in rows.select_related("provider__webhook")}


def _apply(webhook: Webhook, send_out: SendOut | None, result: Result) -> str:
    """Write a result down; returns why it is refused, or nothing."""
    if send_out is None:
        return "UNKNOWN_TASK"
    status = webhook.status(result.status)
    if status is None:
        return "UNKNOWN_STATUS"
    closes = custom_figures.closes_at(send_out)
    if closes is not None and closes <= timezone.now():
        return "WINDOW_CLOSED"
    target = ID_TYPES[send_out.id_type].normalise(result.target)
    digest = target_hash(send_out.workspace_id, send_out.channel, target) if target else ""
    with transaction.atomic():
        row = (
            Recipient.objects.select_for_update(of=("self",), no_key=True)
            .filter(send_out=send_out, person_hash=digest)
            .exclude(state__in=_NEVER_CALLED)
            .first()
        )
        if row is None:
            return "UNKNOWN_USER"
        return "" if _write(webhook, send_out, row, result, status) else "DUPLICATE"


def _write(
    webhook: Webhook, send_out: SendOut, row: Recipient, result: Result, status: Mapping[str, str]
) -> bool:
    """False where the result has been taken before."""
    before = WebhookReceipt.objects.filter(webhook=webhook, recipient=row.pk).order_by("-sent_at").first()
    try:
        with transaction.atomic():
            WebhookReceipt.objects.create(
                webhook=webhook,
                msg_id=result.msg_id,
                task=send_out.pk,
                recipient=row.pk,
                status=result.status,
                sent_at=result.sent_at,
            )
    except IntegrityError:
        return False
    if before is None or before.sent_at <= result.sent_at:
        Recipient.objects.filter(pk=row.pk).update(
            state=status["outcome"],
            code=result.status,
            detail=status["label"],
            reason=ReportedReason.RECEIPT,
            reported_at=result.sent_at,
            handed_at=row.handed_at or timezone.now(),
        )
        metrics.MESSAGES.labels(send_out.channel, status["outcome"]).inc()
    return True
