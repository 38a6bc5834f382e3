"""How the variants of a send-out did, each against the first."""

from __future__ import annotations

from typing import Any

from django.db.models import Count, Q

from marketing.channels.models import Provider
from marketing.delivery import significance
from marketing.delivery.models import Recipient, SendOut, Variant

STATES = Recipient.State
SENT = [STATES.HANDED, STATES.DELIVERED, STATES.FAILED, STATES.UNKNOWN]
MEASURES = {"delivered": "sent", "opened": "delivered", "clicked": "delivered"}
"""What is compared, and of whom it is a share."""


def measures(send_out: SendOut) -> list[str]:
    """Openings and clicks are known of mails alone, and of those only where they are counted."""
    tracked = send_out.channel == Provider.Channel.EMAIL and send_out.track
    return list(MEASURES) if tracked else ["delivered"]


def variants(send_out: SendOut) -> list[dict[str, Any]]:
    """Per variant: letter, template, share, people, sent, `rates` and, but for the first, `differences` from it.

    Empty where the send-out has none. Someone who opened a mail without a report counts as having got it.
    """
    rows = list(send_out.variants.select_related("template"))
    if not rows:
        return []
    got = Q(state=STATES.DELIVERED)
    counted: dict[int, dict[str, Any]] = {
        row["variant"]: dict(row)
        for row in Recipient.objects.filter(send_out=send_out)
        .exclude(state__in=Recipient.WITHOUT_MESSAGE)
        .values("variant")
        .annotate(
            people=Count("pk"),
            sent=Count("pk", filter=Q(state__in=SENT)),
            delivered=Count("pk", filter=got),
            opened=Count("pk", filter=got & Q(opened_at__isnull=False)),
            clicked=Count("pk", filter=got & Q(clicked_at__isnull=False)),
        )
        .order_by()
    }
    nobody: dict[str, Any] = dict.fromkeys(("people", "sent", *MEASURES), 0)
    names = measures(send_out)
    found = [_variant(row, counted.get(row.number, nobody), names) for row in rows]
    first = found[0]["rates"]
    return [
        {
            **row,
            "rates": {name: item.as_json() for name, item in row["rates"].items()},
            "differences": _differences(row["rates"], first) if place else {},
        }
        for place, row in enumerate(found)
    ]


def _variant(row: Variant, counted: dict[str, Any], names: list[str]) -> dict[str, Any]:
    return {
        "variant": row.letter,
        "template": row.template_id,
        "name": row.template.name,
        "share": row.share,
        "people": counted["people"],
        "sent": counted["sent"],
        "rates": {name: significance.rate(counted[name], counted[MEASURES[name]]) for name in names},
    }


def _differences(
    rates: dict[str, significance.Rate], first: dict[str, significance.Rate]
) -> dict[str, dict[str, Any] | None]:
    found = {name: significance.compare(rates[name], first[name]) for name in rates}
    return {name: item.as_json() if item is not None else None for name, item in found.items()}
