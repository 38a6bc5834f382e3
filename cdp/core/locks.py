"""Locks by name in PostgreSQL, for what must not happen twice at once; they end with the transaction, also where the
process dies."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, transaction


def hold(name: str) -> None:
    """Wait until nobody else has the lock of this name, and keep it until the end of the running transaction."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", [name])


@contextmanager
def alone(name: str) -> Iterator[None]:
    """A transaction that holds the lock of this name."""
    with transaction.atomic():
        hold(name)
        yield
