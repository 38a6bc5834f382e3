"""Campaigns: what marketing is planned and done for, with the audiences and tasks that belong to it."""

from __future__ import annotations

from datetime import date

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from admin_center.permissions.models import ObjectGrant, granted_once, one_grantee
from cdp.core.models import PrefixedIdField, TimeStamped, Versioned, WorkspaceScoped


class Campaign(WorkspaceScoped, TimeStamped, Versioned):
    """A main campaign is a theme that holds others; only the others, `parent` or not, have audiences and tasks."""

    class Currency(models.TextChoices):
        CNY = "CNY", _("CNY")
        USD = "USD", _("USD")
        GBP = "GBP", _("GBP")
        EUR = "EUR", _("EUR")
        HKD = "HKD", _("HKD")

    class State(models.TextChoices):
        PLANNED = "planned", _("Not started")
        RUNNING = "running", _("Running")
        ENDED = "ended", pgettext_lazy("campaign", "Ended")

    id = PrefixedIdField("cmp")
    name = models.CharField(_("name"), max_length=64)
    code = models.CharField(pgettext_lazy("campaign", "code"), max_length=32)
    is_main = models.BooleanField(_("main campaign"), default=False)
    parent = models.ForeignKey(
        "self",
        on_delete=models.SET_NULL,
        null=True,
        blank=True,
        related_name="children",
        verbose_name=_("belongs to"),
    )
    starts = models.DateField(_("first day"))
    ends = models.DateField(_("last day"))
    type = models.CharField(_("type"), max_length=32, blank=True)
    description = models.TextField(_("description"), max_length=1000, blank=True)
    budget = models.DecimalField(_("budget"), max_digits=14, decimal_places=2, null=True, blank=True)
    budget_currency = models.CharField(max_length=3, choices=Currency, default=Currency.CNY)
    goal = models.DecimalField(_("revenue goal"), max_digits=14, decimal_places=2, null=True, blank=True)
    goal_currency = models.CharField(max_length=3, choices=Currency, default=Currency.CNY)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.SET_NULL,
        null=True,
        related_name="+",
        verbose_name=_("owner"),
    )

    class Meta:
        verbose_name = _("campaign")
        ordering = ["starts", "name"]
        constraints = [
            models.UniqueConstraint(fields=["workspace", "code"], name="campaign_code_unique"),
            models.CheckConstraint(
                condition=models.Q(ends__gte=models.F("starts")), name="campaign_ends_after_start"
            ),
            models.CheckConstraint(
                condition=models.Q(is_main=False) | models.Q(parent__isnull=True), name="campaign_two_levels"
            ),
        ]
        indexes = [models.Index(fields=["workspace", "starts", "ends"])]

    def __str__(self) -> str:
        return self.name

    def state_on(self, day: date) -> State:
        """Where the campaign stands on a day of the workspace's calendar."""
        if day < self.starts:
            return self.State.PLANNED
        return self.State.ENDED if day > self.ends else self.State.RUNNING


class CampaignLink(models.Model):
    """Says that an audience or a task belongs to a campaign that is no main one. `kind` is the kind of the object."""

    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="links")
    kind = models.CharField(max_length=20)
    object_id = models.CharField(max_length=40)
    linked_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        ordering = ["pk"]
        constraints = [
            models.UniqueConstraint(fields=["campaign", "kind", "object_id"], name="campaign_link_once")
        ]
        indexes = [models.Index(fields=["kind", "object_id"])]

    def __str__(self) -> str:
        return f"{self.campaign}: {self.kind} {self.object_id}"


class CampaignGrant(TimeStamped, ObjectGrant):
    """What a person, everybody with a role, or a user group may do with a campaign of others."""

    class Right(models.TextChoices):
        USE = "use", _("Use")
        MANAGE = "manage", _("Manage")

    id = PrefixedIdField("cmg")
    campaign = models.ForeignKey(Campaign, on_delete=models.CASCADE, related_name="grants")
    right = models.CharField(_("right"), max_length=6, choices=Right, default=Right.USE)
    granted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.SET_NULL, null=True, related_name="+"
    )

    class Meta:
        verbose_name = _("campaign grant")
        ordering = ["created_at"]
        constraints = [
            one_grantee("campaign_grant_one_grantee"),
            granted_once("campaign_grant_once", "campaign", "right"),
        ]

    def __str__(self) -> str:
        return f"{self.campaign}: {self.grantee}"
