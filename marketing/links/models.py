"""Short addresses that lead to pages of ours, and who followed them."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from cdp.core.models import PrefixedIdField, TimeStamped, WorkspaceScoped
from cdp.crypto.at_rest import EncryptedTextField
from marketing.links import codes


class LinkDomain(WorkspaceScoped):
    """A domain that short links may lead to; `*.example.com` is every name below example.com."""

    id = PrefixedIdField("ldm")
    name = models.CharField(_("domain"), max_length=253)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta:
        verbose_name = _("link domain")
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["workspace", "name"], name="link_domain_unique")]

    def __str__(self) -> str:
        return self.name


class LinkKey(WorkspaceScoped):
    """The secret behind the six characters that stand for people in a workspace's texts; the latest is in use."""

    id = PrefixedIdField("lky")
    key = EncryptedTextField(default=codes.new_key, editable=False)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)

    class Meta:
        verbose_name = _("link key")
        ordering = ["-created_at"]


class ShortLink(WorkspaceScoped, TimeStamped):
    """A short address. A removed one keeps its row, so that its code never leads anywhere else."""

    class State(models.TextChoices):
        ACTIVE = "active", _("Active")
        STOPPED = "stopped", _("Stopped")
        EXPIRED = "expired", _("Expired")

    id = PrefixedIdField("lnk")
    name = models.CharField(_("name"), max_length=64)
    target = models.TextField(_("leads to"), max_length=2000)
    code = models.CharField(max_length=16, unique=True, editable=False)
    key = EncryptedTextField(default=codes.new_key, editable=False)
    parameter_key = models.ForeignKey(
        LinkKey,
        on_delete=models.RESTRICT,
        null=True,
        editable=False,
        related_name="+",
        help_text="Which key its short parameters are made with; null until the first is made.",
    )
    forward_query = models.BooleanField(_("pass parameters on"), default=False)
    expires_at = models.DateTimeField(_("valid until"))
    stopped_at = models.DateTimeField(null=True, editable=False)
    deleted_at = models.DateTimeField(null=True, editable=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        related_name="+",
        verbose_name=_("owner"),
    )

    class Meta:
        verbose_name = _("short link")
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return self.name

    @property
    def state(self) -> State:
        if self.stopped_at is not None:
            return self.State.STOPPED
        return self.State.ACTIVE if self.expires_at > timezone.now() else self.State.EXPIRED

    @property
    def url(self) -> str:
        return f"{settings.SHORT_LINK_HOST}/s/{self.code}"

    def url_for(self, mobile: str) -> str | None:
        """The address that tells who follows it; None where `mobile` is no mobile number."""
        person = codes.person_code(self.key, mobile)
        return f"{self.url}?ph={person}" if person else None

    @property
    def url_with_parameter(self) -> str:
        """The address for the text of an SMS: everybody's gets six characters of their own when it is sent."""
        return f"{self.url}?ph=${{sp_{self.code}}}"


class LinkClick(models.Model):
    """Somebody or some program followed a link.

    `person` is the code of a mobile number, "" where nobody is named. `visitor` is a keyed hash of link, day, network
    address and browser: it tells visitors of one day apart and nothing else.
    """

    class Device(models.TextChoices):
        PHONE = "phone", _("Phone")
        TABLET = "tablet", _("Tablet")
        COMPUTER = "computer", _("Computer")
        OTHER = "other", _("Other")

    link = models.ForeignKey(ShortLink, on_delete=models.CASCADE, related_name="clicks")
    at = models.DateTimeField(default=timezone.now)
    person = models.CharField(max_length=codes.PERSON_LENGTH, blank=True)
    visitor = models.CharField(max_length=32)
    device = models.CharField(max_length=8, choices=Device)
    system = models.CharField(max_length=16, blank=True)
    region = models.CharField(max_length=64, blank=True)
    is_machine = models.BooleanField(default=False)
    send_out = models.CharField(
        max_length=40,
        blank=True,
        default="",
        db_default="",
        help_text="The send-out whose message the person followed; empty where none is known.",
    )

    class Meta:
        indexes = [models.Index(fields=["link", "at"], name="link_click_link_at")]
