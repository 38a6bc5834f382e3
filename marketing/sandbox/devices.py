"""Devices that push services know: what reaches them is shown in the inbox, and reported as their owner reacts."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from marketing.sandbox.answers import Request
from marketing.sandbox.options import Options
from marketing.sandbox.outcomes import of_browser
from marketing.sandbox.store import Batch, Store


def made_from(request: Request) -> tuple[dict[str, Any], int, str]:
    """What a call says of a new device: all of it, the status to answer with, the reaction. Raises ValueError."""
    given = request.json() or {}
    if not isinstance(given, dict):
        raise ValueError("Give an object.")
    status, reaction = int(given.get("answer", 200)), str(given.get("reaction", "shown"))
    try:
        of_browser(reaction)
    except KeyError:
        raise ValueError("A reaction is shown, clicked, closed or silent.") from None
    return given, status, reaction


def keep(
    store: Store,
    options: Options,
    device: dict[str, Any],
    *,
    sender: str,
    title: str,
    text: str,
    report: str,
    shown: dict[str, Any],
    ttl: int,
    reaction: str = "",
    same: str | None = None,
) -> str:
    """A message for one device; returns its number. `same`: with this number it comes once only."""
    biz_id, new = store.open_batch(Batch("push", same, sender, subject=title, text=text))
    if not new:
        return biz_id
    store.add_push(biz_id, payload=shown, receipt_url=report, receipt_type=0, expires_at=time.time() + ttl)
    store.send_batch(
        biz_id,
        "push",
        [(device["id"], None, of_browser(reaction or device["reaction"]))],
        receipt_seconds=options.receipt_seconds,
        late_seconds=options.late_seconds,
        push=bool(report),
    )
    return biz_id


def key_of(store: Store, name: str, make: Callable[[], str]) -> str:
    """The key with this name, which is made once."""
    return store.kept_key(name) or store.keep_key(name, make())
