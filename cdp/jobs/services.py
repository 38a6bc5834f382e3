"""Starting, cancelling and retrying jobs."""

from __future__ import annotations

import logging
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone
from django.utils.translation import gettext as _
from kombu.exceptions import KombuError
from redis.exceptions import RedisError

from cdp.core import audit
from cdp.core.access import Access
from cdp.core.errors import Conflict, PermissionDenied
from cdp.jobs import live
from cdp.jobs.kinds import get_kind
from cdp.jobs.models import Job

log = logging.getLogger(__name__)


def start_job(
    kind: str,
    *,
    workspace: Any,
    access: Access | None = None,
    owner: Any = None,
    params: dict[str, Any] | None = None,
    subject: Any = None,
    title: object = "",
    dedupe_key: str = "",
) -> Job:
    """Queue a job and hand it to a worker once the surrounding transaction commits.

    With a `dedupe_key`, an active job of the workspace with the same key is returned instead of a second one.
    """
    definition = get_kind(kind)
    job = Job(
        kind=kind,
        workspace=workspace,
        owner=owner or (access.user if access else None),
        params=params or {},
        title=str(title or definition.label)[:200],
        gate=definition.gate,
        dedupe_key=dedupe_key,
    )
    if subject is not None:
        job.subject_type, job.subject_id = subject._meta.label_lower, str(subject.pk)
    try:
        with transaction.atomic():
            job.save(force_insert=True)
    except IntegrityError:
        active = Job.objects.filter(workspace=workspace, dedupe_key=dedupe_key, status__in=Job.ACTIVE).first()
        if active is None:
            raise
        return active
    transaction.on_commit(lambda: dispatch(job))
    return job


def dispatch(job: Job) -> None:
    """Send the job's message to its queue. Where the broker is away, a later tick sends it."""
    from cdp.jobs.tasks import run

    Job.objects.filter(pk=job.pk).update(dispatched_at=timezone.now())
    try:
        run.apply_async(args=[job.pk], queue=get_kind(job.kind).queue, retry=False)
    except (KombuError, RedisError, OSError) as error:
        log.warning("Job %s could not be sent to its queue: %s", job.pk, error)
        Job.objects.filter(pk=job.pk).update(dispatched_at=None)


def cancel_job(job: Job, access: Access | None = None) -> Job:
    """Cancel: a queued job ends at once, a running one at its next check."""
    from cdp.jobs.runner import finish_without_success

    if not job.is_active:
        raise Conflict(_("The job has already ended."), code="job_ended")
    queued = Job.objects.filter(pk=job.pk, status=Job.Status.QUEUED).update(
        status=Job.Status.CANCELLED, cancel_requested=True, finished_at=timezone.now(), phase=""
    )
    if not queued:
        Job.objects.filter(pk=job.pk, status=Job.Status.RUNNING).update(cancel_requested=True)
    job.refresh_from_db()
    if queued:
        finish_without_success(job)
    live.publish(job)
    audit.record(access, "job.cancelled", job, workspace=job.workspace)
    return job


def retry_job(job: Job, access: Access | None = None) -> Job:
    """Start the same work again as a new job."""
    if job.is_active:
        raise Conflict(_("The job is still active."), code="job_active")
    same = Job.objects.filter(
        workspace=job.workspace, dedupe_key=job.dedupe_key, status__in=Job.ACTIVE
    ).exclude(dedupe_key="")
    if same.exists():
        raise Conflict(_("The same work is under way already."), code="job_active")
    again = Job(
        kind=job.kind,
        workspace=job.workspace,
        owner=access.user if access else job.owner,
        params=job.params,
        title=job.title,
        gate=job.gate,
        subject_type=job.subject_type,
        subject_id=job.subject_id,
        dedupe_key=job.dedupe_key,
    )
    again.save(force_insert=True)
    transaction.on_commit(lambda: dispatch(again))
    audit.record(access, "job.retried", again, workspace=job.workspace)
    return again


def last_failure(subject: Any) -> Job | None:
    """The job of the subject that failed last."""
    rows = Job.objects.filter(subject_type=subject._meta.label_lower, subject_id=subject.pk)
    return rows.filter(status=Job.Status.FAILED).first()


def active_job(subject: Any) -> Job | None:
    """The newest active job of an object."""
    return Job.objects.filter(
        subject_type=subject._meta.label_lower, subject_id=str(subject.pk), status__in=Job.ACTIVE
    ).first()


def looks_after(job: Job, access: Access) -> bool:
    """Whether the job is the person's own, or that of a workspace they administer."""
    return access.is_admin or job.owner_id == access.user.pk


def check_owner(job: Job, access: Access) -> None:
    """Only the owner and administrators stop or repeat a job. Raises PermissionDenied."""
    if not looks_after(job, access):
        raise PermissionDenied(_("Only the person who started the job, or an administrator, can do this."))
