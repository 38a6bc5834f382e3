"""Two send-outs at once, and people of whom each may get one message more."""

from __future__ import annotations

import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest
from django.db import connection

from cdp.jobs.models import Job
from cdp.jobs.runner import run_job
from marketing.delivery import bulk, contact_policy, personal, services
from marketing.delivery.models import SendOut
from tests.marketing.delivery.shop import Shop, mails, numbers

PEOPLE = 60


def at_once(jobs: list[Any]) -> None:
    """Runs each job in a thread with a connection of its own, all from the same moment on."""
    start = threading.Barrier(len(jobs), timeout=60)

    def run(key: Any) -> None:
        try:
            start.wait()
            run_job(key)
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(key,)) for key in jobs]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)


def claim_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two jobs begin to hand over together, and whoever has looked at the cap waits a second for the other.

    That the other comes, before the first has claimed anybody, is what the lock is there to prevent.
    """
    begun, looked = threading.Barrier(2, timeout=60), threading.Barrier(2)

    def together(hand_over: Callable[..., None]) -> Callable[..., None]:
        def begin(*arguments: Any) -> None:
            if threading.current_thread() is not threading.main_thread():
                begun.wait()
            hand_over(*arguments)

        return begin

    def look(send_out: SendOut, *, rows: Any = None) -> int:
        left_out = leave_out(send_out, rows=rows)
        if rows is not None:
            with suppress(threading.BrokenBarrierError):
                looked.wait(timeout=1)
        return left_out

    leave_out = contact_policy.leave_out
    monkeypatch.setattr(contact_policy, "leave_out", look)
    for module in (personal, bulk):
        monkeypatch.setattr(module, "hand_over", together(module.hand_over))


@pytest.mark.parametrize("channel", ["email", "sms"])
def test_of_two_send_outs_at_once_everybody_gets_their_last_allowed_message_once(
    sms_shop: Shop, channel: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = sms_shop
    claim_at_once(monkeypatch)
    shop.settings(caps={channel: {"per_day": 1}})
    make, people = (shop.mail, mails) if channel == "email" else (shop.sms, numbers)
    audience = shop.audience(people(PEOPLE))
    both: list[SendOut] = [make(audience, name) for name in ("One", "Other")]
    for send_out in both:
        services.submit(shop.access, send_out)
    at_once(list(Job.objects.filter(status=Job.Status.QUEUED).values_list("pk", flat=True)))
    shop.run_jobs()
    inbox = shop.inbox()
    assert len(inbox) == PEOPLE and set(inbox.values()) == {1}
    states = sum((shop.states(send_out) for send_out in both), start=type(inbox)())
    assert states["filtered"] == PEOPLE and sum(states.values()) == 2 * PEOPLE
    assert {reason for send_out in both for reason in shop.reasons(send_out)} == {"capped"}
