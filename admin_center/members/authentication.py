"""Signing API requests in by bearer token."""

from __future__ import annotations

from django.utils.translation import gettext as _
from rest_framework.authentication import BaseAuthentication, get_authorization_header
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from admin_center.members.models import ApiToken, User
from admin_center.members.tokens import find_token, note_use


class BearerTokenAuthentication(BaseAuthentication):
    """`Authorization: Bearer tdl_…`; `request.auth` becomes the token's row."""

    keyword = "bearer"

    def authenticate(self, request: Request) -> tuple[User, ApiToken] | None:
        parts = get_authorization_header(request).decode("latin-1").split()
        if not parts or parts[0].lower() != self.keyword:
            return None
        if len(parts) != 2:
            raise AuthenticationFailed(_("Write the header as “Authorization: Bearer <token>”."))
        token = find_token(parts[1])
        if token is None:
            raise AuthenticationFailed(_("This token is not known."))
        if token.revoked_at is not None:
            raise AuthenticationFailed(_("This token was revoked. Make a new one."))
        if not token.is_usable():
            raise AuthenticationFailed(_("This token has expired. Make a new one."))
        if not token.user.is_active:
            raise AuthenticationFailed(_("The person whom this token belongs to may not sign in any more."))
        note_use(token)
        return token.user, token

    def authenticate_header(self, request: Request) -> str:
        return "Bearer"
