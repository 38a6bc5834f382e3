"""Celery entry points of datasets."""

from __future__ import annotations

from celery import shared_task

from insight.datasets import schedule, tag_uses


@shared_task
def start_due_refreshes() -> None:
    schedule.start_due()


@shared_task
def forget_tag_uses() -> int:
    return tag_uses.forget_old()
