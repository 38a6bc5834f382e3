"""Celery entry points of delivery."""

from __future__ import annotations

from celery import shared_task

from marketing.delivery import (
    approval,
    conversion,
    expiry,
    plans,
    receipts,
    report_queues,
    reviewing,
    schedule,
)
from marketing.delivery.bounces import applying, reading


@shared_task
def start_due_send_outs() -> None:
    reviewing.decide()
    plans.start_due()
    schedule.start_due()


@shared_task
def poll_receipts() -> None:
    receipts.poll_due()


@shared_task
def read_report_queues() -> None:
    report_queues.read_all()


@shared_task
def read_bounces() -> None:
    reading.read_all()


@shared_task
def delete_old_recipients() -> None:
    expiry.delete_old_recipients()
    applying.forget_old()


@shared_task
def void_changed_approvals() -> None:
    approval.void_changed()


@shared_task
def count_conversions() -> None:
    conversion.start_due()
