"""Claiming a job, running it, and writing down how it ended.

A claim is one conditional update: two workers with the same message cannot both run it. The claim is a lease that a
thread renews; when a worker dies the lease runs out, and `recover_lost` queues the job again.
"""

from __future__ import annotations

import logging
import threading
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from django.db import InterfaceError, OperationalError, close_old_connections, connection, transaction
from django.db.models import F, Q
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from redis.exceptions import RedisError

from cdp.core import locks, metrics
from cdp.core.errors import Cancelled, DomainError
from cdp.core.languages import language_of
from cdp.core.logs import correlation_id
from cdp.jobs import live
from cdp.jobs.kinds import JobContext, get_kind
from cdp.jobs.models import LEASE, Job
from cdp.jobs.notices import notify_ended

log = logging.getLogger(__name__)
RENEW_SECONDS = LEASE.total_seconds() / 4
REDISPATCH_AFTER = timedelta(seconds=60)
SERVICE_AWAY = (OperationalError, InterfaceError, RedisError)
"""PostgreSQL or Redis was restarted, or cut a connection: the work is done again, as after a worker's death."""


def run_job(job_id: str) -> None:
    """Run one job to its end, unless another worker has it, it has ended, or its gate is full."""
    job = _claim(job_id)
    if job is None:
        return
    marker = correlation_id.set(job.pk)
    language = language_of(job.owner)
    context = JobContext(job)
    try:
        with translation.override(language), _lease(job):
            _run(job, context)
    finally:
        correlation_id.reset(marker)
        if job.gate:
            _start_next(job)


def _claim(job_id: str) -> Job | None:
    token = uuid.uuid4().hex
    now = timezone.now()
    with transaction.atomic():
        job = (
            Job.objects.select_for_update(of=("self",))
            .select_related("workspace", "owner")
            .filter(pk=job_id)
            .first()
        )
        if job is None or job.status != Job.Status.QUEUED or (job.not_before and job.not_before > now):
            return None
        if job.gate and not _gate_has_room(job):
            return None
        job.status, job.run_token, job.lease_until = Job.Status.RUNNING, token, now + LEASE
        job.started_at, job.attempts, job.phase = job.started_at or now, job.attempts + 1, ""
        job.save(update_fields=["status", "run_token", "lease_until", "started_at", "attempts", "phase"])
    live.publish(job)
    return job


def _gate_has_room(job: Job) -> bool:
    """Whether the workspace may run one more job of this gate; a job that must wait says so."""
    limit = get_kind(job.kind).gate_limit(job.workspace)
    # Two workers must not both take the last place of a gate.
    locks.hold(f"gate:{job.workspace_id}:{job.gate}")
    waiting = Job.objects.filter(workspace=job.workspace, gate=job.gate)
    running = waiting.filter(status=Job.Status.RUNNING).count()
    if running < limit:
        return True
    place = waiting.filter(status=Job.Status.QUEUED, created_at__lt=job.created_at).count() + 1
    phase = _("Waiting for a free place: number %(place)d in the queue, %(limit)d run at once") % {
        "place": place,
        "limit": limit,
    }
    Job.objects.filter(pk=job.pk).update(phase=phase[:200], dispatched_at=timezone.now())
    return False


def _start_next(ended: Job) -> None:
    """Hand the freed place of a gate to the job that has waited longest."""
    from cdp.jobs.services import dispatch

    following = (
        Job.objects.filter(workspace=ended.workspace_id, gate=ended.gate, status=Job.Status.QUEUED)
        .order_by("created_at")
        .first()
    )
    if following:
        dispatch(following)


def _run(job: Job, context: JobContext) -> None:
    kind = get_kind(job.kind)
    try:
        result = kind.run(context)
        context.flush()
    except Cancelled:
        if _still_mine(job):
            _end(job, context, Job.Status.CANCELLED, error=Cancelled())
    except DomainError as error:
        _try_again_or_fail(job, context, error)
    except SERVICE_AWAY as reason:
        log.warning("Job %s (%s) lost the database or Redis.", job.pk, job.kind, exc_info=True)
        close_old_connections()
        error = DomainError(
            _("The database or the message queue could not be reached."),
            code="service_away",
            status=503,
            retryable=True,
            reason=str(reason),
        )
        _try_again_or_fail(job, context, error)
    except Exception:
        log.exception("Job %s (%s) failed.", job.pk, job.kind)
        error = DomainError(
            _("An unexpected error stopped the work. Nothing half-done was kept. Reference: %(id)s")
            % {"id": job.pk},
            code="internal_error",
        )
        _end(job, context, Job.Status.FAILED, error=error)
    else:
        _end(job, context, Job.Status.SUCCEEDED, result=result)


def _try_again_or_fail(job: Job, context: JobContext, error: DomainError) -> None:
    delay = get_kind(job.kind).wait(job.attempts, error)
    if delay is not None:
        _postpone(job, context, error, delay)
        return
    if reason := error.extra.get("reason"):
        context.log(reason, level=Job.TECHNICAL)
    _end(job, context, Job.Status.FAILED, error=error)


def _still_mine(job: Job) -> bool:
    return Job.objects.filter(pk=job.pk, run_token=job.run_token, status=Job.Status.RUNNING).exists()


def _postpone(job: Job, context: JobContext, error: DomainError, delay: float) -> None:
    context.log(
        _("%(error)s Trying again in %(seconds)d s.") % {"error": error, "seconds": delay}, level="warning"
    )
    context.flush()
    Job.objects.filter(pk=job.pk, run_token=job.run_token).update(
        status=Job.Status.QUEUED,
        run_token="",
        lease_until=None,
        not_before=timezone.now() + timedelta(seconds=delay),
        dispatched_at=None,
        phase=str(error)[:200],
    )


def _end(
    job: Job,
    context: JobContext,
    status: Job.Status,
    *,
    result: dict[str, object] | None = None,
    error: DomainError | None = None,
) -> None:
    context.flush()
    values: dict[str, object] = {
        "status": status,
        "finished_at": timezone.now(),
        "lease_until": None,
        "phase": "",
        "result": result,
        "error": str(error) if error else "",
        "error_code": error.code if error else "",
    }
    if status == Job.Status.SUCCEEDED:
        values["progress"] = 100
    mine = Job.objects.filter(pk=job.pk, run_token=job.run_token, status=Job.Status.RUNNING).update(**values)
    if not mine:
        return
    for name, value in values.items():
        setattr(job, name, value)
    metrics.JOBS.labels(job.kind, status).inc()
    if error:
        _tell_kind(job, context, error)
    live.publish(job)
    notify_ended(job)


def finish_without_success(job: Job) -> None:
    """Tell the kind that a job ended without having run to its end (cancelled while queued, or its worker lost)."""
    _tell_kind(
        job, JobContext(job), DomainError(job.error or Cancelled(), code=job.error_code or "cancelled")
    )


def _tell_kind(job: Job, context: JobContext, error: DomainError) -> None:
    try:
        get_kind(job.kind).on_failed(context, error)
    except Exception:
        log.exception("on_failed of job %s (%s) failed.", job.pk, job.kind)


@contextmanager
def _lease(job: Job) -> Iterator[None]:
    """Renews the lease from a thread of its own, so that long engine calls do not look like a dead worker."""
    stop = threading.Event()

    def renew() -> None:
        while not stop.wait(RENEW_SECONDS):
            try:
                Job.objects.filter(pk=job.pk, run_token=job.run_token).update(
                    lease_until=timezone.now() + LEASE
                )
            except Exception:
                log.warning("The lease of job %s could not be renewed.", job.pk, exc_info=True)
            finally:
                close_old_connections()
        connection.close()

    thread = threading.Thread(target=renew, name=f"lease-{job.pk}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(timeout=5)


def recover_lost() -> int:
    """Queue again what a dead worker held, or fail it after its last attempt; send lost messages once more."""
    from cdp.jobs.services import dispatch

    now = timezone.now()
    for job in Job.objects.filter(status=Job.Status.RUNNING, lease_until__lt=now).select_related(
        "workspace", "owner"
    ):
        _recover(job)
    due = Q(not_before__isnull=True) | Q(not_before__lte=now)
    stale = Q(dispatched_at__isnull=True) | Q(dispatched_at__lt=now - REDISPATCH_AFTER)
    lost = list(
        Job.objects.filter(
            due & stale, status=Job.Status.QUEUED, created_at__lt=now - timedelta(seconds=5)
        ).order_by(F("created_at").asc())[:200]
    )
    for job in lost:
        dispatch(job)
    return len(lost)


def _recover(job: Job) -> None:
    last = job.attempts >= get_kind(job.kind).max_attempts
    values: dict[str, object] = (
        {
            "status": Job.Status.FAILED,
            "finished_at": timezone.now(),
            "error": _("The worker was lost %(count)d times. Nothing half-done was kept; start it again.")
            % {"count": job.attempts},
            "error_code": "worker_lost",
        }
        if last
        else {
            "status": Job.Status.QUEUED,
            "dispatched_at": None,
            "phase": _("The worker was lost; starting again"),
        }
    )
    changed = Job.objects.filter(
        pk=job.pk, run_token=job.run_token, status=Job.Status.RUNNING, lease_until__lt=timezone.now()
    ).update(run_token="", lease_until=None, **values)
    if not changed:
        return
    job.refresh_from_db()
    log.warning("Job %s (%s) lost its worker (attempt %d).", job.pk, job.kind, job.attempts)
    if last:
        metrics.JOBS.labels(job.kind, job.status).inc()
        finish_without_success(job)
        notify_ended(job)
    live.publish(job)
