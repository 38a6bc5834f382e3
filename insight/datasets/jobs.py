"""The job that refreshes a dataset."""

from __future__ import annotations

import logging
import re
import time
from typing import Any

from django.db import transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from admin_center.organizations.settings import workspace_settings
from cdp.core.errors import Cancelled, DomainError
from cdp.jobs import JobContext, JobKind, register
from insight.datasets import custom, kinds, naming, refreshing, services, storage
from insight.datasets.models import Dataset, DatasetVersion
from insight.datasources.models import LAKE

log = logging.getLogger(__name__)
KEPT_VERSIONS = 2


class ScheduledUpdate(JobKind):
    """An update that nobody asked for by hand. Those of datasets and audiences share the workspace's places."""

    gate = "scheduled_update"

    def gate_limit(self, workspace: Any) -> int:
        return workspace_settings(workspace).update_concurrency


@register
class RefreshDataset(JobKind):
    kind = "dataset.refresh"
    label = gettext_lazy("Refresh a dataset")
    queue = "compute"

    def run(self, job: JobContext) -> dict[str, Any]:
        rows = Dataset.objects.select_related("table", "workspace", "owner").prefetch_related("joins__table")
        dataset = rows.filter(pk=job.params["dataset"], workspace=job.workspace).first()
        if dataset is None:
            raise Cancelled()
        Dataset.objects.filter(pk=dataset.pk).update(state=Dataset.State.RUNNING)
        job.phase(_("Looking at the source"), progress=5)
        version, started = dataset.version + 1, time.monotonic()
        table = f"{dataset.pk}_v{version}"
        support = kinds.of(dataset.kind)
        if support is not None:
            result = support.compute(dataset, table, job)
        elif dataset.kind == Dataset.Kind.CUSTOM_TAGS:
            result = custom.compute(dataset, table, job, job.params.get("only", ()))
        else:
            result = refreshing.compute(dataset, table, job)
        missing = naming.write(dataset, f"{dataset.pk}_v{version}")
        result.stats["named"] = dataset.dimensions.count() > len(missing)
        result.stats["warnings"] += [{"code": "names_missing", "names": missing}] if missing else []
        job.check_cancelled()
        with transaction.atomic():
            kept = Dataset.objects.filter(pk=dataset.pk).update(
                version=version,
                rows=result.rows,
                users=result.users,
                stats=result.stats,
                state=Dataset.State.READY,
                error="",
                error_code="",
                refreshed_at=timezone.now(),
                updated_at=timezone.now(),
            )
            if not kept:
                raise Cancelled()
            if dataset.kind == Dataset.Kind.CUSTOM_TAGS:
                dataset.version = version
                custom.show(dataset)
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
        if dataset.kind == Dataset.Kind.CUSTOM_TAGS:
            custom.publish(dataset)
        _drop_old(dataset, version)
        _tell(dataset.pk)
        return {"rows": result.rows, "users": result.users, "version": version}

    def on_failed(self, job: JobContext, error: DomainError) -> None:
        """The last good version stays in use; nothing is left of the one that was not finished."""
        dataset = Dataset.objects.filter(pk=job.params["dataset"]).first()
        if dataset is None:
            services.drop_tables(job.workspace, job.params.get("source", LAKE), job.params["dataset"])
            return
        found = {"state": Dataset.State.FAILED, "error": str(error), "error_code": error.code[:64]}
        if error.code == Cancelled.code:
            settled = Dataset.State.READY if dataset.version else Dataset.State.NEW
            found = {"state": settled, "error": "", "error_code": ""}
        Dataset.objects.filter(pk=dataset.pk).update(**found)
        unfinished = f"{dataset.pk}_v{dataset.version + 1}"
        storage.drop(
            job.workspace, dataset.source, lambda table: table in (unfinished, naming.table_of(unfinished))
        )


@register
class RefreshDatasetPeriodically(ScheduledUpdate, RefreshDataset):
    """A refresh by schedule."""

    kind = "dataset.refresh_periodic"
    label = gettext_lazy("Periodic refresh of a dataset")


def _tell(key: str) -> None:
    """Let others follow the new version. Whatever comes of that, the version is good."""
    dataset = Dataset.objects.select_related("workspace").filter(pk=key).first()
    for follow in services.followers if dataset is not None else ():
        try:
            follow(dataset)
        except Exception:
            log.exception("Something could not follow the dataset %s.", key)


def _drop_old(dataset: Dataset, version: int) -> None:
    """Readers of the version before may still be at work; those before it are free."""
    name = re.compile(rf"{dataset.pk}_v(\d+)(_values_.*)?")

    def is_old(table: str) -> bool:
        found = name.fullmatch(table)
        age = version - int(found[1]) if found else 0
        return age >= KEPT_VERSIONS or (age == 1 and bool(found and found[2]))

    storage.drop(dataset.workspace, dataset.source, is_old)
