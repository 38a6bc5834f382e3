"""Celery entry points of replies."""

from __future__ import annotations

from celery import shared_task

from marketing.replies import returning, uplink


@shared_task
def read_uplink() -> None:
    uplink.read_all()


@shared_task
def write_returned() -> None:
    returning.write_all()
