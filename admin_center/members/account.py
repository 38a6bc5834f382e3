"""What people change about their own account."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.tokens import default_token_generator
from django.db import transaction
from django.urls import reverse
from django.utils.encoding import force_bytes, force_str
from django.utils.http import urlsafe_base64_decode, urlsafe_base64_encode
from django.utils.translation import gettext as _

from admin_center.members.models import User
from admin_center.members.services import check_password_rules, check_user
from admin_center.organizations.outside import PersonAccess
from cdp.core import audit
from cdp.core.access import Access
from cdp.core.errors import Gone, PermissionDenied, ValidationFailed

FIELDS = ("nickname", "email", "locale", "theme")


@transaction.atomic
def update_profile(user: User, changes: dict[str, Any], *, access: Access | None = None) -> User:
    """Change nickname, e-mail, language or theme. Raises ValidationFailed with the fields that need another value."""
    before = {field: getattr(user, field) for field in changes}
    for field, value in changes.items():
        if field not in FIELDS:
            raise ValidationFailed(
                _("Nothing was saved."), errors={field: [_("This cannot be changed here.")]}
            )
        setattr(user, field, value.strip())
    check_user(user)
    after = {field: getattr(user, field) for field in changes}
    if before != after:
        user.save(update_fields=[*changes, "updated_at"])
        audit.record(access or PersonAccess(user), "user.changed", user, before=before, after=after)
    return user


@transaction.atomic
def change_password(user: User, old: str, new: str) -> None:
    """Set another password. All other sessions of the person end. Raises ValidationFailed at `old` or `new`."""
    if not user.check_password(old):
        raise ValidationFailed(
            _("The password was not changed."), errors={"old": [_("This is not your present password.")]}
        )
    _set_password(user, new)


def password_link(user: User) -> str:
    """The path at which a person chooses a password, good once and for three days. Whoever has it can sign in."""
    uid = urlsafe_base64_encode(force_bytes(user.pk))
    return reverse("members:welcome", args=[uid, default_token_generator.make_token(user)])


def make_password_link(user: User, *, access: Access) -> str:
    """A password link for somebody else, who has lost theirs; noted in the audit log.

    Raises PermissionDenied for the organization's owner and the operators of the installation: whoever has the link
    could become them.
    """
    if (user.is_owner or user.is_superuser) and user.pk != access.user.pk:
        raise PermissionDenied(_("Only they themselves can change the password of an owner or operator."))
    audit.record(access, "user.password_link_made", user)
    return password_link(user)


def invited_user(uid: str, token: str) -> User:
    """Whom a password link belongs to. Raises Gone for one that was used, has expired or never was."""
    try:
        user = User.objects.filter(pk=force_str(urlsafe_base64_decode(uid)), is_active=True).first()
    except ValueError:
        user = None
    if user is None or not default_token_generator.check_token(user, token):
        raise Gone(_("This link has been used or has expired. Ask an administrator for a new one."))
    return user


@transaction.atomic
def accept_invitation(uid: str, token: str, password: str) -> User:
    """Set the password of the person whom the link was made for. Raises Gone, or ValidationFailed at `new`."""
    user = invited_user(uid, token)
    _set_password(user, password)
    return user


def _set_password(user: User, password: str) -> None:
    check_password_rules(password, user, "new")
    user.set_password(password)
    user.save(update_fields=["password", "updated_at"])
    audit.record(PersonAccess(user), "user.password_changed", user)
