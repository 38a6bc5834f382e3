"""Audiences, their versions, and the folders they lie in.

The members of a version are a table in the lake; PostgreSQL holds what defines it and what is known of it.
"""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from cdp.core.identifiers import form_label
from cdp.core.models import (
    NestedFolder,
    PrefixedIdField,
    TimeStamped,
    Versioned,
    WorkspaceScoped,
    one_name_per_place,
)


class Folder(NestedFolder, TimeStamped):
    """A folder of audiences. Folders nest."""

    id = PrefixedIdField("fld")

    class Meta(NestedFolder.Meta):
        verbose_name_plural = _("folders")
        constraints = [one_name_per_place("audience_folder_name")]


class Audience(WorkspaceScoped, TimeStamped, Versioned):
    """A described set of users. `current` is its latest good version: it stays usable until the next one is whole."""

    class State(models.TextChoices):
        DRAFT = "draft", _("Not computed")
        WAITING = "waiting", _("Waiting")
        RUNNING = "running", _("Computing")
        SUCCEEDED = "succeeded", _("Ready")
        FAILED = "failed", _("Failed")

    id = PrefixedIdField("aud")
    name = models.CharField(_("name"), max_length=64)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        related_name="+",
        verbose_name=_("owner"),
    )
    origin = models.CharField(_("origin"), max_length=32, default="selection")
    origin_detail: Any = models.JSONField(default=dict, blank=True)
    rule: Any = models.JSONField(_("rule"), null=True, blank=True)
    rule_version = models.PositiveIntegerField(default=1)
    source = models.CharField(_("data source"), max_length=64, default="lake")
    user_id_type = models.CharField(_("user identifier"), max_length=16, blank=True)
    save_ids: Any = models.JSONField(_("saved IDs"), default=list, blank=True)
    ids_from = models.PositiveSmallIntegerField(
        _("whose IDs count"),
        default=1,
        help_text="Of a set operation: the place of the input whose saved IDs win where inputs disagree.",
    )
    folder = models.ForeignKey(
        Folder,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="audiences",
        verbose_name=_("folder"),
    )
    public = models.BooleanField(_("public"), default=False)
    remark = models.CharField(_("remark"), max_length=500, blank=True)
    limit = models.PositiveBigIntegerField(_("at most this many people"), null=True, blank=True)
    refresh: Any = models.JSONField(_("periodic refresh"), default=dict, blank=True)
    next_refresh_at = models.DateTimeField(_("next refresh"), null=True, blank=True)
    auto_snapshot = models.BooleanField(_("snapshot on each manual refresh"), default=False)
    draft = models.BooleanField(
        _("draft"), default=False, help_text="Kept to be finished later; nothing computes it meanwhile."
    )
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.DRAFT)
    reason = models.TextField(_("reason"), blank=True)
    reason_code = models.CharField(max_length=64, blank=True)
    count = models.BigIntegerField(_("people"), null=True)
    version = models.PositiveIntegerField(_("version"), default=0)
    numbers_used = models.PositiveIntegerField(
        default=0,
        help_text="Last version number given out: each attempt has its own, so two can never share a table.",
    )
    current = models.ForeignKey(
        "AudienceVersion",
        on_delete=models.SET_NULL,
        null=True,
        related_name="+",
        verbose_name=_("current version"),
    )
    refreshed_at = models.DateTimeField(_("refreshed"), null=True)

    class Meta:
        verbose_name = _("audience")
        verbose_name_plural = _("audiences")
        ordering = ["-updated_at", "-id"]
        indexes = [
            models.Index(fields=["workspace", "owner", "-updated_at"]),
            models.Index(fields=["workspace", "public", "-updated_at"]),
            models.Index(
                fields=["next_refresh_at"],
                condition=models.Q(next_refresh_at__isnull=False),
                name="audience_due",
            ),
        ]
        constraints = [
            models.UniqueConstraint(fields=["workspace", "owner", "name"], name="audience_name_per_owner"),
        ]

    def __str__(self) -> str:
        return self.name

    def etag_at(self, edit_version: int | None) -> str:
        """The mark of the state that a form was opened with; the present one where that is not known."""
        return self.etag if edit_version is None else f'"{self.pk}.{edit_version}"'

    @property
    def known_by(self) -> tuple[str, str]:
        """By which ID the members are known and in which form: those of two audiences compare where both are equal."""
        if self.current is not None:
            return self.user_id_type, self.current.encryption_of(self.user_id_type)
        return self.user_id_type, str(self.origin_detail.get("encryption", "plain"))

    @property
    def known_by_label(self) -> str:
        return form_label(*self.known_by)

    @property
    def is_busy(self) -> bool:
        return self.state in (self.State.WAITING, self.State.RUNNING)


class AudienceVersion(WorkspaceScoped):
    """The members at one moment, in the lake table `table_name`. Never changed once written."""

    class Kind(models.TextChoices):
        MANUAL = "manual", _("Manual")
        PERIODIC = "periodic", _("Periodic")
        COPY = "copy", _("Copy")

    id = PrefixedIdField("audv")
    audience = models.ForeignKey(Audience, on_delete=models.CASCADE, related_name="versions")
    number = models.PositiveIntegerField(_("version"))
    table_name = models.CharField(max_length=80)
    count = models.BigIntegerField(_("people"))
    joined = models.BigIntegerField(
        _("joined"), null=True, help_text="Members whom the version before did not have."
    )
    left = models.BigIntegerField(
        _("left"), null=True, help_text="Members of the version before who are gone."
    )
    user_id_type = models.CharField(_("user identifier"), max_length=16, blank=True)
    user_id_encryption = models.CharField(
        _("form of the user identifier"),
        max_length=8,
        default="plain",
        help_text="Whether the members are known by plain identifiers, by hashes of them, or by AES cipher texts.",
    )
    save_ids: Any = models.JSONField(default=list)
    id_stats: Any = models.JSONField(
        default=dict, help_text='{"mobile": {"filled", "distinct", "fill_rate", "encryption", "conflicts"}}'
    )
    rule: Any = models.JSONField(null=True)
    rule_version = models.PositiveIntegerField(default=1)
    limit = models.PositiveBigIntegerField(null=True)
    as_of = models.DateField(_("computed for the day"), null=True)
    dataset_versions: Any = models.JSONField(default=dict, help_text="Dataset ID to version number.")
    audience_versions: Any = models.JSONField(default=dict, help_text="Audience ID to version number.")
    kind = models.CharField(_("kind"), max_length=10, choices=Kind, default=Kind.MANUAL)
    is_snapshot = models.BooleanField(_("snapshot"), default=False)
    snapshot_name = models.CharField(_("snapshot"), max_length=96, blank=True)
    snapshot_auto = models.BooleanField(
        default=False, help_text="Made by a setting; such ones make room first."
    )
    seconds = models.FloatField(null=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    dropped_at = models.DateTimeField(null=True, help_text="When the table was dropped; the figures stay.")

    class Meta:
        verbose_name = _("audience version")
        verbose_name_plural = _("audience versions")
        ordering = ["-number"]
        constraints = [models.UniqueConstraint(fields=["audience", "number"], name="audience_version_number")]

    def __str__(self) -> str:
        return self.snapshot_name or f"{self.audience_id} v{self.number}"

    def encryption_of(self, id_type: str) -> str:
        """In which form the members' IDs of a type are held: plain, md5, sha256, aes."""
        saved = self.id_stats.get(id_type, {}).get("encryption")
        return saved or (self.user_id_encryption if id_type == self.user_id_type else "plain")


class Dependency(models.Model):
    """What an audience's rule reads. Rewritten with the rule; the cheap answer to “used by” and “made from”."""

    class Kind(models.TextChoices):
        DATASET = "dataset", _("Dataset")
        AUDIENCE = "audience", _("Audience")

    id = models.BigAutoField(primary_key=True)
    audience = models.ForeignKey(Audience, on_delete=models.CASCADE, related_name="dependencies")
    kind = models.CharField(max_length=10, choices=Kind)
    target = models.CharField(max_length=40)
    columns: Any = models.JSONField(default=list)

    class Meta:
        verbose_name = _("dependency")
        indexes = [models.Index(fields=["kind", "target"])]
        constraints = [
            models.UniqueConstraint(fields=["audience", "kind", "target"], name="audience_dependency")
        ]

    def __str__(self) -> str:
        return f"{self.audience_id} → {self.target}"
