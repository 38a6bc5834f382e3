"""Who changed, exported or saw what, and when."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from admin_center.organizations.models import Organization
from cdp.core.models import PrefixedIdField, WorkspaceScoped


class Via(models.TextChoices):
    """What a change came through."""

    CONSOLE = "console", _("Console")
    API = "api", _("API")
    SYSTEM = "system", _("Background work")


class AuditEntry(models.Model):
    """One change. Written once, never edited; `actor_name` and `object_name` outlive what they name."""

    id = PrefixedIdField("log")
    organization = models.ForeignKey(
        Organization, on_delete=models.CASCADE, related_name="+", null=True, verbose_name=_("organization")
    )
    workspace = models.ForeignKey(
        "organizations.Workspace",
        on_delete=models.SET_NULL,
        related_name="+",
        null=True,
        verbose_name=_("workspace"),
    )
    at = models.DateTimeField(_("time"), auto_now_add=True)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        related_name="+",
        null=True,
        verbose_name=_("person"),
    )
    actor_name = models.CharField(_("person"), max_length=150, blank=True)
    via = models.CharField(_("through"), max_length=8, choices=Via, default=Via.SYSTEM)
    ip = models.GenericIPAddressField(_("IP address"), null=True)
    action = models.CharField(_("action"), max_length=64)
    object_type = models.CharField(_("object type"), max_length=64, blank=True)
    object_id = models.CharField(_("object ID"), max_length=64, blank=True)
    object_name = models.CharField(_("object"), max_length=200, blank=True)
    before: Any = models.JSONField(_("before"), default=dict)
    after: Any = models.JSONField(_("after"), default=dict)
    detail: Any = models.JSONField(_("detail"), default=dict)
    correlation_id = models.CharField(max_length=64, blank=True)

    class Meta:
        verbose_name = _("audit entry")
        verbose_name_plural = _("audit entries")
        ordering = ["-at", "-id"]
        indexes = [
            models.Index(fields=["workspace", "-at"]),
            models.Index(fields=["organization", "-at"]),
            models.Index(fields=["object_type", "object_id", "-at"]),
            models.Index(fields=["at"]),
        ]

    def __str__(self) -> str:
        return f"{self.action}: {self.object_name}" if self.object_name else self.action


class DownloadLog(WorkspaceScoped):
    """One file that left the platform."""

    id = PrefixedIdField("dl")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        related_name="+",
        null=True,
        verbose_name=_("person"),
    )
    at = models.DateTimeField(_("time"), auto_now_add=True)
    object_type = models.CharField(_("object type"), max_length=64, blank=True)
    object_id = models.CharField(_("object ID"), max_length=64, blank=True)
    object_name = models.CharField(_("object"), max_length=200, blank=True)
    file_format = models.CharField(_("format"), max_length=10, default="csv")
    rows = models.BigIntegerField(_("rows"), null=True)
    unmasked = models.BooleanField(_("unmasked"), default=False)
    ip = models.GenericIPAddressField(_("IP address"), null=True)

    class Meta:
        verbose_name = _("download")
        verbose_name_plural = _("downloads")
        ordering = ["-at", "-id"]
        indexes = [models.Index(fields=["workspace", "-at"])]

    def __str__(self) -> str:
        return self.object_name
