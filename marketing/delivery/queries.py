"""What came of a send-out: every number is counted from the ledger, so pages, CSV and API always agree.

Once the ledger's rows are not kept any more, the numbers are those that were counted last.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db.models import Count, IntegerField, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast, Coalesce, Greatest, TruncHour

from marketing.delivery import (
    breakdown,
    channel_figures,
    comparing,
    course,
    custom_figures,
    lift,
    push_figures,
)
from marketing.delivery.bounces.model import FailureReason
from marketing.delivery.models import Engagement, FilterReason, Recipient, SendOut, TrackedLink

_STATES = Recipient.State
SENT = comparing.SENT
_PARTS = (
    "reasons",
    "failures",
    "links",
    "by_hour",
    "course",
    "variants",
    "audiences",
    "conversion",
    "figures",
)


def summary(send_out: SendOut) -> dict[str, Any]:
    """Every number of a send-out: those of `effect`, and its `reasons`, `failures`, `links`, `by_hour`, `course`,
    `variants`, `audiences` (see breakdown), `conversion`, and but for push messages its
    `figures` (see channel_figures)."""
    return {
        **effect(send_out),
        "reasons": reasons(send_out),
        "failures": failures(send_out),
        "links": links(send_out),
        "by_hour": by_hour(send_out),
        "course": course.of(send_out),
        "variants": variants(send_out),
        "audiences": breakdown.of(send_out),
        "conversion": lift.of(send_out),
        **({} if send_out.channel == "push" else {"figures": channel_figures.of(send_out)}),
    }


def with_figures(rows: QuerySet[SendOut]) -> QuerySet[SendOut]:
    """Send-outs with the numbers of people as `target`, `sent`, `delivered`, `opened`, `clicked`, `converted`."""
    which: dict[str, dict[str, Any]] = {
        "target": {},
        "sent": {"state__in": SENT},
        "delivered": {"state": _STATES.DELIVERED},
        "opened": {"opened_at__isnull": False},
        "clicked": {"clicked_at__isnull": False},
    }
    counted: dict[str, Any] = {name: _counted(**given) for name, given in which.items()}
    counted["opened"] = Greatest(counted["opened"], push_figures.opened_of_each())
    converted = Coalesce(Cast(KeyTextTransform("converted", "conversions"), IntegerField()), Value(0))
    return rows.annotate(
        converted=converted,
        **{
            name: Coalesce(number, Cast(KeyTextTransform(name, "counters"), IntegerField()), Value(0))
            for name, number in counted.items()
        },
    )


def effect(send_out: SendOut) -> dict[str, Any]:
    """Counts of people. `target` is everybody of the audiences in the ledger. `left_out` of them get no message;
    `excluded` of those are in an audience that is left out. `kept_back` are the control group. `sent` is what was
    handed over; `invalid` are the failed whose address does not exist, `spam` are people who reported it as such.
    `opened` and `clicked` are people, not events, without machines. Rates are shares (0-1) of `delivered`.
    Push messages have `push` as well (see push_figures), the custom channel `custom` (see custom_figures).
    """
    if send_out.rows_deleted_at is not None:
        none = {"excluded": 0, "kept_back": 0, "invalid": 0, "spam": 0}
        return {**none, **{name: value for name, value in send_out.counters.items() if name not in _PARTS}}
    rows = Recipient.objects.filter(send_out=send_out).aggregate(
        target=Count("pk"),
        left_out=Count("pk", filter=Q(state=_STATES.FILTERED)),
        excluded=Count("pk", filter=Q(state=_STATES.FILTERED, reason=FilterReason.EXCLUDED)),
        kept_back=Count("pk", filter=Q(state=_STATES.CONTROL)),
        queued=Count("pk", filter=Q(state__in=[_STATES.QUEUED, _STATES.HANDING])),
        sent=Count("pk", filter=Q(state__in=SENT)),
        no_report=Count("pk", filter=Q(state=_STATES.HANDED)),
        delivered=Count("pk", filter=Q(state=_STATES.DELIVERED)),
        failed=Count("pk", filter=Q(state=_STATES.FAILED)),
        invalid=Count("pk", filter=Q(state=_STATES.FAILED, reason=FailureReason.GONE)),
        spam=Count("pk", filter=Q(reason=FailureReason.SPAM)),
        unknown=Count("pk", filter=Q(state=_STATES.UNKNOWN)),
        cancelled=Count("pk", filter=Q(state=_STATES.CANCELLED)),
        opened=Count("pk", filter=Q(opened_at__isnull=False)),
        clicked=Count("pk", filter=Q(clicked_at__isnull=False)),
        unsubscribed=Count("pk", filter=Q(unsubscribed_at__isnull=False)),
    )
    if send_out.channel == "push":
        rows["push"] = push_figures.of(send_out)
        rows["opened"] = rows["push"]["opened"]
    if send_out.channel == "custom":
        rows["custom"] = custom_figures.of(send_out)
    delivered = rows["delivered"]
    rows["rates"] = {
        name: (rows[name] / delivered if delivered else None)
        for name in ("opened", "clicked", "unsubscribed")
    }
    rows["rates"]["delivered"] = delivered / rows["sent"] if rows["sent"] else None
    return rows


def reasons(send_out: SendOut) -> list[dict[str, Any]]:
    """Why people were left out: [{"reason", "label", "count"}], most frequent first."""
    labels = dict(FilterReason.choices)
    if send_out.rows_deleted_at is not None:
        kept = send_out.counters["reasons"]
        return [{**row, "label": str(labels.get(row["reason"], row["reason"]))} for row in kept]
    found = (
        Recipient.objects.filter(send_out=send_out, state=_STATES.FILTERED)
        .values("reason")
        .annotate(count=Count("pk"))
        .order_by("-count")
    )
    return [{**row, "label": str(labels.get(row["reason"], row["reason"]))} for row in found]


def failures(send_out: SendOut) -> list[dict[str, Any]]:
    """Codes of failed messages: [{"code", "detail", "count"}]."""
    if send_out.rows_deleted_at is not None:
        return _rows(send_out.counters["failures"])
    return _rows(
        Recipient.objects.filter(send_out=send_out, state=_STATES.FAILED)
        .values("code", "detail")
        .annotate(count=Count("pk"))
        .order_by("-count")[:20]
    )


def links(send_out: SendOut) -> list[dict[str, Any]]:
    """Clicks per link: [{"number", "url", "people", "clicks"}], machines left out."""
    if send_out.rows_deleted_at is not None:
        return _rows(send_out.counters["links"])
    human = Q(engagements__kind=Engagement.Kind.CLICK, engagements__is_machine=False)
    return _rows(
        TrackedLink.objects.filter(send_out=send_out)
        .annotate(
            clicks=Count("engagements", filter=human),
            people=Count("engagements__recipient", filter=human, distinct=True),
        )
        .values("number", "url", "people", "clicks")
        .order_by("number")
    )


def by_hour(send_out: SendOut) -> list[dict[str, Any]]:
    """Opens and clicks by hour: [{"hour", "kind", "count"}], machines left out."""
    if send_out.rows_deleted_at is not None:
        return _rows(send_out.counters["by_hour"])
    return _rows(
        Engagement.objects.filter(send_out=send_out, is_machine=False)
        .annotate(hour=TruncHour("at"))
        .values("hour", "kind")
        .annotate(count=Count("pk"))
        .order_by("hour", "kind")
    )


def variants(send_out: SendOut) -> list[dict[str, Any]]:
    """How the variants did, see `comparing.variants`."""
    if send_out.rows_deleted_at is not None:
        return _rows(send_out.counters.get("variants", []))
    return comparing.variants(send_out)


def _rows(found: Iterable[Any]) -> list[dict[str, Any]]:
    return [dict(row) for row in found]


def _counted(**which: Any) -> Subquery:
    """A subquery: recipients of each row's send-out, counted only for the rows of the shown page."""
    rows = Recipient.objects.filter(
        send_out=OuterRef("pk"), send_out__rows_deleted_at__isnull=True, **which
    ).order_by()
    return Subquery(rows.values("send_out").annotate(number=Count("pk")).values("number"))
