"""Celery entry points of content."""

from __future__ import annotations

from celery import shared_task

from marketing.content import reviews


@shared_task
def check_reviews() -> None:
    reviews.check_due()
