"""How the variants of a send-out did, each against the first."""

from __future__ import annotations

from typing import Any

from django.db.models import Count, Q

from marketing.channels.models import Provider
from marketing.delivery import mail_message, push_figures, significance
from marketing.delivery.models import Recipient, SendOut, Variant

STATES = Recipient.State
SENT = [STATES.HANDED, STATES.DELIVERED, STATES.FAILED, STATES.UNKNOWN]
SENT_SQL = ", ".join(repr(str(state)) for state in SENT)
"""The same, to stand in the brackets of IN."""
COUNTS = ("people", "sent", "delivered", "opened", "clicked")


def measures(send_out: SendOut) -> dict[str, str]:
    """What is compared, and of whom it is a share.

    Openings of mails and clicks are known only where they are counted; of a push message, who has received it is not
    known everywhere, and then openings are a share of what was sent.
    """
    if send_out.channel == Provider.Channel.PUSH:
        if push_figures.tells_received(send_out):
            return {"delivered": "sent", "opened": "delivered"}
        return {"opened": "sent"}
    if send_out.channel == Provider.Channel.EMAIL and mail_message.opens_are_known(send_out):
        return {"delivered": "sent", "opened": "delivered", "clicked": "delivered"}
    return {"delivered": "sent"}


def variants(send_out: SendOut) -> list[dict[str, Any]]:
    """Per variant: letter, template, share, people, sent, `rates`, `of` (whom each rate is a share of) and, but for
    the first, `differences` from it.

    Empty where the send-out has none. Someone who opened a mail without a report counts as having got it.
    """
    rows = list(send_out.variants.select_related("template"))
    if not rows:
        return []
    is_push = send_out.channel == Provider.Channel.PUSH
    counted = _push_counts(send_out) if is_push else _counts(send_out)
    of = measures(send_out)
    found = [_variant(row, counted.get(row.number, dict.fromkeys(COUNTS, 0)), of) for row in rows]
    first = found[0]["rates"]
    return [
        {
            **row,
            "rates": {name: item.as_json() for name, item in row["rates"].items()},
            "differences": _differences(row["rates"], first) if place else {},
        }
        for place, row in enumerate(found)
    ]


def _counts(send_out: SendOut) -> dict[int, dict[str, Any]]:
    """`COUNTS` of each variant that somebody was to get."""
    got = Q(state=STATES.DELIVERED)
    return {
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


def _push_counts(send_out: SendOut) -> dict[int, dict[str, Any]]:
    return {
        number: {
            "people": figures["target"],
            "sent": figures["sent"],
            "delivered": figures["received"] or 0,
            "opened": figures["opened"],
        }
        for number, figures in push_figures.of_variants(send_out).items()
    }


def _variant(row: Variant, counted: dict[str, Any], of: dict[str, str]) -> dict[str, Any]:
    # Devices and the platform count by themselves: one may be ahead of the other for a while.
    pairs = {name: (min(counted[name], counted[base]), counted[base]) for name, base in of.items()}
    return {
        "variant": row.letter,
        "template": row.template_id,
        "name": row.template.shown_name,
        "share": row.share,
        "people": counted["people"],
        "sent": counted["sent"],
        "of": of,
        "rates": {name: significance.rate(*pair) for name, pair in pairs.items()},
    }


def _differences(
    rates: dict[str, significance.Rate], first: dict[str, significance.Rate]
) -> dict[str, dict[str, Any] | None]:
    found = {name: significance.compare(rates[name], first[name]) for name in rates}
    return {name: item.as_json() if item is not None else None for name, item in found.items()}
