"""What is remembered of returned mails, longer than the ledgers of their send-outs."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from cdp.core.models import WorkspaceScoped


class ReturnPath(models.TextChoices):
    """Where undeliverable mail returns to. Random: an address per message, where the provider can have one."""

    RANDOM = "random", _("Random address")
    SENDER = "sender", _("Sender address")


class FailureReason(models.TextChoices):
    """What is known of an address after a mail."""

    GONE = "gone", _("The address does not exist")
    RETURNED = "returned", _("The mail came back")
    SPAM = "spam", _("Marked as spam")


class Bounce(WorkspaceScoped):
    """A mail that came back, or that somebody reported as spam: one row per message and kind, however often told."""

    class Kind(models.TextChoices):
        HARD = "hard", _("The address does not exist")
        SOFT = "soft", _("Could not be delivered this time")
        COMPLAINT = "complaint", _("Marked as spam")

    id = models.BigAutoField(primary_key=True)
    send_out = models.CharField(max_length=40)
    target_hash = models.CharField(max_length=64)
    kind = models.CharField(max_length=9, choices=Kind)
    code = models.CharField(max_length=64, blank=True)
    detail = models.CharField(max_length=500, blank=True)
    at = models.DateTimeField(auto_now_add=True)

    class Meta:
        indexes = [
            models.Index(fields=["workspace", "target_hash", "kind", "at"]),
            models.Index(fields=["at"]),
        ]
        constraints = [
            models.UniqueConstraint(fields=["send_out", "target_hash", "kind"], name="bounce_once")
        ]
