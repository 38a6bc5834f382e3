"""The numbers of push messages, with the rates as marketers know them from push platforms.

| Figure | Meaning |
|---|---|
| target | device IDs that were to get the message: the audiences without those left out and the control group |
| planned | those of them that the platform has found a device for |
| sent | devices that the platform has really sent it to |
| received | devices that have shown it (Android) |
| opened | devices on which it was tapped |
| ignored | devices on which it was swiped away (Android) |

Devices report one by one, and the platform counts; of two numbers for the same thing the greater one holds, since
either may lag behind. Rates: match = planned / target, receive = received / sent, open = opened / received on Android
and opened / sent on iOS, ignore = ignored / received. None where nobody can know or the divisor is 0.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db.models import Count, IntegerField, OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast

from marketing.channels.base import provider_type
from marketing.delivery.models import FilterReason, Recipient, SendBatch, SendOut

COUNTS = ("target", "planned", "sent", "received", "opened", "ignored")
RATES = ("match", "receive", "open", "ignore")
_STATES = Recipient.State
_HANDED = [_STATES.HANDED, _STATES.DELIVERED, _STATES.FAILED, _STATES.UNKNOWN]


def of(send_out: SendOut) -> dict[str, Any]:
    """The figures of one send-out."""
    return of_all([send_out])[send_out.pk]


def of_all(send_outs: Iterable[SendOut]) -> dict[str, dict[str, Any]]:
    """The figures of send-outs by their keys; two queries for all of them. Their providers must be loaded."""
    rows = list(send_outs)
    kept = [row.pk for row in rows if row.rows_deleted_at is None]
    ledger = _ledger(Recipient.objects.filter(send_out__in=kept), "send_out")
    platform = _platform(SendBatch.objects.filter(send_out__in=kept), "send_out")
    return {
        row.pk: row.counters["push"]
        if row.rows_deleted_at is not None
        else _figures(row, ledger.get(row.pk, {}), platform.get(row.pk, {}))
        for row in rows
    }


def of_variants(send_out: SendOut) -> dict[int, dict[str, Any]]:
    """The figures of the variants that somebody was to get, by their numbers: of their people and their batches."""
    platform = _platform(send_out.batches.all(), "variant")
    return {
        number: _figures(send_out, row, platform.get(number, {}))
        for number, row in _ledger(send_out.recipients.all(), "variant").items()
    }


def _ledger(rows: QuerySet[Recipient], by: str) -> dict[Any, dict[str, int]]:
    found = (
        rows.filter(~Q(state__in=Recipient.WITHOUT_MESSAGE) | Q(reason=FilterReason.NO_DEVICE))
        .order_by()
        .values(by)
        .annotate(
            target=Count("pk"),
            no_device=Count("pk", filter=Q(reason=FilterReason.NO_DEVICE)),
            failed=Count("pk", filter=Q(state=_STATES.FAILED)),
            handed=Count("pk", filter=Q(state__in=_HANDED)),
            received=Count("pk", filter=Q(state=_STATES.DELIVERED)),
            opened=Count("pk", filter=Q(opened_at__isnull=False)),
            ignored=Count("pk", filter=Q(dismissed_at__isnull=False)),
        )
    )
    return {row.pop(by): row for row in found}


def _platform(rows: QuerySet[SendBatch], by: str) -> dict[Any, dict[str, int]]:
    names = ("planned", "sent", "opened", "ignored")
    found = (
        rows.filter(counts__has_key="planned")
        .order_by()
        .values(by)
        .annotate(**{name: Sum(Cast(KeyTextTransform(name, "counts"), IntegerField())) for name in names})
    )
    return {row.pop(by): row for row in found}


def opened_of_each() -> Subquery:
    """For each row of a query of send-outs: the openings that its platform counts; NULL where none counts."""
    rows = SendBatch.objects.filter(send_out=OuterRef("pk"), counts__has_key="opened").order_by()
    number = Sum(Cast(KeyTextTransform("opened", "counts"), IntegerField()))
    return Subquery(rows.values("send_out").annotate(number=number).values("number"))


def _figures(send_out: SendOut, ledger: dict[str, int], platform: dict[str, int]) -> dict[str, Any]:
    is_ios = _is_ios(send_out)
    planned = sent = ledger.get("handed", 0)
    if provider_type(send_out.provider).to_devices:
        # It is known here who has a device, and at once which push service has refused a message.
        planned, sent = ledger.get("target", 0) - ledger.get("no_device", 0), sent - ledger.get("failed", 0)
    counts: dict[str, int | None] = {
        "target": ledger.get("target", 0),
        "planned": platform.get("planned", planned),
        "sent": platform.get("sent", sent),
        "received": ledger.get("received", 0) if tells_received(send_out) else None,
        "opened": max(ledger.get("opened", 0), platform.get("opened", 0)),
        "ignored": None if is_ios else max(ledger.get("ignored", 0), platform.get("ignored", 0)),
    }
    return {**counts, "rates": rates(counts, is_ios=is_ios)}


def tells_received(send_out: SendOut) -> bool:
    """Whether anybody can know which devices have the message: where each reports, and never on iOS."""
    return provider_type(send_out.provider).tells_received(send_out.provider)


def _is_ios(send_out: SendOut) -> bool:
    return provider_type(send_out.provider).devices == "ios"


def rates(counts: dict[str, int | None], *, is_ios: bool) -> dict[str, float | None]:
    """Shares (0-1) of the figures."""
    return {
        "match": _share(counts["planned"], counts["target"]),
        "receive": _share(counts["received"], counts["sent"]),
        "open": _share(counts["opened"], counts["sent" if is_ios else "received"]),
        "ignore": _share(counts["ignored"], counts["received"]),
        "planned_over_sent": _share(counts["planned"], counts["sent"]),
    }


def _share(part: int | None, whole: int | None) -> float | None:
    return part / whole if part is not None and whole else None
