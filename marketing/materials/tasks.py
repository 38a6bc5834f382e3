"""Celery entry points of materials."""

from __future__ import annotations

from celery import shared_task

from marketing.materials import services


@shared_task
def expire() -> None:
    while services.expire() == services.EXPIRY_BATCH:
        pass
