"""How jobs run and end."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from cdp.core.errors import Conflict, DomainError, EngineError
from cdp.jobs import JobKind, cancel_job, retry_job, start_job
from cdp.jobs.models import Job
from cdp.jobs.runner import recover_lost, run_job
from tests.cdp.jobs.conftest import ended

RunJobs = Callable[..., list[Job]]


def probe(access: Any, wish: str = "succeed", kind: str = "test.probe", **options: Any) -> Job:
    return start_job(kind, workspace=access.workspace, access=access, params={"wish": wish}, **options)


def test_a_job_succeeds_with_its_result_and_full_progress(access: Any, run_jobs: RunJobs) -> None:
    probe(access)
    [job] = run_jobs()
    assert (job.status, job.progress, job.result) == (Job.Status.SUCCEEDED, 100, {"attempt": 1})
    assert [line["text"] for line in job.log] == ["Working"]


def test_a_domain_error_ends_it_with_the_message_for_the_person(access: Any, run_jobs: RunJobs) -> None:
    probe(access, "fail")
    [job] = run_jobs(allow_failure=True)
    assert (job.status, job.error, job.error_code) == (
        Job.Status.FAILED,
        "The table is gone.",
        "table_missing",
    )
    assert ended == [(job.pk, "table_missing")]


def test_a_defect_shows_a_reference_and_no_inner_text(access: Any, run_jobs: RunJobs) -> None:
    probe(access, "crash")
    [job] = run_jobs(allow_failure=True)
    assert job.status == Job.Status.FAILED
    assert job.pk in job.error
    assert "a defect" not in job.error


def test_a_retryable_error_waits_and_runs_again(access: Any, run_jobs: RunJobs) -> None:
    probe(access, "busy")
    [job] = run_jobs()
    assert job.result == {"attempt": 3}


def test_a_busy_engine_is_asked_again_after_one_five_and_fifteen_minutes() -> None:
    busy = EngineError(code="engine_busy", retryable=True)
    assert [JobKind().wait(attempt, busy) for attempt in (1, 2, 3, 4)] == [60, 300, 900, None]
    other = DomainError(retryable=True)
    assert [JobKind().wait(attempt, other) for attempt in (1, 2, 3)] == [2, 4, None]
    assert JobKind().wait(1, DomainError(code="auth_failed")) is None


def test_a_postponed_job_does_not_run_before_its_time(access: Any) -> None:
    job = probe(access, "busy")
    run_job(job.pk)
    job.refresh_from_db()
    assert job.status == Job.Status.QUEUED
    assert job.not_before > timezone.now()
    run_job(job.pk)
    job.refresh_from_db()
    assert job.attempts == 1


def test_cancelling_a_running_job_ends_it_at_its_next_check(access: Any, run_jobs: RunJobs) -> None:
    probe(access, "cancel")
    [job] = run_jobs()
    assert job.status == Job.Status.CANCELLED
    assert ended == [(job.pk, "cancelled")]


def test_cancelling_a_queued_job_ends_it_at_once(access: Any) -> None:
    job = cancel_job(probe(access), access)
    assert job.status == Job.Status.CANCELLED
    with pytest.raises(Conflict):
        cancel_job(job, access)


def test_a_run_that_lost_its_lease_writes_nothing(access: Any) -> None:
    job = probe(access, "lose")
    run_job(job.pk)
    job.refresh_from_db()
    assert job.status == Job.Status.RUNNING
    assert ended == []


def test_only_one_active_job_per_dedupe_key(access: Any, run_jobs: RunJobs) -> None:
    first = probe(access, dedupe_key="same")
    assert probe(access, dedupe_key="same").pk == first.pk
    run_jobs()
    assert probe(access, dedupe_key="same").pk != first.pk


def test_retrying_makes_a_new_job_with_the_same_work(access: Any, run_jobs: RunJobs) -> None:
    probe(access, "fail")
    [job] = run_jobs(allow_failure=True)
    again = retry_job(job, access)
    assert again.pk != job.pk
    assert again.params == job.params


def test_a_full_gate_makes_a_job_wait_and_say_its_place(access: Any) -> None:
    first, second = probe(access, kind="test.gated"), probe(access, kind="test.gated")
    Job.objects.filter(pk=first.pk).update(
        status=Job.Status.RUNNING, lease_until=timezone.now() + timedelta(hours=1)
    )
    run_job(second.pk)
    second.refresh_from_db()
    assert second.status == Job.Status.QUEUED
    assert "number 1" in second.phase


def test_a_job_of_a_dead_worker_is_queued_again(access: Any, run_jobs: RunJobs) -> None:
    job = probe(access)
    _die(job, attempts=1)
    recover_lost()
    job.refresh_from_db()
    assert job.status == Job.Status.QUEUED
    [job] = run_jobs()
    assert job.result == {"attempt": 2}


def test_after_the_last_attempt_a_lost_job_fails_and_its_kind_is_told(access: Any) -> None:
    job = probe(access)
    _die(job, attempts=3)
    recover_lost()
    job.refresh_from_db()
    assert (job.status, job.error_code) == (Job.Status.FAILED, "worker_lost")
    assert ended == [(job.pk, "worker_lost")]


def _die(job: Job, *, attempts: int) -> None:
    Job.objects.filter(pk=job.pk).update(
        status=Job.Status.RUNNING,
        run_token="dead",
        attempts=attempts,
        lease_until=timezone.now() - timedelta(seconds=1),
    )
