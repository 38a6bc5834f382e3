"""Celery entry points of delivery."""

from __future__ import annotations

from celery import shared_task

from marketing.delivery import approval, conversion, expiry, receipts, schedule


@shared_task
def start_due_send_outs() -> None:
    schedule.start_due()


@shared_task
def poll_receipts() -> None:
    receipts.poll_due()


@shared_task
def delete_old_recipients() -> None:
    expiry.delete_old_recipients()


@shared_task
def void_changed_approvals() -> None:
    approval.void_changed()


@shared_task
def count_conversions() -> None:
    conversion.start_due()
