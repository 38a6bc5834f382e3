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


class Channel(models.TextChoices):
    EMAIL = "email", _("E-mail")
    SMS = "sms", _("SMS")
    PUSH = "push", _("App push")
    CUSTOM = "custom", _("Custom channel")


class Health(models.TextChoices):
    WELL = "active", _("Works")
    UNTESTED = "unknown", _("Not tested yet")
    ERROR = "warning", _("Last call failed")
    DENIED = "failed", _("Lets nobody in")
    OFF = "off", _("Switched off")
    WITHDRAWN = "withdrawn", _("Withdrawn")

    @property
    def remedy(self) -> Any:
        """What to do about it; nothing where all is well."""
        return _REMEDIES.get(self, "")


_REMEDIES = {
    Health.UNTESTED: _("Test the connection."),
    Health.ERROR: _("It is tried again by itself. Test the connection to see whether it works by now."),
    Health.DENIED: _(
        "Nothing new is sent. Renew the keys, or correct the settings, and test the connection."
    ),
    Health.OFF: _("Nothing is sent. Edit it to use it again."),
    Health.WITHDRAWN: _("Your organization does not grant it any more. Ask one of its managers."),
}


class ProviderSettings(TimeStamped, Versioned):
    """How something is spoken to that delivers messages: an SMTP server, or a platform by its protocol."""

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
    last_error = models.TextField(blank=True)
    checked_at = models.DateTimeField(_("last test"), null=True)
    succeeded_at = models.DateTimeField(_("last success"), null=True)
    failing_since = models.DateTimeField(
        _("failing since"), null=True, help_text=_("Since when the last tests say that it lets nobody in.")
    )

    class Meta:
        abstract = True

    def __str__(self) -> str:
        return self.name


class SharedProvider(ProviderSettings):
    """A provider of an organization. Each workspace that is granted it has a provider of its own that follows it.

    So limits, settings and prices are set once, while templates, sender addresses and replies stay in the workspace.
    """

    id = PrefixedIdField("spr")
    organization = models.ForeignKey(
        "organizations.Organization",
        on_delete=models.CASCADE,
        related_name="+",
        verbose_name=_("organization"),
    )
    for_all = models.BooleanField(
        _("for all workspaces"), default=False, help_text=_("Also for those that are still to come.")
    )

    class Meta:
        verbose_name = _("provider of the organization")
        ordering = ["channel", "name"]
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "channel", "name"], name="shared_provider_name_unique"
            )
        ]

    def as_provider(self) -> Provider:
        """The same as a provider of no workspace, which is never saved: to test it, or to show its settings."""
        same = [field.name for field in ProviderSettings._meta.get_fields() if field.name not in _TIMES]
        return Provider(pk=self.pk, **{name: getattr(self, name) for name in same})


_TIMES = ("created_at", "updated_at")


class Provider(WorkspaceScoped, ProviderSettings):
    """A way out of a workspace: its own, or one of its organization (`shared`), whose settings it follows."""

    Channel = Channel
    Health = Health

    id = PrefixedIdField("prv")
    shared = models.ForeignKey(
        SharedProvider,
        on_delete=models.PROTECT,
        null=True,
        related_name="providers",
        verbose_name=_("provider of the organization"),
    )
    withdrawn_at = models.DateTimeField(
        _("withdrawn"), null=True, help_text=_("Since when the organization does not grant it any more.")
    )
    consecutive_errors = models.PositiveIntegerField(default=0)
    paused_until = models.DateTimeField(null=True)
    mailbox_checked_at = models.DateTimeField(
        _("bounce mailbox read"), null=True, help_text=_("When its bounce mailbox was last read.")
    )
    mailbox_error = models.TextField(
        _("error of the bounce mailbox"), blank=True, help_text=_("Why its bounce mailbox cannot be read.")
    )
    return_error = models.TextField(
        _("error of the return data source"),
        blank=True,
        help_text=_(
            "Why replies cannot be written to its return data source; they are kept and tried again."
        ),
    )

    class Meta:
        verbose_name = _("provider")
        ordering = ["channel", "name"]
        constraints = [
            models.UniqueConstraint(fields=["workspace", "channel", "name"], name="provider_name_unique")
        ]

    @property
    def health(self) -> Health:
        """How it is doing, as its last test and the calls since then say."""
        if self.withdrawn_at:
            return self.Health.WITHDRAWN
        if not self.enabled:
            return self.Health.OFF
        if self.failing_since:
            return self.Health.DENIED
        if self.is_paused or self.last_error:
            return self.Health.ERROR
        return self.Health.WELL if self.succeeded_at else self.Health.UNTESTED

    @property
    def line(self) -> str:
        """What its limits are counted by: all workspaces of a shared provider have one line between them."""
        return self.shared_id or self.pk

    def alike(self) -> models.QuerySet[Provider]:
        """Itself, and where it is shared, what other workspaces have of it."""
        rows = Provider.objects.select_related("workspace")
        return rows.filter(shared=self.shared_id) if self.shared_id else rows.filter(pk=self.pk)

    @property
    def is_paused(self) -> bool:
        """Whether the circuit breaker holds calls back after repeated errors."""
        return self.paused_until is not None and self.paused_until > timezone.now()

    def note_success(self) -> None:
        """An answer came: close the circuit breaker."""
        if self.consecutive_errors or self.paused_until:
            Provider.objects.filter(pk=self.pk).update(consecutive_errors=0, paused_until=None, last_error="")
            self.consecutive_errors, self.paused_until, self.last_error = 0, None, ""

    def note_failure(self, message: str, *, wait_seconds: float = 0) -> None:
        """Count an error; from the third in a row calls pause, longer each time, up to ten minutes.

        Where the provider asks for a pause (`wait_seconds`), they pause at least as long from the first error on.
        """
        self.refresh_from_db(fields=["consecutive_errors"])
        self.consecutive_errors += 1
        self.last_error = message[:500]
        seconds = min(600, 10 * 2 ** (self.consecutive_errors - 3)) if self.consecutive_errors >= 3 else 0
        if seconds := max(seconds, wait_seconds):
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


class ProviderCall(WorkspaceScoped):
    """A call to a platform by contract, kept for 7 days. Nothing in it tells of a person; see calls.py."""

    id = PrefixedIdField("pcl")
    provider = models.ForeignKey(Provider, on_delete=models.CASCADE, related_name="calls")
    at = models.DateTimeField(_("time"), default=timezone.now, db_index=True)
    method = models.CharField(max_length=6)
    path = models.CharField(_("call"), max_length=300)
    status = models.PositiveSmallIntegerField(null=True, help_text="Of HTTP; none where no answer came.")
    code = models.CharField(max_length=64, blank=True, help_text="The platform's, or why there is none.")
    ok = models.BooleanField(default=False)
    detail = models.CharField(_("error"), max_length=500, blank=True)
    milliseconds = models.PositiveIntegerField(default=0)
    request = models.TextField(blank=True)
    answer = models.TextField(blank=True)

    class Meta:
        verbose_name = _("call of a platform")
        ordering = ["-at"]
        indexes = [models.Index(fields=["provider", "-at"])]

    def __str__(self) -> str:
        return f"{self.method} {self.path}"
