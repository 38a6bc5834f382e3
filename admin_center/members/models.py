"""People, the workspaces they are in, and the tokens that act for them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib.auth.models import AbstractBaseUser, BaseUserManager
from django.core.validators import RegexValidator
from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from admin_center.organizations.models import Organization, Workspace
from cdp.core.models import PrefixedIdField, TimeStamped, WorkspaceScoped
from cdp.crypto.at_rest import EncryptedTextField

USERNAME_RULE = RegexValidator(
    r"^[\w.@+-]+\Z", _("Use letters, digits and the characters @ . + - _ only, without blanks.")
)
NICKNAME_RULE = RegexValidator(
    r"^(?!\d+\Z)[\u3400-\u9fffA-Za-z0-9_]{1,32}\Z",
    _("Use 1 to 32 Chinese characters, English letters, digits and underscores, but not digits alone."),
)


class UserManager(BaseUserManager["User"]):
    def get_by_natural_key(self, username: str | None) -> User:
        return self.get(username__iexact=username)


class User(AbstractBaseUser, TimeStamped):
    """A person who signs in. A manager of the organization has every right in all of its workspaces."""

    class Locale(models.TextChoices):
        BROWSER = "", _("As the browser asks")
        EN = "en", "English"
        ZH_HANS = "zh-hans", "简体中文"
        ZH_HANT = "zh-hant", "繁體中文"

    class Theme(models.TextChoices):
        AUTO = "auto", _("Follow the system")
        LIGHT = "light", _("Light")
        DARK = "dark", _("Dark")

    USERNAME_FIELD = "username"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: list[str] = []

    id = PrefixedIdField("usr")
    organization = models.ForeignKey(
        Organization,
        on_delete=models.SET_NULL,
        related_name="people",
        null=True,
        blank=True,
        verbose_name=_("organization"),
    )
    username = models.CharField(_("user name"), max_length=150, validators=[USERNAME_RULE])
    email = models.EmailField(_("e-mail"), blank=True)
    nickname = models.CharField(_("nickname"), max_length=32, blank=True, validators=[NICKNAME_RULE])
    locale = models.CharField(
        _("language"), max_length=10, choices=Locale, default=Locale.BROWSER, blank=True
    )
    theme = models.CharField(_("theme"), max_length=5, choices=Theme, default=Theme.AUTO)
    is_active = models.BooleanField(
        _("may sign in"), default=True, help_text=_("Switch this off instead of deleting somebody's account.")
    )
    is_manager = models.BooleanField(
        _("organization manager"),
        default=False,
        help_text=_("Has every right in all workspaces of the organization."),
    )
    is_owner = models.BooleanField(
        _("owner"), default=False, help_text=_("Created the organization; always stays one of its managers.")
    )
    is_superuser = models.BooleanField(
        _("operator"),
        default=False,
        help_text=_("Runs this installation: sees all organizations in Django's admin."),
    )
    last_workspace = models.ForeignKey(
        Workspace, on_delete=models.SET_NULL, related_name="+", null=True, blank=True, editable=False
    )
    totp_secret = EncryptedTextField(blank=True, default="", editable=False)
    totp_enabled_at = models.DateTimeField(_("two-step sign-in since"), null=True, blank=True, editable=False)
    totp_last_step = models.BigIntegerField(default=0, editable=False)
    recovery_codes: Any = models.JSONField(default=list, blank=True, editable=False)

    objects = UserManager()

    class Meta:
        verbose_name = _("person")
        verbose_name_plural = _("people")
        ordering = ["username"]
        constraints = [
            models.UniqueConstraint(
                Lower("username"),
                name="members_username",
                violation_error_message=_("Somebody already has this user name."),
            ),
            models.UniqueConstraint(
                Lower("email"),
                condition=~models.Q(email=""),
                name="members_email",
                violation_error_message=_("Somebody already has this e-mail address."),
            ),
            models.UniqueConstraint(
                fields=["organization", "nickname"],
                condition=~models.Q(nickname=""),
                name="members_nickname",
                violation_error_message=_("Somebody in the organization already has this nickname."),
            ),
        ]

    def __str__(self) -> str:
        return self.nickname or self.username

    @property
    def is_staff(self) -> bool:
        """Whether Django's admin lets the person in."""
        return self.is_active and (self.is_superuser or self.is_manager)

    @property
    def uses_totp(self) -> bool:
        return self.totp_enabled_at is not None

    @property
    def is_invited(self) -> bool:
        """Added by somebody else, and has not chosen a password yet."""
        return not self.has_usable_password()

    def has_perm(self, perm: str, obj: object = None) -> bool:
        """For Django's admin: operators see everything, managers what the admin scopes to their organization."""
        return self.has_module_perms(perm.partition(".")[0])

    def has_module_perms(self, app_label: str) -> bool:
        if self.is_superuser:
            return self.is_active
        return self.is_staff and app_label in ("organizations", "members", "permissions", "audit")


class WorkspaceMember(WorkspaceScoped, TimeStamped):
    """A person in a workspace. What they may do there is told by the roles assigned to this row."""

    id = PrefixedIdField("mem")
    user = models.ForeignKey(
        User, on_delete=models.CASCADE, related_name="memberships", verbose_name=_("person")
    )

    class Meta:
        verbose_name = _("member")
        verbose_name_plural = _("members")
        ordering = ["user__nickname", "user__username"]
        constraints = [
            models.UniqueConstraint(fields=["workspace", "user"], name="members_once_per_workspace")
        ]

    def __str__(self) -> str:
        return str(self.user)


class ApiToken(WorkspaceScoped):
    """A key to the API of one workspace in a person's name. Only its hash is kept."""

    class State(models.TextChoices):
        ACTIVE = "active", _("Active")
        EXPIRED = "expired", _("Expired")
        REVOKED = "revoked", _("Revoked")

    id = PrefixedIdField("tok")
    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="tokens", verbose_name=_("person"))
    name = models.CharField(_("name"), max_length=64)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    hint = models.CharField(_("ends in"), max_length=4, editable=False)
    scopes: Any = models.JSONField(_("scopes"), default=list, blank=True)
    created_at = models.DateTimeField(_("created"), auto_now_add=True)
    expires_at = models.DateTimeField(_("expires"))
    last_used_at = models.DateTimeField(_("last used"), null=True, editable=False)
    revoked_at = models.DateTimeField(_("revoked"), null=True, editable=False)

    class Meta:
        verbose_name = _("API token")
        verbose_name_plural = _("API tokens")
        ordering = ["-created_at"]

    def __str__(self) -> str:
        return self.name

    def is_usable(self, at: datetime | None = None) -> bool:
        return self.revoked_at is None and (at or timezone.now()) < self.expires_at

    @property
    def state(self) -> State:
        if self.revoked_at is not None:
            return self.State.REVOKED
        return self.State.ACTIVE if self.is_usable() else self.State.EXPIRED
