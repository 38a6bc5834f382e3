"""Keeping the audit log at its length."""

from __future__ import annotations

from datetime import timedelta

from celery import shared_task
from django.utils import timezone

from admin_center.audit.models import AuditEntry

KEPT = timedelta(days=731)
ROWS = 10_000


@shared_task
def drop_old_entries() -> int:
    """Delete entries older than 24 months, in pieces; returns how many."""
    dropped = 0
    old = AuditEntry.objects.filter(at__lt=timezone.now() - KEPT).order_by("at")
    while ids := list(old.values_list("pk", flat=True)[:ROWS]):
        dropped += AuditEntry.objects.filter(pk__in=ids).delete()[0]
    return dropped
