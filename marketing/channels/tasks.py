"""Celery entry points of channels."""

from __future__ import annotations

from celery import shared_task

from marketing.channels import calls, health


@shared_task
def check_providers() -> int:
    """Try every provider that is in use."""
    return health.check_all()


@shared_task
def forget_calls() -> int:
    return calls.forget()
