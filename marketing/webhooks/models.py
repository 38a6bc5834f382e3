"""Customers' own systems that are called for people, who may use them, and what was said to and fro."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from admin_center.permissions.models import ObjectGrant, granted_once, one_grantee
from cdp.core.models import PrefixedIdField, TimeStamped, Versioned, WorkspaceScoped
from cdp.crypto.at_rest import EncryptedTextField
from marketing.channels.models import Provider


class Webhook(WorkspaceScoped, TimeStamped, Versioned):
    """An own system. Its name, pace and switch are those of its provider, by which send-outs know it."""

    class Auth(models.TextChoices):
        NONE = "none", _("None")
        KEY = "key", _("Key")

    class Header(models.TextChoices):
        COMPATIBLE = "X-QA-Hmac-Signature", "X-QA-Hmac-Signature"
        OWN = "X-CDP-Hmac-Signature", "X-CDP-Hmac-Signature"

    id = PrefixedIdField("whk")
    provider = models.OneToOneField(Provider, on_delete=models.PROTECT, related_name="webhook")
    url = models.CharField(_("address"), max_length=500)
    auth = models.CharField(_("authentication"), max_length=4, choices=Auth, default=Auth.KEY)
    key = EncryptedTextField(default="", blank=True)
    signature_header = models.CharField(
        _("header of the signature"), max_length=32, choices=Header, default=Header.COMPATIBLE
    )
    id_types = models.JSONField(default=list, help_text="ID types that it takes; each send-out uses one.")
    parameters = models.JSONField(
        default=list, help_text="Each with name, label and type: integer, string, text."
    )
    receipts = models.BooleanField(_("it reports results"), default=False)
    window_hours = models.PositiveSmallIntegerField(_("hours in which results are taken"), default=72)
    statuses = models.JSONField(
        default=list,
        help_text="Results that it reports, each with code, label and outcome: delivered, failed.",
    )
    fixed_statuses = models.JSONField(
        default=list, help_text="Codes that cannot be changed any more: results with them may have come in."
    )
    idempotent = models.BooleanField(_("recognises a repeated Idempotency-Key"), default=False)
    verify_body = models.BooleanField(_("demands X-Body-Signature on results"), default=False)
    source_ips = models.JSONField(default=list, help_text="Addresses that unsigned results may come from.")
    concurrency = models.PositiveSmallIntegerField(_("calls at once"), default=10)
    batch_size = models.PositiveSmallIntegerField(
        _("people per call"),
        default=1,
        help_text="More than 1: each call has a list of so many people at most.",
    )
    created_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )

    class Meta:
        verbose_name = _("webhook")
        ordering = ["-updated_at"]

    def __str__(self) -> str:
        return self.name

    @property
    def name(self) -> str:
        return self.provider.name

    @property
    def enabled(self) -> bool:
        return self.provider.enabled

    def status(self, code: str) -> dict[str, Any] | None:
        """The result with this code; None where it is not one of the webhook's."""
        return next((row for row in self.statuses if row["code"] == code), None)


class WebhookGrant(ObjectGrant):
    """Lets somebody send through a webhook. One webhook has grants of one kind only."""

    id = PrefixedIdField("whg")
    webhook = models.ForeignKey(Webhook, on_delete=models.CASCADE, related_name="grants")

    class Meta:
        verbose_name = _("webhook grant")
        ordering = ["created_at"]
        constraints = [
            one_grantee("webhook_grant_one_grantee"),
            granted_once("webhook_grant_once", "webhook"),
        ]

    def __str__(self) -> str:
        return f"{self.webhook}: {self.grantee}"


class WebhookCall(WorkspaceScoped):
    """One call as it was made, kept for 30 days. `body` has the person's ID masked, `url` no signature."""

    id = PrefixedIdField("whc")
    webhook = models.ForeignKey(Webhook, on_delete=models.CASCADE, related_name="calls")
    task = models.CharField(
        max_length=40, blank=True, help_text="The send-out; empty for a test of the webhook."
    )
    recipient = models.BigIntegerField(default=0, help_text="The ledger's row, or the first; 0 for a test.")
    recipients = models.JSONField(default=list, help_text="The ledger's rows of a call for several people.")
    attempt = models.PositiveSmallIntegerField(default=1)
    url = models.TextField()
    body = models.TextField()
    status = models.PositiveSmallIntegerField(null=True, help_text="Of HTTP; none where no answer came.")
    answer = models.TextField(blank=True)
    ok = models.BooleanField(default=False)
    detail = models.CharField(max_length=500, blank=True)
    milliseconds = models.PositiveIntegerField(default=0)
    at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        verbose_name = _("call of a webhook")
        ordering = ["-at"]
        indexes = [models.Index(fields=["webhook", "recipient", "-at"])]


class WebhookReceipt(models.Model):
    """A result that the own system has reported. Of several for one person the one sent last holds."""

    webhook = models.ForeignKey(Webhook, on_delete=models.CASCADE, related_name="received")
    msg_id = models.CharField(max_length=64)
    task = models.CharField(max_length=40)
    recipient = models.BigIntegerField()
    status = models.CharField(max_length=32)
    sent_at = models.DateTimeField()
    received_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["pk"]
        indexes = [models.Index(fields=["recipient"]), models.Index(fields=["task"])]
        constraints = [models.UniqueConstraint(fields=["webhook", "msg_id"], name="webhook_receipt_once")]
