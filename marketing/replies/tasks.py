"""Celery entry points of replies."""

from __future__ import annotations

from celery import shared_task

from marketing.replies import uplink


@shared_task
def read_uplink() -> None:
    uplink.read_all()
