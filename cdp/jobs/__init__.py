"""Work that takes time: every piece of it is a Job row with progress, log, cancel, retry and a place in a queue.

Usage: subclass `JobKind` in an app's tasks.py, decorate it with `register`, and call `start_job`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cdp.jobs.kinds import JobContext, JobKind, register

if TYPE_CHECKING:
    from cdp.jobs.models import Job

__all__ = ["JobContext", "JobKind", "cancel_job", "register", "retry_job", "start_job"]


def start_job(kind: str, **kwargs: Any) -> Job:
    """See `cdp.jobs.services.start_job`."""
    from cdp.jobs import services

    return services.start_job(kind, **kwargs)


def cancel_job(job: Job, access: Any = None) -> Job:
    """See `cdp.jobs.services.cancel_job`."""
    from cdp.jobs import services

    return services.cancel_job(job, access)


def retry_job(job: Job, access: Any = None) -> Job:
    """See `cdp.jobs.services.retry_job`."""
    from cdp.jobs import services

    return services.retry_job(job, access)
