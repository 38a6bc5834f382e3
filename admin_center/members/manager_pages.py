"""The base of pages below /organization/ that other modules add: for managers alone, with the tabs above."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import resolve_url
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views import View

from admin_center.members.queries import landing_workspace, workspaces_of
from admin_center.members.shell import organization_tabs
from admin_center.organizations.outside import PersonAccess
from cdp.console.generic import WorkspaceView
from cdp.core.errors import PermissionDenied
from cdp.core.membership import access_for
from cdp.core.timezones import zone


class ManagerView(WorkspaceView):
    """A page for managers of the organization, in the time zone of their workspace. `tab` is the key of its tab."""

    tab: str = ""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        user: Any = request.user
        if not user.is_authenticated:
            return redirect_to_login(request.get_full_path(), resolve_url("members:login"))
        if not user.is_manager or user.organization_id is None:
            raise PermissionDenied(_("Only managers of the organization see this page. Ask one of them."))
        self.access, self.organization = PersonAccess(user), user.organization
        # The navigation is that of the workspace used last, so that nobody loses their way back to it.
        self.workspace = landing_workspace(user)
        if self.workspace is not None:
            request.access = access_for(user, self.workspace)  # type: ignore[attr-defined]
            request.workspace = self.workspace  # type: ignore[attr-defined]
        place = self.workspace or workspaces_of(user).order_by("-is_default").first()
        if place is not None:
            timezone.activate(zone(place))
        return View.dispatch(self, request, *args, **kwargs)

    def reverse(self, name: str, *args: Any, **kwargs: Any) -> str:
        return reverse(name, args=args or None, kwargs=kwargs or None)

    def get_context(self, **more: Any) -> dict[str, Any]:
        return super().get_context(tab=self.tab, tabs=organization_tabs(), **more)
