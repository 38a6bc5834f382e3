"""Celery entry points of message events."""

from __future__ import annotations

from celery import shared_task

from marketing.outcomes import jobs


@shared_task
def start_due_runs() -> None:
    jobs.start_due()
