"""Who the data belongs to: an organization, and workspaces that keep their data apart."""

from __future__ import annotations

from typing import Any
from zoneinfo import available_timezones

from django.core.exceptions import ValidationError
from django.db import models
from django.utils.translation import gettext_lazy as _

from cdp.core.models import PrefixedIdField, TimeStamped, Versioned
from cdp.crypto.at_rest import EncryptedTextField


def validate_time_zone(value: str) -> None:
    """Raises ValidationError unless `value` is an IANA time zone name."""
    if value not in available_timezones():
        raise ValidationError(
            _("“%(value)s” is not a time zone, such as Asia/Shanghai."), params={"value": value}
        )


class Organization(TimeStamped):
    """One buyer of the platform. Its managers govern all of its workspaces."""

    id = PrefixedIdField("org")
    name = models.CharField(_("name"), max_length=64, unique=True)
    id_key = EncryptedTextField(
        blank=True,
        default="",
        editable=False,
        help_text="What customers' IDs are AES-encrypted with; set once, since their data stays as it is.",
    )
    modules_off: Any = models.JSONField(
        default=list, blank=True, editable=False, help_text="Keys of the modules that it has switched off."
    )

    class Meta:
        verbose_name = _("organization")
        verbose_name_plural = _("organizations")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Workspace(Versioned, TimeStamped):
    """The home of all business data. Nothing of it is visible from another workspace."""

    id = PrefixedIdField("ws")
    organization = models.ForeignKey(
        Organization, on_delete=models.CASCADE, related_name="workspaces", verbose_name=_("organization")
    )
    slug = models.SlugField(_("address"), max_length=40, unique=True)
    name = models.CharField(_("name"), max_length=64)
    description = models.CharField(_("description"), max_length=500, blank=True)
    time_zone = models.CharField(
        _("time zone"), max_length=64, default="Asia/Shanghai", validators=[validate_time_zone]
    )
    is_default = models.BooleanField(_("default workspace"), default=False)
    settings: Any = models.JSONField(default=dict, blank=True, editable=False)

    class Meta:
        verbose_name = _("workspace")
        verbose_name_plural = _("workspaces")
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(
                fields=["organization", "name"],
                name="organizations_workspace_name",
                violation_error_message=_("Another workspace of the organization has this name."),
            ),
            models.UniqueConstraint(
                fields=["organization"],
                condition=models.Q(is_default=True),
                name="organizations_one_default_workspace",
            ),
        ]

    def __str__(self) -> str:
        return self.name
