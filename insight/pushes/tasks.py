"""Periodic work of pushes."""

from __future__ import annotations

from celery import shared_task

from insight.pushes import services


@shared_task
def start_due_pushes() -> None:
    services.start_due()
