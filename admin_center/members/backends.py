"""Checking a password against a user name or an e-mail address."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.backends import BaseBackend
from django.http import HttpRequest

from admin_center.members.models import User


class NameOrEmailBackend(BaseBackend):
    def authenticate(
        self,
        request: HttpRequest | None,
        username: str | None = None,
        password: str | None = None,
        **kwargs: Any,
    ) -> User | None:
        """The active person with this user name, else with this e-mail address, if the password is theirs."""
        if not username or not password:
            return None
        user = find_user(username)
        if user is None:
            # Costs as much as a real check, so that the time taken does not tell which accounts exist.
            User().set_password(password)
            return None
        return user if user.check_password(password) and user.is_active else None

    def get_user(self, user_id: str) -> User | None:
        return User.objects.filter(pk=user_id, is_active=True).first()


def find_user(name: str) -> User | None:
    """Somebody by user name or e-mail address, regardless of capitals."""
    name = name.strip()
    by_name = User.objects.filter(username__iexact=name).first()
    return by_name or User.objects.filter(email__iexact=name).exclude(email="").first()


def attempted_name(request: HttpRequest, credentials: dict[str, Any] | None) -> str:
    """The name under which failed attempts are counted: the same for all spellings that mean one person."""
    given = str((credentials or {}).get("username") or request.POST.get("username", ""))[:150].replace(
        "\0", ""
    )
    user = find_user(given)
    return user.username if user else given.strip().lower()
