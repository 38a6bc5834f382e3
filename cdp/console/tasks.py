"""Celery entry points of the shell."""

from __future__ import annotations

from celery import shared_task

from cdp.console import visits


@shared_task
def forget_visits() -> int:
    return visits.forget_old()
