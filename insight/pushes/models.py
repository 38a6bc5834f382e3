"""Pushes: the members of audiences, and the users of AIPL models, sent to systems outside, once or by schedule."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from admin_center.permissions.models import ObjectGrant, granted_once, one_grantee
from cdp.core.models import PrefixedIdField, TimeStamped, Versioned, WorkspaceScoped
from cdp.crypto.at_rest import EncryptedJSONField
from insight.audiences.models import Audience, AudienceVersion
from insight.datasets.models import Dataset


class PushInterface(WorkspaceScoped, TimeStamped, Versioned):
    """A system outside that audiences are pushed to. `config` has its settings, secrets included, stored encrypted."""

    id = PrefixedIdField("psi")
    name = models.CharField(_("name"), max_length=64)
    target = models.CharField(_("kind"), max_length=16)
    config = EncryptedJSONField(default=dict)
    tested_at = models.DateTimeField(_("tested"), null=True)
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )

    class Meta:
        verbose_name = _("push interface")
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["workspace", "name"], name="push_interface_name_unique")
        ]

    def __str__(self) -> str:
        return self.name


class InterfaceGrant(ObjectGrant):
    """Lets somebody push through an interface."""

    id = PrefixedIdField("psg")
    interface = models.ForeignKey(PushInterface, on_delete=models.CASCADE, related_name="grants")

    class Meta:
        verbose_name = _("interface grant")
        ordering = ["created_at"]
        constraints = [
            one_grantee("interface_grant_one_grantee"),
            granted_once("interface_grant_once", "interface"),
        ]

    def __str__(self) -> str:
        return f"{self.interface}: {self.grantee}"


def _one_subject(name: str) -> models.CheckConstraint:
    one = models.Q(audience__isnull=False) ^ models.Q(dataset__isnull=False)
    return models.CheckConstraint(condition=one, name=name)


class PushSetting(WorkspaceScoped, TimeStamped, Versioned):
    """A push by schedule, one per audience or model, and interface. `dataset` is an AIPL model.

    `refresh` is a policy of cdp.core.schedules. Of a model it has no time: the push follows the day's computation, and
    `next_push_at` is the beginning of the first day whose stages are wanted.
    """

    audience = models.ForeignKey(Audience, on_delete=models.CASCADE, null=True, related_name="push_settings")
    dataset = models.ForeignKey(Dataset, on_delete=models.CASCADE, null=True, related_name="push_settings")
    interface = models.ForeignKey(PushInterface, on_delete=models.PROTECT, related_name="settings")
    enabled = models.BooleanField(_("push by schedule"), default=True)
    refresh = models.JSONField(default=dict)
    start = models.DateField(_("first day"), null=True, blank=True)
    end = models.DateField(_("last day"), null=True, blank=True)
    fields = models.JSONField(default=list)
    options = models.JSONField(default=dict)
    next_push_at = models.DateTimeField(null=True, db_index=True)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )

    class Meta:
        verbose_name = _("periodic push")
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["audience", "interface"], name="push_setting_once"),
            models.UniqueConstraint(fields=["dataset", "interface"], name="push_setting_model_once"),
            _one_subject("push_setting_one_subject"),
        ]

    def __str__(self) -> str:
        return f"{self.subject} → {self.interface}"

    @property
    def subject(self) -> Any:
        """The audience or the AIPL model."""
        return self.audience or self.dataset


class Push(WorkspaceScoped, TimeStamped):
    """One push, with what it sent. Its ID goes along and stays when it is tried again, so receivers know repeats.

    `fields` is what was chosen then. `users` counts people, `ids` all IDs of theirs that were sent, `undecryptable` IDs
    that were AES-encrypted with another key or not at all. Of an AIPL model (`dataset`), `day` is that of the stages.
    """

    class State(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        PUSHING = "pushing", _("Pushing")
        SUCCEEDED = "succeeded", _("Succeeded")
        PARTLY = "partly", _("Partly")
        FAILED = "failed", _("Failed")
        CANCELLED = "cancelled", _("Cancelled")

    class Mode(models.TextChoices):
        ONCE = "once", _("Once")
        PERIODIC = "periodic", _("By schedule")

    ACTIVE = (State.WAITING, State.PUSHING)

    id = PrefixedIdField("psh")
    audience = models.ForeignKey(Audience, on_delete=models.CASCADE, null=True, related_name="pushes")
    dataset = models.ForeignKey(Dataset, on_delete=models.CASCADE, null=True, related_name="pushes")
    interface = models.ForeignKey(PushInterface, on_delete=models.SET_NULL, null=True, related_name="pushes")
    interface_name = models.CharField(_("interface"), max_length=64)
    target = models.CharField(_("kind"), max_length=16)
    mode = models.CharField(_("how"), max_length=8, choices=Mode, default=Mode.ONCE)
    fields = models.JSONField(default=list)
    options = models.JSONField(default=dict)
    version = models.ForeignKey(AudienceVersion, on_delete=models.SET_NULL, null=True, related_name="+")
    version_number = models.PositiveIntegerField(_("version"), null=True)
    day = models.DateField(_("day"), null=True)
    state = models.CharField(_("state"), max_length=9, choices=State, default=State.WAITING)
    users = models.BigIntegerField(_("users"), default=0)
    ids = models.BigIntegerField(_("IDs"), default=0)
    skipped = models.BigIntegerField(_("left out"), default=0)
    undecryptable = models.BigIntegerField(_("not decryptable"), default=0)
    message = models.TextField(blank=True)
    error_code = models.CharField(max_length=40, blank=True)
    seen = models.BooleanField(default=True)
    started_at = models.DateTimeField(_("started"), null=True)
    ended_at = models.DateTimeField(_("ended"), null=True)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )

    class Meta:
        verbose_name = _("push")
        ordering = ["-created_at"]
        indexes = [
            models.Index(fields=["audience", "-created_at"]),
            models.Index(fields=["dataset", "-created_at"]),
        ]
        constraints = [_one_subject("push_one_subject")]

    def __str__(self) -> str:
        return f"{self.subject} → {self.interface_name}"

    @property
    def subject(self) -> Any:
        """The audience or the AIPL model."""
        return self.audience or self.dataset
