"""Omni-domain insight: the tag pack, what was pushed into the module, the quota, daily figures of tags, reports."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from cdp.core.models import PrefixedIdField, WorkspaceScoped


class TagPack(models.Model):
    """A library of tags about hashed IDs, installed for an organization. The newest ready one is used.

    `tags` are [{"tag", "name", "category", "values": [most frequent first]}]. `baseline` has, per tag and value, the
    share of everybody in the network who have it.
    """

    class State(models.TextChoices):
        INSTALLING = "installing", _("Installing")
        READY = "ready", _("Ready")
        FAILED = "failed", _("Failed")

    id = PrefixedIdField("omp")
    organization = models.ForeignKey("organizations.Organization", on_delete=models.CASCADE, related_name="+")
    number = models.PositiveIntegerField(_("version"))
    name = models.CharField(_("name"), max_length=64)
    licence = models.CharField(_("licence"), max_length=200, blank=True)
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.INSTALLING)
    tags: Any = models.JSONField(default=list)
    baseline: Any = models.JSONField(default=dict)
    id_columns: Any = models.JSONField(default=list, help_text='["mac_md5", …]: the IDs that the pack knows.')
    devices = models.BigIntegerField(_("devices"), default=0)
    installed_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    created_at = models.DateTimeField(_("installed"), auto_now_add=True)

    class Meta:
        verbose_name = _("tag pack")
        ordering = ["-number"]
        constraints = [
            models.UniqueConstraint(fields=["organization", "number"], name="omni_pack_number_unique")
        ]

    def __str__(self) -> str:
        return f"{self.name} ({self.number})"

    @property
    def table(self) -> str:
        """One row per device: `device`, the hashed IDs, a text column per tag."""
        return f"pack_v{self.number}"

    @property
    def ids_table(self) -> str:
        """(id_type, form, id, device)."""
        return f"pack_ids_v{self.number}"

    def tag(self, key: str) -> dict[str, Any] | None:
        found: dict[str, Any] | None = next((item for item in self.tags if item["tag"] == key), None)
        return found


class Intake(WorkspaceScoped):
    """What one push brought in: how many IDs, how many of them the pack knows, how many were new to the organization.

    The last one of an audience is `current`: its people belong to the population.
    """

    class State(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        RECOGNISED = "recognised", _("Recognised")
        FAILED = "failed", _("Failed")

    id = models.BigAutoField(primary_key=True)
    push = models.CharField(max_length=40, unique=True)
    audience = models.CharField(max_length=40)
    audience_name = models.CharField(_("audience"), max_length=64)
    current = models.BooleanField(default=True)
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.WAITING)
    pushed = models.BigIntegerField(_("pushed"), default=0)
    recognised = models.BigIntegerField(_("recognised"), default=0)
    fresh = models.BigIntegerField(_("new"), default=0)
    devices = models.BigIntegerField(_("people"), default=0)
    created_at = models.DateTimeField(_("when"), auto_now_add=True)

    class Meta:
        verbose_name = _("intake")
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return f"{self.audience_name} {self.created_at:%Y-%m-%d}"

    @property
    def given_table(self) -> str:
        """(id_type, form, id): everything that was pushed, hashed."""
        return f"omni_in_{self.push}"

    @property
    def people_table(self) -> str:
        """`device`: the people of the audience whom the pack knows."""
        return f"omni_people_{self.push}"


class Quota(models.Model):
    """A number of IDs that the organization may bring in, from a day to a day."""

    id = PrefixedIdField("omq")
    organization = models.ForeignKey("organizations.Organization", on_delete=models.CASCADE, related_name="+")
    amount = models.PositiveBigIntegerField(_("IDs"))
    valid_from = models.DateField(_("valid from"))
    valid_to = models.DateField(_("valid to"))
    note = models.CharField(_("note"), max_length=200, blank=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    created_at = models.DateTimeField(_("added"), auto_now_add=True)

    class Meta:
        verbose_name = _("quota")
        ordering = ["valid_to", "created_at"]

    def __str__(self) -> str:
        return f"{self.amount} – {self.valid_to}"


class TagDay(WorkspaceScoped):
    """A tag on a day: people of the population who have a value, people per value, and its uses until then."""

    id = models.BigAutoField(primary_key=True)
    tag = models.CharField(max_length=64)
    day = models.DateField()
    people = models.BigIntegerField()
    values: Any = models.JSONField(default=dict)
    uses = models.BigIntegerField(default=0)

    class Meta:
        ordering = ["day"]
        constraints = [models.UniqueConstraint(fields=["workspace", "tag", "day"], name="omni_tag_day_once")]


class TagUse(WorkspaceScoped):
    """How often a tag was selected or looked at."""

    id = models.BigAutoField(primary_key=True)
    tag = models.CharField(max_length=64)
    count = models.BigIntegerField(default=0)

    class Meta:
        constraints = [models.UniqueConstraint(fields=["workspace", "tag"], name="omni_tag_use_once")]


class InsightReport(WorkspaceScoped):
    """Charts as they were when they were saved. `definition` says what was looked at, `result` has the numbers."""

    id = PrefixedIdField("omr")
    name = models.CharField(_("name"), max_length=64)
    public = models.BooleanField(_("public"), default=False)
    definition: Any = models.JSONField(default=dict)
    result: Any = models.JSONField(default=dict)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    created_at = models.DateTimeField(_("saved"), auto_now_add=True)

    class Meta:
        verbose_name = _("insight report")
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return self.name
