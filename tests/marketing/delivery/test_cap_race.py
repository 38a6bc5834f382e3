"""Two send-outs at once, and people of whom each may get one message more."""

from __future__ import annotations

import threading
from typing import Any

import pytest
from django.db import connection

from cdp.jobs.models import Job
from cdp.jobs.runner import run_job
from marketing.delivery import services
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


@pytest.mark.parametrize("channel", ["email", "sms"])
def test_of_two_send_outs_at_once_everybody_gets_their_last_allowed_message_once(
    sms_shop: Shop, channel: str
) -> None:
    shop = sms_shop
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
