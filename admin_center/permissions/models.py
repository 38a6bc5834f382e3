"""Roles of a workspace and who holds them, groups of its people, and rights on single objects."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from admin_center.members.models import WorkspaceMember
from cdp.core.models import PrefixedIdField, TimeStamped, WorkspaceScoped

ADMINISTRATOR = "administrator"


class Role(WorkspaceScoped, TimeStamped):
    """A named set of permission points. The administrator role has all of them, also those added later."""

    class Kind(models.TextChoices):
        PRESET = "preset", _("System preset")
        CUSTOM = "custom", _("Custom")

    id = PrefixedIdField("rol")
    code = models.SlugField(_("code"), max_length=40)
    kind = models.CharField(_("kind"), max_length=6, choices=Kind, default=Kind.CUSTOM)
    name = models.CharField(_("name"), max_length=32, blank=True)
    description = models.CharField(_("description"), max_length=200, blank=True)
    permissions: Any = models.JSONField(_("permissions"), default=list, blank=True)
    is_default = models.BooleanField(_("default role"), default=False)

    class Meta:
        verbose_name = _("role")
        verbose_name_plural = _("roles")
        ordering = ["-kind", "created_at", "code"]
        constraints = [
            models.UniqueConstraint(fields=["workspace", "code"], name="permissions_role_code"),
            models.UniqueConstraint(
                fields=["workspace"], condition=models.Q(is_default=True), name="permissions_one_default_role"
            ),
        ]

    def __str__(self) -> str:
        from admin_center.permissions.presets import PRESETS

        preset = PRESETS.get(self.code) if self.kind == self.Kind.PRESET else None
        return self.name or (str(preset.label) if preset else self.code)

    @property
    def is_administrator(self) -> bool:
        return self.kind == self.Kind.PRESET and self.code == ADMINISTRATOR

    @property
    def summary(self) -> str:
        """What the role is for; presets describe themselves in the reader's language."""
        from admin_center.permissions.presets import PRESETS

        preset = PRESETS.get(self.code) if self.kind == self.Kind.PRESET else None
        return self.description or (str(preset.description) if preset else "")


class RoleAssignment(models.Model):
    """One role of one member. Rights of several roles add up."""

    member = models.ForeignKey(WorkspaceMember, on_delete=models.CASCADE, related_name="assignments")
    role = models.ForeignKey(Role, on_delete=models.CASCADE, related_name="assignments")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("role assignment")
        verbose_name_plural = _("role assignments")
        ordering = ["created_at", "id"]
        constraints = [models.UniqueConstraint(fields=["member", "role"], name="permissions_role_once")]

    def __str__(self) -> str:
        return f"{self.member}: {self.role}"


class UserGroup(WorkspaceScoped, TimeStamped):
    """People of a workspace to whom rights on single objects are granted together. One may be in several."""

    id = PrefixedIdField("ugr")
    name = models.CharField(_("name"), max_length=32)
    members = models.ManyToManyField(WorkspaceMember, related_name="groups", verbose_name=_("members"))

    class Meta:
        verbose_name = _("user group")
        verbose_name_plural = _("user groups")
        ordering = ["name"]
        constraints = [
            models.UniqueConstraint(fields=["workspace", "name"], name="permissions_user_group_name")
        ]

    def __str__(self) -> str:
        return self.name


class ObjectGrant(WorkspaceScoped):
    """A right on one object for a person, everybody with a role, or a group; it may end."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("person"),
    )
    role = models.ForeignKey(
        Role, on_delete=models.CASCADE, null=True, blank=True, related_name="+", verbose_name=_("role")
    )
    group = models.ForeignKey(
        UserGroup,
        on_delete=models.CASCADE,
        null=True,
        blank=True,
        related_name="+",
        verbose_name=_("user group"),
    )
    expires_at = models.DateTimeField(_("valid until"), null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        abstract = True

    @property
    def grantee(self) -> str:
        return str(self.user or self.role or self.group)

    @property
    def expired(self) -> bool:
        return self.expires_at is not None and self.expires_at <= timezone.now()

    def told(self) -> dict[str, Any]:
        """The grant for the audit log."""
        return {
            "user": self.user.username if self.user else None,
            "role": self.role.code if self.role else None,
            "group": self.group.name if self.group else None,
            "expires_at": self.expires_at.isoformat() if self.expires_at else None,
        }


def one_grantee(name: str) -> models.CheckConstraint:
    """Each grant is for a person, a role or a group."""
    fields = ("user", "role", "group")
    condition = models.Q()
    for chosen in fields:
        condition |= models.Q(**{f"{field}__isnull": field != chosen for field in fields})
    return models.CheckConstraint(condition=condition, name=name)


def granted_once(name: str, *fields: str) -> models.UniqueConstraint:
    """Nobody is granted the same twice; `fields` say what."""
    return models.UniqueConstraint(fields=[*fields, "user", "role", "group"], name=name, nulls_distinct=False)
