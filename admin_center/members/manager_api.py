"""The base of what managers of an organization do by the API, outside of any workspace."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from rest_framework import viewsets
from rest_framework.request import Request

from admin_center.members.models import ApiToken
from admin_center.organizations.outside import PersonAccess
from cdp.core.api import WorkspaceAPIView
from cdp.core.errors import PermissionDenied


class ManagerViewSet(WorkspaceAPIView, viewsets.GenericViewSet):
    """A resource of the organization of the person who asks. Tokens with scopes are for their workspace alone."""

    lookup_value_regex = "[^/]+"

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        super(WorkspaceAPIView, self).initial(request, *args, **kwargs)
        user: Any = request.user
        if not user.is_manager or user.organization_id is None:
            raise PermissionDenied(_("Only managers of the organization may do this. Ask one of them."))
        if isinstance(request.auth, ApiToken) and request.auth.scopes:
            raise PermissionDenied(
                _(
                    "The token's scopes hold for its workspace. Make a token without scopes for the organization."
                )
            )
        self.access, self.organization = PersonAccess(user), user.organization
