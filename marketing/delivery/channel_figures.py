"""The numbers of mails and SMS, per send-out: people, and for SMS also segments, which is what platforms bill."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db.models import Count, Q

from marketing.channels.models import Provider
from marketing.content import rendering
from marketing.delivery import comparing, contents, sms_rules
from marketing.delivery.bounces.model import FailureReason
from marketing.delivery.models import Recipient, SendOut

_STATES = Recipient.State
COUNTS = ("sent", "delivered", "failed", "invalid")
_WHICH = {
    "sent": Q(state__in=comparing.SENT),
    "delivered": Q(state=_STATES.DELIVERED),
    "failed": Q(state=_STATES.FAILED),
    "invalid": Q(state=_STATES.FAILED, reason=FailureReason.GONE),
}


def of(send_out: SendOut) -> dict[str, Any]:
    """The figures of one send-out."""
    return of_all([send_out])[send_out.pk]


def of_all(send_outs: Iterable[SendOut], *, weighed: bool = True) -> dict[str, dict[str, Any]]:
    """`people` and `segments` by key of the send-out, each with COUNTS; without `weighed` segments are not counted.

    Those whose recipients are gone are as they were counted last. Failed people whose address does not exist are
    `invalid` as well. A mail is one segment.
    """
    rows = list(send_outs)
    kept = [row for row in rows if row.rows_deleted_at is None]
    people = _people(kept)
    segments = {row.pk: _segments(row) for row in kept if weighed and row.channel == Provider.Channel.SMS}
    found: dict[str, dict[str, Any]] = {}
    for row in rows:
        if row.rows_deleted_at is not None:
            found[row.pk] = row.counters.get("figures") or _before(row)
        else:
            counted = people.get(row.pk, dict.fromkeys(COUNTS, 0))
            found[row.pk] = {"people": counted, "segments": segments.get(row.pk, counted)}
    return found


def _before(row: SendOut) -> dict[str, Any]:
    """Of send-outs whose recipients went before segments were counted."""
    counted = {name: row.counters.get(name, 0) for name in COUNTS}
    return {"people": counted, "segments": counted}


def _people(rows: list[SendOut]) -> dict[str, dict[str, int]]:
    counted = (
        Recipient.objects.filter(send_out__in=rows)
        .order_by()
        .values("send_out")
        .annotate(**{name: Count("pk", filter=which) for name, which in _WHICH.items()})
    )
    found: list[dict[str, Any]] = [dict(row) for row in counted]
    return {row["send_out"]: {name: row[name] for name in COUNTS} for row in found}


def _segments(send_out: SendOut) -> dict[str, int]:
    """People weighed with the length of their text; those with the same texts are counted together."""
    total = dict.fromkeys(COUNTS, 0)
    groups = (
        Recipient.objects.filter(send_out=send_out, state__in=comparing.SENT)
        .order_by()
        .values("variant", "values")
        .annotate(**{name: Count("pk", filter=which) for name, which in _WHICH.items()})
    )
    for group in groups:
        row: dict[str, Any] = dict(group)
        content = contents.of_variant(send_out.content, row["variant"])
        text = rendering.fill(str(content.get("text", "")), row["values"])
        ending = sms_rules.unsubscribe(send_out, text)
        parts = rendering.sms_length(str(content.get("sign_name", "")), text, ending).parts
        for name in COUNTS:
            total[name] += parts * row[name]
    return total
