"""Browsers and phones that push messages can reach, and the people whose they are."""

from __future__ import annotations

from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _

from cdp.core.identifiers import ID_TYPES
from cdp.core.models import PrefixedIdField, TimeStamped, WorkspaceScoped
from cdp.crypto.at_rest import EncryptedJSONField
from marketing.channels.models import Provider


class PushDevice(WorkspaceScoped, TimeStamped):
    """One browser or one installation of an app. Its address is a secret: who has it can write to the device."""

    class Kind(models.TextChoices):
        WEB = "web", _("Browser")
        ANDROID = "android", _("Android")
        IOS = "ios", _("iOS")

    class Off(models.TextChoices):
        """Why a device gets nothing any more."""

        GONE = "gone", _("The push service no longer knows it")
        WITHDRAWN = "withdrawn", _("Its owner wants no messages")
        BY_HAND = "by_hand", _("Switched off here")
        TOO_MANY = "too_many", _("The same person has newer devices")

    id = PrefixedIdField("dev")
    provider = models.ForeignKey(
        Provider, on_delete=models.CASCADE, related_name="devices", verbose_name=_("channel")
    )
    kind = models.CharField(_("kind"), max_length=8, choices=Kind)
    address: Any = EncryptedJSONField(default=dict)
    address_hash = models.CharField(
        max_length=64, help_text="Keyed hash of the endpoint or token: the same device is one row."
    )
    agent = models.CharField(_("browser or system"), max_length=40, blank=True)
    enabled = models.BooleanField(_("in use"), default=True)
    off_reason = models.CharField(_("reason"), max_length=12, choices=Off, blank=True)
    failures = models.PositiveSmallIntegerField(
        default=0, help_text="Times in a row that its push service could not take a message."
    )
    last_seen = models.DateTimeField(_("last seen"))

    class Meta:
        verbose_name = _("device")
        ordering = ["-last_seen"]
        constraints = [
            models.UniqueConstraint(fields=["provider", "address_hash"], name="push_device_unique")
        ]
        indexes = [models.Index(fields=["provider", "enabled"])]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.agent}".strip()

    @property
    def masked_ids(self) -> str:
        """Whose it is, for people to read."""
        return ", ".join(f"{row.label}: {row.masked}" for row in self.ids.all())


class PushDeviceId(models.Model):
    """An ID of the person whose device it is. Only keyed hashes are kept; of the plain ID recipients have the same."""

    device = models.ForeignKey(PushDevice, on_delete=models.CASCADE, related_name="ids")
    id_type = models.CharField(max_length=16)
    person_hash = models.CharField(max_length=64)
    md5_hash = models.CharField(
        max_length=64,
        default="",
        help_text="The same of the ID's MD5, by which audiences of hashes know people.",
    )
    sha256_hash = models.CharField(max_length=64, default="", help_text="The same of the ID's SHA-256.")
    masked = models.CharField(max_length=254)

    class Meta:
        ordering = ["id_type"]
        constraints = [models.UniqueConstraint(fields=["device", "id_type"], name="push_device_id_unique")]
        indexes = [
            models.Index(fields=["person_hash", "id_type"]),
            models.Index(fields=["md5_hash"], name="push_device_id_md5"),
            models.Index(fields=["sha256_hash"], name="push_device_id_sha256"),
        ]

    @property
    def label(self) -> str:
        return str(ID_TYPES[self.id_type].label)
