"""Refreshing the datasets that an audience reads before the audience itself, inside the audience's job."""

from __future__ import annotations

import time

from django.utils.translation import gettext as _

from cdp.core.errors import Conflict
from cdp.jobs import JobContext
from cdp.jobs.models import Job
from cdp.jobs.runner import run_job
from insight.audiences import combining
from insight.audiences.models import Audience, Dependency
from insight.datasets import rights
from insight.datasets import services as datasets
from insight.datasets.models import Dataset

LOOK_SECONDS = 1.0


def datasets_of(audience: Audience) -> list[Dataset]:
    """What the audience reads, also through the audiences that are refreshed with it; in order of name."""
    readers = [audience.pk, *(row.pk for row in combining.sources_first(audience))]
    wanted = Dependency.objects.filter(audience__in=readers, kind=Dependency.Kind.DATASET)
    rows = Dataset.objects.in_workspace(audience.workspace_id).select_related("workspace", "owner")
    return list(rows.filter(pk__in=wanted.values("target")).order_by("name"))


def refresh(audience: Audience, job: JobContext) -> None:
    """Refresh all that the person who asked manages; the others stay as they are, which the log says.

    Raises Conflict `dependency_failed` where one cannot be refreshed.
    """
    for dataset in datasets_of(audience):
        if not rights.may_manage(job.access, dataset):
            job.log(
                _("“%(name)s” stays as it is: only who manages it can refresh it.") % {"name": dataset.name}
            )
            continue
        job.phase(_("First the dataset “%(name)s”") % {"name": dataset.name}, progress=2)
        _finish(datasets.queue_refresh(dataset, owner=job.owner), dataset, job)


def _finish(waited: Job, dataset: Dataset, job: JobContext) -> None:
    """Do the dataset's job here, so that no other worker has to be free; wait where another one has it already."""
    while waited.is_active:
        run_job(waited.pk)
        waited.refresh_from_db()
        if waited.is_active:
            job.check_cancelled()
            time.sleep(LOOK_SECONDS)
    if waited.status != Job.Status.SUCCEEDED:
        raise Conflict(
            _("The dataset “%(name)s” could not be refreshed first: %(reason)s")
            % {"name": dataset.name, "reason": waited.error or waited.get_status_display()},
            code="dependency_failed",
        )
