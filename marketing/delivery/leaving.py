"""The moment in which messages leave. Whoever pauses or stops a send-out waits until it is over.

A claim is committed before; here the send-out's row is held in share mode while one chunk or batch is handed over.
Pausing and stopping change that row, so they wait for what is leaving right now, and after them nothing leaves.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, transaction
from django.db.models import QuerySet

from marketing.delivery.models import Recipient, SendOut

_MAY_REPEAT = (SendOut.State.SENDING, SendOut.State.WAITING, SendOut.State.FINISHED)


@contextmanager
def leaving(send_out: SendOut, *, repeat: bool = False) -> Iterator[bool]:
    """Whether messages may leave now, or with `repeat` a call that got no answer be made again.

    As long as the block lasts, nobody can pause or stop the send-out.
    """
    with transaction.atomic():
        allowed = _MAY_REPEAT if repeat else (SendOut.State.SENDING,)
        yield _locked_state(send_out) in allowed


def give_back(send_out: SendOut, rows: QuerySet[Recipient]) -> None:
    """Claimed recipients whose message did not leave: queued again, or cancelled where the send-out was stopped."""
    with transaction.atomic():
        stopped = _locked_state(send_out) == SendOut.State.CANCELLED
        state = Recipient.State.CANCELLED if stopped else Recipient.State.QUEUED
        rows.filter(state=Recipient.State.HANDING).update(state=state, handed_at=None)


def _locked_state(send_out: SendOut) -> str:
    with connection.cursor() as cursor:
        # Share mode leaves others free to note opens and clicks, whose rows refer to this one.
        cursor.execute(f"SELECT state FROM {SendOut._meta.db_table} WHERE id = %s FOR SHARE", [send_out.pk])
        return str(cursor.fetchone()[0])
