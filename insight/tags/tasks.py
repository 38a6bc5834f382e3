"""Celery entry points of tags."""

from __future__ import annotations

from celery import shared_task

from insight.tags import services


@shared_task
def start_due_refreshes() -> int:
    return services.start_all_due()
