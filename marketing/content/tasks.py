"""Celery entry points of content."""

from __future__ import annotations

from celery import shared_task

from marketing.content import expiry, reviews


@shared_task
def check_reviews() -> None:
    reviews.check_due()
    reviews.check_due_signatures()


@shared_task
def warn_of_ends() -> None:
    expiry.warn()
