"""Telling the owner that a job has ended. The message centre registers itself as the listener."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from cdp.jobs.models import Job

log = logging.getLogger(__name__)
_listeners: list[Callable[[Job], None]] = []


def on_job_ended(listener: Callable[[Job], None]) -> None:
    """Register a listener, called with each job that has ended (whatever its status)."""
    if listener not in _listeners:
        _listeners.append(listener)


def notify_ended(job: Job) -> None:
    for listener in _listeners:
        try:
            listener(job)
        except Exception:
            log.exception("A listener failed on the end of job %s.", job.pk)
