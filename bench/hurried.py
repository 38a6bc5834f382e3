"""Workers and the clock of a running system, which take a dead worker for dead after seconds, and pause no longer.

`python -m bench.hurried 3` keeps three Celery workers of the queue `delivery` and one clock: whoever dies is replaced
at once. Everything else is as in production. All are forked from one process that has imported everything already, so
that dozens of deaths take minutes.
"""

from __future__ import annotations

import logging
import os
import sys
import time
from collections.abc import Callable
from datetime import timedelta

import django
from django.utils import timezone

LEASE, RENEW_SECONDS = timedelta(seconds=10), 1.0
TICK_SECONDS = 0.5
LONGEST_PAUSE = timedelta(seconds=2)
log = logging.getLogger(__name__)


def worker() -> None:
    from cdp.celery import app
    from cdp.jobs import runner

    runner.LEASE, runner.RENEW_SECONDS = LEASE, RENEW_SECONDS
    options = ["--without-gossip", "--without-mingle", "--without-heartbeat", "-l", "ERROR"]
    app.worker_main(["-q", "worker", "-Q", "delivery", "-P", "solo", "-n", f"{os.getpid()}@%h", *options])


def clock() -> None:
    """What the scheduler starts every few seconds, twice a second. A step that fails is done again at the next tick."""
    from django.db import close_old_connections

    from cdp.jobs import runner
    from marketing.delivery import bulk, receipts, schedule

    runner.REDISPATCH_AFTER = timedelta(seconds=3)
    # Longer than a call may take.
    bulk.INTERRUPTED_AFTER = timedelta(seconds=20)
    receipts.INTERVALS = (1, 2, 3)
    while True:
        for step in (_shorten_pauses, runner.recover_lost, schedule.start_due, receipts.poll_due):
            try:
                step()
            except Exception:
                log.exception("A step of the clock failed.")
            close_old_connections()
        time.sleep(TICK_SECONDS)


def _shorten_pauses() -> None:
    """Pauses grow up to minutes in production; here none lasts longer than this."""
    from cdp.jobs.models import Job
    from marketing.channels.models import Provider
    from marketing.delivery.models import SendOut

    end = timezone.now() + LONGEST_PAUSE
    for model, name in ((Job, "not_before"), (SendOut, "held_until"), (Provider, "paused_until")):
        model._default_manager.filter(**{f"{name}__gt": end}).update(**{name: end})


def keep(parts: list[Callable[[], None]]) -> None:
    """Run each part in a child, and another one in place of any that ends."""
    children = {_fork(part): part for part in parts}
    while True:
        ended, _status = os.wait()
        part = children.pop(ended)
        children[_fork(part)] = part


def _fork(part: Callable[[], None]) -> int:
    child = os.fork()
    if child:
        return child
    try:
        part()
    finally:
        os._exit(1)


if __name__ == "__main__":
    django.setup()
    from cdp.celery import app as celery_app

    celery_app.loader.import_default_modules()
    keep([*[worker] * int(sys.argv[1]), clock])
