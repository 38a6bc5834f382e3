"""Celery entry points of datasets."""

from __future__ import annotations

from celery import shared_task

from insight.datasets import schedule


@shared_task
def start_due_refreshes() -> None:
    schedule.start_due()
