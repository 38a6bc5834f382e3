"""The base of all pages in a workspace."""

from __future__ import annotations

from typing import Any, ClassVar

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.views import View

from cdp.console.links import ws_reverse
from cdp.console.visits import note_visit
from cdp.core.access import Access

LISTS = "lists"
"""In the session: the last query of each list, by its path."""


class WorkspaceView(View):
    """A page below /w/<workspace>/. `permission` is required before anything else; "" is not allowed."""

    permission: ClassVar[str] = ""
    template_name: ClassVar[str] = ""
    title: Any = ""

    request: Any
    access: Access

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        self.access = request.access  # type: ignore[attr-defined]
        self.workspace = self.access.workspace
        self.access.require(self.permission_point())
        response = super().dispatch(request, *args, **kwargs)
        if request.method == "GET" and response.status_code == 200 and not self.request.htmx:
            note_visit(self.access, self.request.resolver_match.view_name)
        return response

    def permission_point(self) -> str:
        """The point that the page asks for; overridden where it depends on the object."""
        if not self.permission:
            raise TypeError(f"{type(self).__name__} names no permission point.")
        return self.permission

    def reverse(self, name: str, *args: Any, **kwargs: Any) -> str:
        return ws_reverse(self.request, name, *args, **kwargs)

    def list_url(self, name: str) -> str:
        """The address of a list as the person left it: with its search, filters, sorting and page."""
        path = self.reverse(name)
        query = self.request.session.get(LISTS, {}).get(path, "")
        return f"{path}?{query}" if query else path

    def get_context(self, **more: Any) -> dict[str, Any]:
        return {"title": self.title, "view": self, "workspace": self.workspace, **more}

    def render(self, template: str, context: dict[str, Any], *, status: int = 200) -> HttpResponse:
        return render(self.request, template, context, status=status)
