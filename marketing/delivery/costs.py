"""What send-outs cost: billed messages times the provider's price, where that was known when they started."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from marketing.delivery.models import SendOut

CENT = Decimal("0.01")


def fix_price(send_out: SendOut) -> None:
    """Take over the provider's present price, so that a later one changes nothing; not saved yet."""
    provider = send_out.provider
    send_out.price = provider.price
    send_out.price_currency = "" if provider.price is None else provider.price_currency


def of_all(send_outs: Iterable[SendOut]) -> dict[str, Decimal]:
    """By key of the send-outs whose price is known: what the messages that were handed over cost, to the cent.

    SMS count as the parts that they are billed as; everything else counts by message. The figures are those that
    `list_figures` has attached.
    """
    return {row.pk: (row.price * _billed(row)).quantize(CENT) for row in send_outs if row.price is not None}


def _billed(row: SendOut) -> int:
    of_sms = getattr(row, "segments", None)
    return of_sms["sent"] if of_sms else row.sent  # type: ignore[attr-defined, no-any-return]
