"""Jobs and scheduled work of item pools."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import Any

from celery import shared_task
from django.conf import settings
from django.db.models import Exists, F, OuterRef
from django.utils import timezone
from django.utils.translation import gettext_lazy

from cdp.core.errors import DomainError
from cdp.jobs import JobContext, JobKind, register
from cdp.warehouse import get_engine
from insight.items import computing
from insight.items.models import ItemPoolVersion
from insight.items.services import COMPUTE

log = logging.getLogger(__name__)


@register
class ComputeItemPool(JobKind):
    kind = COMPUTE
    label = gettext_lazy("Compute item pool")
    queue = "compute"

    def run(self, job: JobContext) -> dict[str, Any]:
        version = computing.compute(job.params["pool"], job)
        return {"pool": version.pool_id, "version": version.number, "count": version.count}

    def on_failed(self, job: JobContext, error: DomainError) -> None:
        computing.failed(job.params["pool"], job.row, error)


@shared_task
def drop_old_versions() -> int:
    """Drop the tables of versions that have not been current for longer than the time kept; the figures stay."""
    limit = timezone.now() - timedelta(days=settings.LAKE_VERSION_DAYS)
    later = ItemPoolVersion.objects.filter(
        pool=OuterRef("pool"), number__gt=OuterRef("number"), created_at__lt=limit
    )
    old = ItemPoolVersion.objects.filter(Exists(later), dropped_at__isnull=True)
    dropped = 0
    for version in old.exclude(pool__current_id=F("pk")).iterator():
        try:
            get_engine(version.source).drop(version.workspace_id, version.table_name)
        except DomainError:
            log.exception("Version %s could not be dropped; the next run tries again.", version.pk)
            continue
        ItemPoolVersion.objects.filter(pk=version.pk).update(dropped_at=timezone.now())
        dropped += 1
    return dropped
