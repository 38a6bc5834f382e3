"""The numbers of the send-outs on a list. The longer counting takes, the less often it is done.

So lists of send-outs to millions stay quick while these go out; each number is at most twenty times as old as counting
takes, and new where the state is.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from django.core.cache import cache

from marketing.channels.models import Provider
from marketing.delivery import channel_figures, queries
from marketing.delivery.models import SendOut

NAMES = ("target", "sent", "delivered", "opened", "clicked", "converted")
BRIEF = 0.1
"""Seconds that counting may take each time."""
SHARE = 1 / 20
"""Of the time, spent with counting what takes longer."""


def attach(rows: Sequence[SendOut]) -> None:
    """Give send-outs the attributes of `queries.with_figures`, and SMS their `segments` as they are billed."""
    found: dict[str, dict[str, Any]] = cache.get_many([_key(row) for row in rows])
    missing = [row for row in rows if _key(row) not in found]
    if missing:
        begun = time.monotonic()
        counted = _count(missing)
        seconds = time.monotonic() - begun
        if seconds > BRIEF:
            cache.set_many(counted, seconds / SHARE)
        found |= counted
    for row in rows:
        for name, value in found[_key(row)].items():
            setattr(row, name, value)


def _key(row: SendOut) -> str:
    return f"list-figures:{row.pk}:{row.state}"


def _count(rows: Sequence[SendOut]) -> dict[str, dict[str, Any]]:
    counted = queries.with_figures(SendOut.objects.filter(pk__in=[row.pk for row in rows]))
    # Whoever deletes one meanwhile leaves a row of the list without numbers.
    figures: dict[str, dict[str, Any]] = {row.pk: dict.fromkeys(NAMES, 0) for row in rows}
    figures |= {row.pop("pk"): row for row in counted.values("pk", *NAMES)}
    of_sms = [row for row in rows if row.channel == Provider.Channel.SMS and figures[row.pk]["sent"]]
    for key, more in (channel_figures.of_all(of_sms) if of_sms else {}).items():
        figures[key]["segments"] = more["segments"]
    return {_key(row): figures[row.pk] for row in rows}
