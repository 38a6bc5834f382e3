"""Jobs and scheduled work of audiences."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Any

from celery import shared_task
from django.conf import settings
from django.db import transaction
from django.db.models import Exists, F, OuterRef
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from cdp.core.errors import DomainError, NotFound
from cdp.core.timezones import zone
from cdp.jobs import JobContext, JobKind, register
from cdp.jobs.services import active_job
from cdp.warehouse import get_engine
from insight.audiences import combining, datasets_first, refreshing
from insight.audiences.models import Audience, AudienceVersion
from insight.audiences.schedule import parse_policy
from insight.datasets.jobs import ScheduledUpdate

log = logging.getLogger(__name__)
RETRY = timedelta(hours=1)


@register
class RefreshAudience(JobKind):
    """A refresh that somebody asked for."""

    kind = refreshing.MANUAL
    label = gettext_lazy("Refresh audience")
    queue = "compute"
    version_kind = AudienceVersion.Kind.MANUAL

    def run(self, job: JobContext) -> dict[str, Any]:
        audience = Audience.objects.in_workspace(job.workspace).filter(pk=job.params["audience"]).first()
        if audience is None:
            raise NotFound(_("The audience has been deleted meanwhile."))
        if job.params.get("datasets_first"):
            datasets_first.refresh(audience, job)
        for source in combining.sources_first(audience):
            job.log(_("First “%(name)s”, which this audience is made from.") % {"name": source.name})
            try:
                refreshing.compute(source, job, self.version_kind)
            except DomainError as error:
                refreshing.failed(source.pk, job.row, error)
                raise
        version = refreshing.compute(audience, job, self.version_kind)
        if version is None:
            return {"audience": audience.pk, "superseded": True}
        return {
            "audience": audience.pk,
            "version": version.number,
            "count": version.count,
            "joined": version.joined,
            "left": version.left,
        }

    def on_failed(self, job: JobContext, error: DomainError) -> None:
        refreshing.failed(job.params["audience"], job.row, error)


@register
class RefreshAudiencePeriodically(ScheduledUpdate, RefreshAudience):
    """A refresh by schedule: the workspace's limit decides how many run at once."""

    kind = refreshing.PERIODIC
    label = gettext_lazy("Periodic refresh of an audience")
    version_kind = AudienceVersion.Kind.PERIODIC


@shared_task
def start_due_refreshes() -> int:
    """Start what is due. After a time of standstill each audience is refreshed once, not once per missed time.

    Each on its own: one that cannot be started is tried again in an hour and stops no other.
    """
    started, now = 0, timezone.now()
    for key in Audience.objects.filter(next_refresh_at__lte=now).values_list("pk", flat=True):
        try:
            with transaction.atomic():
                started += _start(key, now)
        except Exception:
            log.exception("The refresh of %s could not be started.", key)
            Audience.objects.filter(pk=key).update(next_refresh_at=now + RETRY)
    return started


def _start(key: str, now: datetime) -> bool:
    rows = Audience.objects.select_for_update(of=("self",), skip_locked=True)
    audience = rows.filter(pk=key, next_refresh_at__lte=now).select_related("workspace", "owner").first()
    if audience is None:
        return False
    policy = parse_policy(audience.refresh)
    following = policy.next_after(timezone.now(), zone(audience.workspace)) if policy else None
    Audience.objects.filter(pk=audience.pk).update(next_refresh_at=following)
    if policy is None or audience.draft:
        return False
    if active_job(audience) is not None:
        log.warning("The refresh of %s is skipped: the one before is still running.", audience.pk)
        return False
    refreshing.request(
        None, audience, snapshot=policy.snapshot, periodic=True, datasets_first=policy.datasets_first
    )
    return True


@shared_task
def drop_old_versions() -> int:
    """Drop the members of versions that have not been current for longer than the time kept; snapshots stay."""
    limit = timezone.now() - timedelta(days=settings.LAKE_VERSION_DAYS)
    later = AudienceVersion.objects.filter(
        audience=OuterRef("audience"), number__gt=OuterRef("number"), created_at__lt=limit
    )
    old = (
        AudienceVersion.objects.filter(Exists(later), dropped_at__isnull=True, is_snapshot=False)
        .exclude(audience__current_id=F("pk"))
        .select_related("audience")
    )
    dropped = 0
    for version in old.iterator():
        try:
            get_engine(version.audience.source).drop(version.workspace_id, version.table_name)
        except DomainError:
            log.exception("Version %s could not be dropped; the next run tries again.", version.pk)
            continue
        AudienceVersion.objects.filter(pk=version.pk).update(dropped_at=timezone.now())
        dropped += 1
    return dropped
