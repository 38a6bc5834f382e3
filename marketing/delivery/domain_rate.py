"""Sparing each receiving server: so many mails a minute to one domain, over all send-outs of a provider."""

from __future__ import annotations

from collections.abc import Callable

from marketing.delivery import rate, releasing
from marketing.delivery.models import SendOut

WINDOW = 500
FARTHEST = 5_000
"""So many people ahead are looked at for some whose domain takes mail now."""


def next_rows(send_out: SendOut, size: int, check: Callable[[], None]) -> list[int] | None:
    """The next people, up to `size`, whose domains take a mail now; waits where none does. None without a limit."""
    per_minute = int(send_out.provider.config.get("domain_per_minute") or 0)
    if not per_minute:
        return None
    while True:
        found, wait = _allowed(send_out, size, per_minute / 60)
        if found or wait is None:
            return found
        rate.wait(wait, check)


def _allowed(send_out: SendOut, size: int, per_second: float) -> tuple[list[int], float | None]:
    """Those who may get it now, and else the seconds until somebody may; None where nobody is queued."""
    queued = releasing.ready(send_out).order_by("pk")
    found: list[int] = []
    waits: dict[str, float] = {}
    last = seen = 0
    while len(found) < size and seen < FARTHEST:
        rows = list(queued.filter(pk__gt=last).only("pk", "target")[:WINDOW])
        for row in rows:
            domain = row.target.rpartition("@")[2].lower()
            if len(found) == size:
                break
            if domain in waits:
                continue
            wait = rate.try_take(f"domain:{send_out.provider.line}:{domain}", per_second=per_second)
            if wait:
                waits[domain] = wait
            else:
                found.append(row.pk)
        if len(rows) < WINDOW:
            break
        last, seen = rows[-1].pk, seen + len(rows)
    return found, min(waits.values(), default=None)
