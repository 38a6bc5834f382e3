"""What the steps of filling a demo workspace share."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from cdp.core.access import Access
from cdp.core.errors import Conflict
from cdp.jobs.models import Job
from cdp.jobs.runner import run_job
from insight.datasets import granting
from insight.datasets import services as datasets
from insight.datasets.models import Dataset

WAIT_SECONDS = 600


def finish(job: Job) -> Job:
    """Run a job here and now, or wait for the worker that took it first. Raises Conflict when it fails."""
    run_job(job.pk)
    until = time.monotonic() + WAIT_SECONDS
    while job.is_active and time.monotonic() < until:
        job.refresh_from_db()
        if job.is_active:
            time.sleep(0.2)
    if job.status != Job.Status.SUCCEEDED:
        raise Conflict(f"{job}: {job.error or job.status}", code="demo_step_failed")
    return job


def succeeds(job: Job) -> bool:
    """Finish a job that may fail, as those of a night may."""
    try:
        finish(job)
    except Conflict:
        return False
    return True


def finish_all(access: Access, *kinds: str, may_fail: bool = False) -> None:
    """Finish every active job of these kinds in the workspace."""
    for job in Job.objects.filter(workspace=access.workspace, kind__in=kinds, status__in=Job.ACTIVE):
        if may_fail:
            succeeds(job)
        else:
            finish(job)


def one(model: Any, access: Access, make: Callable[[], Any], **known: Any) -> Any:
    """The workspace's object with these values, made where there is none."""
    return model.objects.in_workspace(access.workspace).filter(**known).first() or make()


def dataset(access: Access, data: dict[str, Any], *, public: bool = True) -> Dataset:
    """The dataset with the name of `data`, computed; made where there is none."""

    def make() -> Dataset:
        return granting.share(access, datasets.create(access, data), public=public, row_columns=[])

    found: Dataset = one(Dataset, access, make, name=data["name"])
    if not found.version:
        finish(datasets.refresh(access, found))
        found.refresh_from_db()
    return found
