"""A workspace's identities: where pairs of IDs come from, what the runs found, and what people have decided."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from cdp.core.models import PrefixedIdField, TimeStamped, Versioned, WorkspaceScoped
from insight.oneid import limits


class IdentityGraph(WorkspaceScoped, TimeStamped, Versioned):
    """One per workspace. `version` is the last good run, whose lake tables are `<id>_v<version>_…`.

    `sources`: `{"kind": "dataset", "dataset", "columns"}` or `{"kind": "table", "table"}`. `owner` is whoever set it
    up last: runs read what they may read.
    """

    class State(models.TextChoices):
        NEW = "new", _("Not computed yet")
        RUNNING = "running", _("Being computed")
        READY = "ready", _("Ready")
        FAILED = "failed", _("Failed")

    id = PrefixedIdField("idg")
    sources: Any = models.JSONField(default=list)
    limits: Any = models.JSONField(default=dict)
    refresh: Any = models.JSONField(default=dict)
    next_run_at = models.DateTimeField(null=True, db_index=True)
    version = models.PositiveIntegerField(default=0)
    state = models.CharField(_("state"), max_length=8, choices=State, default=State.NEW)
    error = models.TextField(blank=True)
    stats: Any = models.JSONField(default=dict)
    basis: Any = models.JSONField(default=dict)
    """What the last good run was worked out from (see `reading`)."""
    refreshed_at = models.DateTimeField(_("computed"), null=True)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )

    class Meta:
        verbose_name = _("identities")
        constraints = [models.UniqueConstraint(fields=["workspace"], name="identity_graph_once")]

    def __str__(self) -> str:
        return str(_("Identities"))

    @property
    def full_limits(self) -> dict[str, Any]:
        return limits.complete(self.limits)

    def table(self, what: str, version: int | None = None) -> str:
        """The lake table of a part of a version: map, people, links, review, aliases, changes."""
        return f"{self.pk}_v{self.version if version is None else version}_{what}"


class IdentityRun(models.Model):
    """What one run found."""

    graph = models.ForeignKey(IdentityGraph, on_delete=models.CASCADE, related_name="runs")
    number = models.PositiveIntegerField(_("run"))
    stats: Any = models.JSONField(default=dict)
    seconds = models.FloatField(_("seconds"))
    created_at = models.DateTimeField(_("computed"), auto_now_add=True)

    class Meta:
        verbose_name = _("run")
        ordering = ["-number"]
        constraints = [models.UniqueConstraint(fields=["graph", "number"], name="identity_run_number")]

    def __str__(self) -> str:
        return f"{self.graph_id} v{self.number}"


class IdentityDecision(WorkspaceScoped, TimeStamped):
    """Somebody has joined two people, or told two apart; every run keeps to it until it is withdrawn.

    `first` and `second` hold IDs as `[ID type, encryption, value]`: of a merge one each, of a split all of both parts.
    """

    class Kind(models.TextChoices):
        MERGE = "merge", _("Merged by hand")
        SPLIT = "split", _("Split by hand")

    id = PrefixedIdField("idd")
    kind = models.CharField(_("kind"), max_length=5, choices=Kind)
    first: Any = models.JSONField(default=list)
    second: Any = models.JSONField(default=list)
    reason = models.CharField(_("reason"), max_length=200, blank=True)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    withdrawn_at = models.DateTimeField(_("withdrawn"), null=True)

    class Meta:
        verbose_name = _("decision")
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return str(self.get_kind_display())
