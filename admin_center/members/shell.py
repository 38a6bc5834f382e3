"""The console's shell around pages that belong to no workspace."""

from __future__ import annotations

from typing import Any

from django.http import HttpResponse
from django.shortcuts import render
from django.urls import reverse

from admin_center.members.queries import landing_workspace
from cdp.core.membership import access_for

_more_tabs: list[tuple[str, Any, str]] = []


def add_organization_tab(key: str, label: Any, url_name: str) -> None:
    """A tab of the organization's pages, for modules that lie above."""
    if (key, label, url_name) not in _more_tabs:
        _more_tabs.append((key, label, url_name))


def organization_tabs() -> list[dict[str, Any]]:
    """The tabs that other modules have added: [{"key", "label", "url"}]."""
    return [{"key": key, "label": label, "url": reverse(name)} for key, label, name in _more_tabs]


def shell_page(request: Any, template: str, *, title: Any, form: Any = None, **context: Any) -> HttpResponse:
    """A page with the navigation of the workspace used last, so that nobody loses their way back to it."""
    workspace = landing_workspace(request.user)
    if workspace is not None:
        request.access = access_for(request.user, workspace)
        request.workspace = workspace
    status = 422 if form is not None and form.errors else 200
    return render(
        request,
        f"admin_center/members/{template}",
        {"title": title, "form": form, "tabs": organization_tabs(), **context},
        status=status,
    )
