"""Pictures, animations, videos and sounds that messages are made of."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from cdp.core.models import (
    NestedFolder,
    PrefixedIdField,
    TimeStamped,
    WorkspaceScoped,
    one_name_per_place,
)

LIFETIME = timedelta(days=365)
NOTICE = timedelta(days=30)
"""How long before its end the owner of a material is told."""
SIDE = 480
"""Pixels of the longer side of a thumbnail, at most."""
_LARGE = 40 * 1024
"""Bytes above which a picture gets a thumbnail."""


def _expiry() -> datetime:
    return timezone.now() + LIFETIME


class MaterialFolder(NestedFolder):
    """A folder of materials. Folders nest."""

    id = PrefixedIdField("mfl")

    class Meta(NestedFolder.Meta):
        constraints = [one_name_per_place("material_folder_name")]


class MaterialTag(WorkspaceScoped):
    """A word that materials are found by."""

    id = PrefixedIdField("mtg")
    name = models.CharField(_("name"), max_length=32)

    class Meta:
        verbose_name = _("material tag")
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["workspace", "name"], name="material_tag_unique")]

    def __str__(self) -> str:
        return self.name


class Material(WorkspaceScoped, TimeStamped):
    """A file of the library. Equal files of a workspace are stored once, under the digest of their content."""

    class Kind(models.TextChoices):
        IMAGE = "image", _("Picture")
        LOTTIE = "lottie", _("Lottie animation")
        VIDEO = "video", _("Video")
        AUDIO = "audio", _("Sound")

    id = PrefixedIdField("mat")
    name = models.CharField(_("name"), max_length=100)
    kind = models.CharField(_("kind"), max_length=8, choices=Kind)
    format = models.CharField(_("format"), max_length=8)
    size = models.PositiveIntegerField(_("size"), help_text=_("In bytes."))
    sha256 = models.CharField(max_length=64, db_index=True)
    width = models.PositiveIntegerField(null=True)
    height = models.PositiveIntegerField(null=True)
    seconds = models.FloatField(null=True)
    shared = models.BooleanField(_("shared"), default=False)
    thumbnail = models.CharField(max_length=24, blank=True, help_text="file name of its small picture")
    folder = models.ForeignKey(
        MaterialFolder,
        on_delete=models.PROTECT,
        null=True,
        blank=True,
        related_name="materials",
        verbose_name=_("folder"),
    )
    tags = models.ManyToManyField(MaterialTag, blank=True, related_name="materials", verbose_name=_("tags"))
    expires_at = models.DateTimeField(_("expires"), default=_expiry, db_index=True)
    warned = models.BooleanField(default=False, editable=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        related_name="+",
        verbose_name=_("owner"),
    )

    class Meta:
        verbose_name = _("material")
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return self.name

    @property
    def ends_soon(self) -> bool:
        return self.expires_at <= timezone.now() + NOTICE

    @property
    def path(self) -> str:
        """Where the storage keeps the content."""
        return f"materials/{self.workspace_id}/{self.sha256}.{self.format}"

    @property
    def thumbnail_path(self) -> str:
        """Where the storage keeps its small picture; empty without one."""
        return f"materials/{self.workspace_id}/small/{self.pk}-{self.thumbnail}" if self.thumbnail else ""

    @property
    def wants_thumbnail(self) -> bool:
        """Whether it has none and is better shown by one: a video, or a picture that is no small one itself."""
        large = self.size > _LARGE or max(self.width or 0, self.height or 0) > SIDE
        return not self.thumbnail and (
            self.kind == self.Kind.VIDEO or (self.kind == self.Kind.IMAGE and large)
        )
