"""The job that refreshes a dataset."""

from __future__ import annotations

import time
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cdp import lake
from cdp.core.errors import DomainError
from cdp.jobs import JobContext, JobKind, register
from insight.datasets import refreshing
from insight.datasets.models import Dataset, DatasetVersion

KEPT_VERSIONS = 2


@register
class RefreshDataset(JobKind):
    kind = "dataset.refresh"
    label = gettext_lazy("Refresh a dataset")
    queue = "compute"

    def run(self, job: JobContext) -> dict[str, Any]:
        dataset = Dataset.objects.select_related("table", "workspace").get(
            pk=job.params["dataset"], workspace=job.workspace
        )
        Dataset.objects.filter(pk=dataset.pk).update(state=Dataset.State.RUNNING)
        job.phase(_("Looking at the source"), progress=5)
        version, started = dataset.version + 1, time.monotonic()
        result = refreshing.compute(dataset, f"{dataset.pk}_v{version}", job)
        job.check_cancelled()
        with transaction.atomic():
            Dataset.objects.filter(pk=dataset.pk).update(
                version=version,
                rows=result.rows,
                users=result.users,
                stats=result.stats,
                state=Dataset.State.READY,
                error="",
                refreshed_at=timezone.now(),
                updated_at=timezone.now(),
            )
            DatasetVersion.objects.update_or_create(
                dataset=dataset,
                number=version,
                defaults={
                    "rows": result.rows,
                    "users": result.users,
                    "warnings": result.stats["warnings"],
                    "seconds": round(time.monotonic() - started, 2),
                },
            )
        # Readers of the version before may still be at work; the one before that is free.
        old = f"{dataset.pk}_v{version - KEPT_VERSIONS}"
        for table in lake.tables(job.workspace):
            if table == old or table.startswith((f"{old}_values_", f"{dataset.pk}_v{version - 1}_values_")):
                lake.drop_table(job.workspace, table)
        return {"rows": result.rows, "users": result.users, "version": version}

    def on_failed(self, job: JobContext, error: DomainError) -> None:
        """The last good version stays in use."""
        Dataset.objects.filter(pk=job.params["dataset"]).update(state=Dataset.State.FAILED, error=str(error))
