"""Celery entry points of the lake."""

from __future__ import annotations

from celery import shared_task

from cdp.lake import tables


@shared_task
def maintenance() -> None:
    tables.maintenance()
