"""Item pools: named sets of items, chosen by conditions over one item-tag dataset and computed into versions."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from cdp.core.models import PrefixedIdField, TimeStamped, Versioned, WorkspaceScoped
from insight.datasets.models import Dataset


class ItemPool(WorkspaceScoped, TimeStamped, Versioned):
    """A described set of items. `current` is its latest good version: it stays usable until the next one is whole."""

    class State(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        RUNNING = "running", _("Computing")
        SUCCEEDED = "succeeded", _("Ready")
        FAILED = "failed", _("Failed")

    id = PrefixedIdField("pool")
    name = models.CharField(_("name"), max_length=64)
    remark = models.CharField(_("remark"), max_length=500, blank=True)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        related_name="+",
        verbose_name=_("owner"),
    )
    dataset = models.ForeignKey(
        Dataset, on_delete=models.PROTECT, related_name="item_pools", verbose_name=_("dataset")
    )
    rule: Any = models.JSONField(_("conditions"))
    builder: Any = models.JSONField(
        null=True, help_text="The conditions as the editor had them, with those that are left out for now."
    )
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.WAITING)
    reason = models.TextField(_("reason"), blank=True)
    reason_code = models.CharField(max_length=64, blank=True)
    count = models.BigIntegerField(_("items"), null=True)
    version = models.PositiveIntegerField(_("version"), default=0)
    numbers_used = models.PositiveIntegerField(
        default=0,
        help_text="Last version number given out: each attempt has its own, so two can never share a table.",
    )
    current = models.ForeignKey(
        "ItemPoolVersion",
        on_delete=models.SET_NULL,
        null=True,
        related_name="+",
        verbose_name=_("current version"),
    )
    refreshed_at = models.DateTimeField(_("updated"), null=True)

    class Meta:
        verbose_name = _("item pool")
        verbose_name_plural = _("item pools")
        ordering = ["-updated_at", "-id"]
        constraints = [models.UniqueConstraint(fields=["workspace", "name"], name="item_pool_name_unique")]

    def __str__(self) -> str:
        return self.name

    @property
    def is_busy(self) -> bool:
        return self.state in (self.State.WAITING, self.State.RUNNING)


class ItemPoolVersion(WorkspaceScoped):
    """The items at one moment, (item_id, item_name) in the table `table_name`. Never changed once written."""

    id = PrefixedIdField("poolv")
    pool = models.ForeignKey(ItemPool, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField(_("version"))
    source = models.CharField(_("data source"), max_length=64, default="lake")
    table_name = models.CharField(max_length=80)
    count = models.BigIntegerField(_("items"))
    rule: Any = models.JSONField()
    dataset = models.ForeignKey(Dataset, on_delete=models.SET_NULL, null=True, related_name="+")
    dataset_version = models.PositiveIntegerField()
    as_of = models.DateField(_("computed for the day"))
    seconds = models.FloatField(null=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    dropped_at = models.DateTimeField(null=True, help_text="When the table was dropped; the figures stay.")

    class Meta:
        verbose_name = _("item pool version")
        ordering = ["-number"]
        constraints = [models.UniqueConstraint(fields=["pool", "number"], name="item_pool_version_number")]

    def __str__(self) -> str:
        return f"{self.pool_id} v{self.number}"
