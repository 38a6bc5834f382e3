"""The console's shell around pages that belong to no workspace."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render

from admin_center.members.queries import landing_workspace
from cdp.core.membership import access_for


def shell_page(request: Any, template: str, *, title: Any, form: Any = None, **context: Any) -> HttpResponse:
    """A page with the navigation of the workspace used last, so that nobody loses their way back to it."""
    workspace = landing_workspace(request.user)
    if workspace is not None:
        request.access = access_for(request.user, workspace)
        request.workspace = workspace
    status = 422 if form is not None and form.errors else 200
    return render(
        request, f"admin_center/members/{template}", {"title": title, "form": form, **context}, status=status
    )
