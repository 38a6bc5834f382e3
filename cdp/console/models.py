"""What the shell itself remembers: notices for people, and which pages they use."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from cdp.core.models import PrefixedIdField, WorkspaceScoped


class Notification(WorkspaceScoped):
    """A notice in a person's message centre."""

    class Level(models.TextChoices):
        SUCCESS = "success", _("Done")
        WARNING = "warning", _("Mind")
        ERROR = "error", _("Failed")

    id = PrefixedIdField("ntc")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    level = models.CharField(max_length=8, choices=Level, default=Level.SUCCESS)
    title = models.CharField(_("title"), max_length=200)
    text = models.TextField(_("text"), blank=True)
    url = models.CharField(max_length=300, blank=True)
    created_at = models.DateTimeField(_("received"), auto_now_add=True)
    read_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("notice")
        ordering = ["-created_at"]
        indexes = [models.Index(fields=["user", "workspace", "read_at", "-created_at"])]

    def __str__(self) -> str:
        return self.title


class PageVisit(WorkspaceScoped):
    """How often and when last a person used a page of the navigation on a day of the workspace's calendar."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    url_name = models.CharField(max_length=100)
    day = models.DateField()
    visits = models.PositiveIntegerField(default=1)
    last_at = models.DateTimeField(auto_now=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["user", "workspace", "url_name", "day"], name="page_visit_once_a_day"
            )
        ]
        indexes = [models.Index(fields=["day"], name="page_visit_day")]
