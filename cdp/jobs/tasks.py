"""Celery entry points of jobs."""

from __future__ import annotations

from celery import shared_task

from cdp.jobs import runner


@shared_task
def run(job_id: str) -> None:
    runner.run_job(job_id)


@shared_task
def tick() -> None:
    """Every few seconds: bring back jobs whose worker died and messages that got lost."""
    runner.recover_lost()
