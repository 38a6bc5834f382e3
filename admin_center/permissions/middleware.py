"""Puts the workspace of the URL, and the person's access to it, on console requests."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib.auth.views import redirect_to_login
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import resolve_url
from django.utils import timezone
from django_htmx.http import HttpResponseClientRedirect

from admin_center.members.models import User
from admin_center.permissions.access import access_for
from cdp.core.errors import NotFound
from cdp.core.timezones import zone

API_PREFIX = "/api/"


class WorkspaceMiddleware:
    """Every console URL with a `workspace` part gets `request.workspace` and `request.access`.

    Who is not signed in goes to the sign-in page; who is no member gets the same 404 as for a workspace that does not
    exist. Times on the page are the workspace's. The API's base view does the same for its own URLs, because tokens
    are read there.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        try:
            return self.get_response(request)
        finally:
            timezone.deactivate()

    def process_view(
        self, request: Any, view: Callable[..., HttpResponse], args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> HttpResponseBase | None:
        slug = kwargs.get("workspace")
        if slug is None or request.path.startswith(API_PREFIX):
            return None
        if not request.user.is_authenticated:
            return _to_login(request)
        try:
            request.access = access_for(request.user, slug)
        except NotFound as error:
            # Raised here, a domain error would pass no error middleware any more; Http404 gets the 404 page.
            raise Http404(str(error)) from None
        request.workspace = request.access.workspace
        timezone.activate(zone(request.workspace))
        _remember(request.user, request.workspace.pk)
        return None


def _to_login(request: Any) -> HttpResponseBase:
    """To the sign-in page and back; a partial request moves the whole page there instead of swapping it in."""
    if not request.htmx:
        return redirect_to_login(request.get_full_path(), resolve_url("members:login"))
    page = request.htmx.current_url_abs_path or "/"
    return HttpResponseClientRedirect(redirect_to_login(page, resolve_url("members:login")).url)


def _remember(user: Any, workspace_id: str) -> None:
    """Signing in leads to the workspace that was used last."""
    if user.last_workspace_id != workspace_id:
        User.objects.filter(pk=user.pk).update(last_workspace_id=workspace_id)
