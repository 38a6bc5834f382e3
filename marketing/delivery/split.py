"""Who of a send-out's people is kept back for comparison, and who gets which variant: by hash, so always the same.

A person's lot is a number below 10 000 made of a salt and the person's ID. With the same salt the same person has the
same lot, so somebody who is kept back from one send-out is kept back from all others with that salt and share.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from django.db import connection

from marketing.delivery.models import ControlReason, Recipient, SendOut

LOTS = 10_000
_DIGITS = 15
_LOT = f"mod(('x' || left(md5(%s || chr(10) || person), {_DIGITS}))::bit({4 * _DIGITS})::bigint, {LOTS})"
"""`lot` as SQL over the ledger, with the salt as its parameter."""


def lot(salt: str, person: str) -> int:
    """0 to 9999, evenly spread over people, and without connection between two salts."""
    digest = hashlib.md5(f"{salt}\n{person}".encode(), usedforsecurity=False).hexdigest()
    return int(digest[:_DIGITS], 16) % LOTS


def salt_of(send_out: SendOut) -> str:
    """That of the send-out, or else of its workspace."""
    return f"holdout:{send_out.holdout_salt or send_out.workspace_id}"


def is_kept_back(send_out: SendOut, person: str) -> bool:
    """Whether the person belongs to the control group, if the message could reach them."""
    return lot(salt_of(send_out), person) < send_out.holdout * LOTS // 100


def keep_back(send_out: SendOut) -> int:
    """Put the send-out's share of those queued into the control group, where nothing is claimed; returns how many.

    Only those who would get the message: people who cannot be reached would not compare.
    """
    if not send_out.holdout:
        return 0
    with connection.cursor() as cursor:
        cursor.execute(
            f"UPDATE {Recipient._meta.db_table} SET state = %s, reason = %s "
            f"WHERE send_out_id = %s AND state = %s AND batch_id IS NULL AND {_LOT} < %s",
            [
                Recipient.State.CONTROL,
                ControlReason.HOLDOUT,
                send_out.pk,
                Recipient.State.QUEUED,
                salt_of(send_out),
                send_out.holdout * LOTS // 100,
            ],
        )
        return int(cursor.rowcount)


def variant_of(send_out: SendOut, shares: Sequence[int], person: str) -> int:
    """The number of the person's variant; `shares` are per cent, 100 together. 0 where there are none."""
    drawn, upper = lot(f"variant:{send_out.pk}", person), 0
    for number, share in enumerate(shares):
        upper += share * LOTS // 100
        if drawn < upper:
            return number
    return 0
