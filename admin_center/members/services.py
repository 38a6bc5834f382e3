"""Making people and putting them into workspaces."""

from __future__ import annotations

import re
from typing import Any

from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.translation import gettext as _

from admin_center.members.models import User, WorkspaceMember
from admin_center.organizations.models import Organization, Workspace
from cdp.core import audit
from cdp.core.access import Access
from cdp.core.errors import Conflict, ValidationFailed


@transaction.atomic
def create_user(
    username: str,
    *,
    email: str = "",
    nickname: str = "",
    password: str | None = None,
    organization: Organization | None = None,
    is_manager: bool = False,
    is_superuser: bool = False,
    access: Access | None = None,
) -> User:
    """Add a person. Without a password they are invited: they choose one through a link (see `invitations`).

    Raises ValidationFailed with the field for a name, address or nickname that is taken or not allowed, and for a
    weak password.
    """
    user = User(
        username=username.strip(),
        email=email.strip(),
        organization=organization,
        is_manager=is_manager,
        is_superuser=is_superuser,
    )
    user.nickname = nickname.strip() or free_nickname(username, organization)
    check_user(user)
    if password is None:
        user.set_unusable_password()
    else:
        check_password_rules(password, user)
        user.set_password(password)
    user.save(force_insert=True)
    audit.record(access, "user.created", user, after={"username": user.username, "nickname": user.nickname})
    return user


def check_user(user: User) -> None:
    """Raises ValidationFailed with the fields where the person's data cannot be saved."""
    errors: dict[str, list[Any]] = {}
    try:
        user.full_clean(exclude=["password"])
    except ValidationError as error:
        errors = _by_field(error)
    others = User.objects.exclude(pk=user.pk)
    # A user name that equals somebody's address would make signing in with that address ambiguous.
    if "@" in user.username and others.filter(email__iexact=user.username).exists():
        errors.setdefault("username", []).append(_("Somebody already has this as their e-mail address."))
    if user.email and others.filter(username__iexact=user.email).exists():
        errors.setdefault("email", []).append(_("Somebody already has this as their user name."))
    if errors:
        raise ValidationFailed(_("The account was not saved: some fields need another value."), errors=errors)


def check_password_rules(password: str, user: User, field: str = "password") -> None:
    """Raises ValidationFailed naming the rules that the password breaks."""
    try:
        validate_password(password, user)
    except ValidationError as error:
        raise ValidationFailed(_("Choose another password."), errors={field: error.messages}) from None


def free_nickname(username: str, organization: Organization | None) -> str:
    """A nickname made from an account name: what stands before the @, allowed characters only, made unique."""
    base = re.sub(r"[^\u3400-\u9fffA-Za-z0-9_]", "_", username.strip().partition("@")[0])[:28] or "_"
    if base.isdigit():
        base = f"_{base}"[:28]
    taken = set(
        User.objects.filter(organization=organization, nickname__startswith=base).values_list(
            "nickname", flat=True
        )
    )
    number, nickname = 1, base
    while nickname in taken:
        number += 1
        nickname = f"{base}_{number}"
    return nickname


def add_member(workspace: Workspace, user: User, *, access: Access | None = None) -> WorkspaceMember:
    """Put a person into a workspace, and into its organization if they are in none. Roles are given separately.

    Raises ValidationFailed for somebody of another organization, or who is in the workspace already.
    """
    if user.organization_id not in (None, workspace.organization_id):
        raise ValidationFailed(
            _("Nobody was added."),
            errors={"username": [_("There is no account of this name that can be added.")]},
        )
    with transaction.atomic():
        if user.organization_id is None:
            user.organization = workspace.organization
            user.save(update_fields=["organization", "updated_at"])
        member, created = WorkspaceMember.objects.get_or_create(workspace=workspace, user=user)
        if not created:
            raise ValidationFailed(
                _("Nobody was added."), errors={"username": [_("This person is in the workspace already.")]}
            )
        audit.record(access, "member.added", member, workspace=workspace)
    return member


@transaction.atomic
def set_manager(user: User, is_manager: bool, *, access: Access | None = None) -> None:
    """Make somebody a manager of their organization, or no longer one. Raises Conflict for its owner."""
    if user.is_manager == is_manager:
        return
    if not is_manager and user.is_owner:
        raise Conflict(_("The owner of the organization always manages it."), code="owner")
    others = User.objects.filter(organization=user.organization_id, is_manager=True, is_active=True).exclude(
        pk=user.pk
    )
    if not is_manager and not others.exists():
        raise Conflict(
            _("Somebody has to manage the organization: make another manager first."), code="last_manager"
        )
    user.is_manager = is_manager
    user.save(update_fields=["is_manager", "updated_at"])
    audit.record(
        access,
        "user.manager_changed",
        user,
        before={"manager": not is_manager},
        after={"manager": is_manager},
    )


@transaction.atomic
def set_active(user: User, is_active: bool, *, access: Access | None = None) -> None:
    """Let somebody sign in, or no longer: sessions and tokens stop working at once. Raises Conflict for the owner."""
    if user.is_active == is_active:
        return
    if user.is_owner:
        raise Conflict(_("The owner of the organization cannot be locked out."), code="owner")
    user.is_active = is_active
    user.save(update_fields=["is_active", "updated_at"])
    audit.record(access, "user.locked" if not is_active else "user.unlocked", user)


def _by_field(error: ValidationError) -> dict[str, list[Any]]:
    """Constraint violations come without a field; the constraint's name tells it."""
    found: dict[str, list[Any]] = {}
    for field, problems in error.error_dict.items():
        for problem in problems:
            found.setdefault(_field_of(field, problem), []).extend(problem.messages)
    return found


def _field_of(field: str, problem: ValidationError) -> str:
    if field != "__all__":
        return field
    texts = {str(rule.violation_error_message): rule.name for rule in User._meta.constraints}
    return texts.get(problem.messages[0], "__all__").removeprefix("members_")
