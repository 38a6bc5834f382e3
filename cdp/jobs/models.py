"""The job row."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from cdp.core.models import PrefixedIdField, ScopedQuerySet

LEASE = timedelta(seconds=30)


class Job(models.Model):
    """One piece of long work. `lease_until` is renewed by the worker; once past, the worker is taken for dead."""

    class Status(models.TextChoices):
        QUEUED = "queued", _("Queued")
        RUNNING = "running", _("Running")
        SUCCEEDED = "succeeded", _("Succeeded")
        FAILED = "failed", _("Failed")
        CANCELLED = "cancelled", _("Cancelled")

    ACTIVE = (Status.QUEUED, Status.RUNNING)
    TECHNICAL = "technical"
    """The level of the lines of the log that hold what an engine or driver said."""

    id = PrefixedIdField("job")
    workspace = models.ForeignKey(
        "organizations.Workspace",
        on_delete=models.CASCADE,
        related_name="+",
        null=True,
        verbose_name=_("workspace"),
    )
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        related_name="+",
        null=True,
        verbose_name=_("owner"),
    )
    kind = models.CharField(_("kind"), max_length=64)
    title = models.CharField(_("title"), max_length=200, blank=True)
    status = models.CharField(_("state"), max_length=10, choices=Status, default=Status.QUEUED)
    progress = models.PositiveSmallIntegerField(_("progress"), default=0)
    phase = models.CharField(_("phase"), max_length=200, blank=True)
    done = models.BigIntegerField(null=True)
    total = models.BigIntegerField(null=True)
    params = models.JSONField(default=dict)
    result = models.JSONField(null=True)
    error = models.TextField(_("error"), blank=True)
    error_code = models.CharField(max_length=64, blank=True)
    log = models.JSONField(default=list)
    subject_type = models.CharField(max_length=64, blank=True)
    subject_id = models.CharField(max_length=64, blank=True)
    gate = models.CharField(max_length=64, blank=True)
    dedupe_key = models.CharField(max_length=200, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    cancel_requested = models.BooleanField(default=False)
    run_token = models.CharField(max_length=32, blank=True)
    lease_until = models.DateTimeField(null=True)
    not_before = models.DateTimeField(null=True)
    dispatched_at = models.DateTimeField(null=True)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    started_at = models.DateTimeField(_("started"), null=True)
    finished_at = models.DateTimeField(_("finished"), null=True)
    objects = ScopedQuerySet.as_manager()

    class Meta:
        verbose_name = _("job")
        ordering = ["-created_at", "-id"]
        indexes = [
            models.Index(fields=["workspace", "-created_at"]),
            models.Index(fields=["subject_type", "subject_id", "-created_at"]),
            models.Index(
                fields=["status", "lease_until"],
                name="jobs_active",
                condition=models.Q(status__in=["queued", "running"]),
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["workspace", "dedupe_key"],
                name="jobs_one_active_per_key",
                condition=models.Q(status__in=["queued", "running"]) & ~models.Q(dedupe_key=""),
            )
        ]

    def __str__(self) -> str:
        return self.title or self.kind

    @property
    def technical(self) -> str:
        """What the engine or driver said itself, for whoever has to mend it; it may quote data."""
        return "\n".join(line["text"] for line in self.log if line["level"] == self.TECHNICAL)

    def log_for(self, *, technical: bool) -> list[dict[str, Any]]:
        """The log, without the technical text for those whom it is not meant for."""
        return [line for line in self.log if technical or line["level"] != self.TECHNICAL]

    @property
    def is_active(self) -> bool:
        return self.status in self.ACTIVE

    @property
    def seconds(self) -> float | None:
        """How long it ran, or has been running."""
        if self.started_at is None:
            return None
        return ((self.finished_at or timezone.now()) - self.started_at).total_seconds()

    def for_page(self) -> dict[str, Any]:
        """What a page or API client sees of it."""
        return {
            "id": self.pk,
            "kind": self.kind,
            "title": str(self),
            "status": self.status,
            "progress": self.progress,
            "phase": self.phase,
            "done": self.done,
            "total": self.total,
            "result": self.result,
            "error": {"code": self.error_code, "detail": self.error} if self.error else None,
            "subject": {"type": self.subject_type, "id": self.subject_id} if self.subject_id else None,
            "attempts": self.attempts,
            "created_at": self.created_at.isoformat() if self.created_at else None,
            "started_at": self.started_at.isoformat() if self.started_at else None,
            "finished_at": self.finished_at.isoformat() if self.finished_at else None,
        }
