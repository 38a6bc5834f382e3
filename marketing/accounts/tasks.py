"""Celery entry points of accounts."""

from __future__ import annotations

from celery import shared_task

from marketing.accounts import services


@shared_task
def check_accounts() -> int:
    return services.check_all()
