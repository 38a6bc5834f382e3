"""What people answer to SMS."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from cdp.core.models import PrefixedIdField, WorkspaceScoped
from cdp.crypto.at_rest import EncryptedJSONField, EncryptedTextField
from marketing.channels.models import Provider
from marketing.content.models import Signature
from marketing.delivery.models import SendOut


class InboundMessage(WorkspaceScoped):
    """An SMS that came in. The same one may be handed over many times; it is kept once.

    `signature_text` is what it answers to, as far as that is known. `first_signature` is the one that this number was
    first written to with: answers carry it.
    """

    id = PrefixedIdField("inb")
    provider = models.ForeignKey(Provider, on_delete=models.CASCADE, related_name="+")
    message_id = models.CharField(max_length=100)
    mobile = EncryptedTextField()
    target_hash = models.CharField(max_length=64)
    last_digits = models.CharField(_("number"), max_length=4)
    signature_text = models.CharField(_("signature"), max_length=24, blank=True)
    first_signature = models.ForeignKey(Signature, on_delete=models.SET_NULL, null=True, related_name="+")
    extension = models.CharField(max_length=20, blank=True)
    text = models.CharField(_("text"), max_length=500)
    unsubscribes = models.BooleanField(_("unsubscribed"), default=False)
    send_out = models.ForeignKey(
        SendOut, on_delete=models.SET_NULL, null=True, related_name="+", verbose_name=_("answers to")
    )
    person = models.CharField(max_length=200, blank=True, help_text="user_unique_id, where it is known")
    received_at = models.DateTimeField(_("received"))
    read_at = models.DateTimeField(null=True)
    read_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )
    raw = EncryptedJSONField(
        null=True,
        help_text="As it came, until it has been written to the return data source of its provider.",
    )
    answer = models.ForeignKey(
        SendOut, on_delete=models.SET_NULL, null=True, related_name="+", verbose_name=_("answered by")
    )

    class Meta:
        verbose_name = _("reply")
        ordering = ["-received_at"]
        constraints = [models.UniqueConstraint(fields=["provider", "message_id"], name="inbound_once")]
        indexes = [
            models.Index(fields=["workspace", "target_hash"], name="inbound_number"),
            models.Index(fields=["workspace", "-received_at"], name="inbound_latest"),
            models.Index(
                fields=["provider"], name="inbound_to_return", condition=models.Q(raw__isnull=False)
            ),
        ]

    def __str__(self) -> str:
        return f"…{self.last_digits}"

    @property
    def state(self) -> str:
        if self.answer_id:
            return "answered"
        return "read" if self.read_at else "unread"

    @property
    def state_label(self) -> str:
        return str({"answered": _("Answered"), "read": _("Read"), "unread": _("Unread")}[self.state])
