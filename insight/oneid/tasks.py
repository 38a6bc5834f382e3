"""Periodic work of identities."""

from __future__ import annotations

from celery import shared_task

from insight.oneid import services


@shared_task
def start_due_runs() -> None:
    services.start_due()
