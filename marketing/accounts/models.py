"""Accounts on platforms that a workspace may use, what people have asked for, and the channels of accounts' apps."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from cdp.core.models import PrefixedIdField, TimeStamped, Versioned, WorkspaceScoped
from cdp.crypto.at_rest import EncryptedJSONField
from marketing.channels.models import Provider


class Account(WorkspaceScoped, TimeStamped, Versioned):
    """An account that its platform lets us use, or let us use until something went wrong (`error`)."""

    class State(models.TextChoices):
        AUTHORISED = "authorised", _("Authorised")
        ERROR = "error", _("Authorisation error")

    id = PrefixedIdField("acc")
    type = models.CharField(_("platform"), max_length=32)
    remote_id = models.CharField(_("account"), max_length=200)
    name = models.CharField(_("name"), max_length=64)
    config: Any = EncryptedJSONField(default=dict)
    apps: Any = models.JSONField(
        default=list, help_text="Apps as they were fetched: key, name, provider_type."
    )
    meta: Any = models.JSONField(default=dict)
    state = models.CharField(_("state"), max_length=12, choices=State, default=State.AUTHORISED)
    error = models.CharField(_("error"), max_length=500, blank=True)
    error_since = models.DateTimeField(_("failing since"), null=True)
    authorised_at = models.DateTimeField(_("authorised"))
    checked_at = models.DateTimeField(_("checked"), null=True)
    expires_at = models.DateTimeField(_("authorised until"), null=True)
    warned_of = models.DateTimeField(null=True, help_text="The end that people have been warned of.")
    bound_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        related_name="+",
        verbose_name=_("authorised by"),
    )

    class Meta:
        verbose_name = _("account")
        ordering = ["type", "name"]
        constraints = [
            models.UniqueConstraint(fields=["workspace", "type", "remote_id"], name="account_once"),
            models.UniqueConstraint(fields=["workspace", "type", "name"], name="account_name_unique"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def badge(self) -> str:
        return "active" if self.state == self.State.AUTHORISED else "failed"


class AccountRequest(WorkspaceScoped):
    """That somebody asks for an account, or for a new authorisation of one that there is (`account`)."""

    class State(models.TextChoices):
        WAITING = "waiting", _("Waiting for approval")
        APPROVED = "approved", _("Approved")
        REFUSED = "refused", _("Refused")
        RETURNED = "returned", _("Returned")
        WITHDRAWN = "withdrawn", _("Withdrawn")

    id = PrefixedIdField("acr")
    type = models.CharField(_("platform"), max_length=32)
    name = models.CharField(_("name"), max_length=64)
    config: Any = EncryptedJSONField(null=True, help_text="What was typed; forgotten once it is decided.")
    account = models.ForeignKey(Account, on_delete=models.SET_NULL, null=True, related_name="requests")
    state = models.CharField(_("state"), max_length=10, choices=State, default=State.WAITING)
    requested_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        related_name="+",
        verbose_name=_("asked by"),
    )
    requested_at = models.DateTimeField(_("asked"), auto_now_add=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        related_name="+",
        verbose_name=_("decided by"),
    )
    decided_at = models.DateTimeField(_("decided"), null=True)
    remark = models.CharField(_("remark"), max_length=500, blank=True)

    class Meta:
        verbose_name = _("request for an account")
        ordering = ["-requested_at"]
        indexes = [models.Index(fields=["workspace", "state"], name="account_request_state")]

    def __str__(self) -> str:
        return self.name

    @property
    def badge(self) -> str:
        return {"waiting": "waiting", "approved": "approved", "withdrawn": "draft"}.get(
            self.state, "rejected"
        )


class AccountApp(WorkspaceScoped):
    """Says that a channel writes to an app of an account; of one that was removed its name is left."""

    provider = models.OneToOneField(Provider, on_delete=models.CASCADE, related_name="account_app")
    account = models.ForeignKey(Account, on_delete=models.SET_NULL, null=True, related_name="channels")
    account_name = models.CharField(max_length=64)

    class Meta:
        verbose_name = _("app of an account")

    def __str__(self) -> str:
        return f"{self.account_name}: {self.provider}"
