"""Celery entry points of materials."""

from __future__ import annotations

from celery import shared_task

from marketing.materials import expiry


@shared_task
def expire() -> None:
    expiry.warn()
    while expiry.expire() == expiry.BATCH:
        pass
