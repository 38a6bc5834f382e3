"""Celery entry points of webhooks."""

from __future__ import annotations

from celery import shared_task

from marketing.webhooks import services


@shared_task
def forget_calls() -> int:
    return services.forget_calls()
