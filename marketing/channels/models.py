"""Ways out of the house: a workspace's mail servers and message platforms."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from cdp.core.models import PrefixedIdField, TimeStamped, Versioned, WorkspaceScoped
from cdp.crypto.at_rest import EncryptedJSONField
from insight.campaigns.models import Campaign


class Provider(WorkspaceScoped, TimeStamped, Versioned):
    """A configured connection to something that delivers messages: an SMTP server or a platform by contract."""

    class Channel(models.TextChoices):
        EMAIL = "email", _("E-mail")
        SMS = "sms", _("SMS")
        PUSH = "push", _("App push")
        CUSTOM = "custom", _("Custom channel")

    id = PrefixedIdField("prv")
    channel = models.CharField(_("channel"), max_length=16, choices=Channel)
    type = models.CharField(
        _("type"),
        max_length=16,
        help_text=_("How it is spoken to: smtp, contract, upush_android, upush_ios or webhook."),
    )
    name = models.CharField(
        _("name"),
        max_length=50,
        help_text=_("For a platform: the name it gives in its answers (platformName)."),
    )
    config: Any = EncryptedJSONField(default=dict)
    rate_per_second = models.PositiveIntegerField(
        _("messages per second"),
        default=50,
        help_text=_("Never more than this leaves, over all send-outs together."),
    )
    batch_size = models.PositiveIntegerField(_("recipients per call"), default=50_000)
    price = models.DecimalField(
        _("price per message"),
        max_digits=10,
        decimal_places=4,
        null=True,
        blank=True,
        help_text=_("What one message costs, of SMS one billed part; null where it is not known."),
    )
    price_currency = models.CharField(
        _("currency of the price"), max_length=3, choices=Campaign.Currency, default=Campaign.Currency.CNY
    )
    enabled = models.BooleanField(_("in use"), default=True)
    consecutive_errors = models.PositiveIntegerField(default=0)
    paused_until = models.DateTimeField(null=True)
    last_error = models.TextField(blank=True)
    checked_at = models.DateTimeField(_("last test"), null=True)
    mailbox_checked_at = models.DateTimeField(
        _("bounce mailbox read"), null=True, help_text=_("When its bounce mailbox was last read.")
    )
    mailbox_error = models.TextField(
        _("error of the bounce mailbox"), blank=True, help_text=_("Why its bounce mailbox cannot be read.")
    )

    class Meta:
        verbose_name = _("provider")
        ordering = ["channel", "name"]
        constraints = [
            models.UniqueConstraint(fields=["workspace", "channel", "name"], name="provider_name_unique")
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def is_paused(self) -> bool:
        """Whether the circuit breaker holds calls back after repeated errors."""
        return self.paused_until is not None and self.paused_until > timezone.now()

    def note_success(self) -> None:
        """An answer came: close the circuit breaker."""
        if self.consecutive_errors or self.paused_until:
            Provider.objects.filter(pk=self.pk).update(consecutive_errors=0, paused_until=None, last_error="")
            self.consecutive_errors, self.paused_until, self.last_error = 0, None, ""

    def note_failure(self, message: str) -> None:
        """Count an error; from the third in a row calls pause, longer each time, up to ten minutes."""
        self.refresh_from_db(fields=["consecutive_errors"])
        self.consecutive_errors += 1
        self.last_error = message[:500]
        if self.consecutive_errors >= 3:
            seconds = min(600, 10 * 2 ** (self.consecutive_errors - 3))
            self.paused_until = timezone.now() + timedelta(seconds=seconds)
        Provider.objects.filter(pk=self.pk).update(
            consecutive_errors=self.consecutive_errors,
            last_error=self.last_error,
            paused_until=self.paused_until,
        )


ORDINARY = [row for row in Provider.Channel.choices if row[0] != Provider.Channel.CUSTOM]
"""Channels whose providers and templates share their pages; webhooks have pages of their own."""


class SenderAddress(WorkspaceScoped, TimeStamped):
    """An address that mail may come from at a provider."""

    class State(models.TextChoices):
        NORMAL = "normal", _("Usable")
        FROZEN = "frozen", _("Frozen")

    id = PrefixedIdField("adr")
    provider = models.ForeignKey(Provider, on_delete=models.CASCADE, related_name="senders")
    address = models.EmailField(_("address"), max_length=254)
    name = models.CharField(_("sender name"), max_length=64, blank=True)
    state = models.CharField(_("state"), max_length=8, choices=State, default=State.NORMAL)

    class Meta:
        verbose_name = _("sender address")
        ordering = ["address"]
        constraints = [models.UniqueConstraint(fields=["provider", "address"], name="sender_address_unique")]

    def __str__(self) -> str:
        return f"{self.name} <{self.address}>" if self.name else self.address
