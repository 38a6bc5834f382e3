"""The organization: its workspaces and people. For its managers only."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import login_required
from django.core.paginator import Paginator
from django.db.models import Count, Q
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from admin_center.members.account import make_password_link
from admin_center.members.forms import OrganizationForm, WorkspaceForm
from admin_center.members.models import User, WorkspaceMember
from admin_center.members.queries import people_of
from admin_center.members.services import set_active, set_manager
from admin_center.members.shell import shell_page
from admin_center.members.views import workspace_url
from admin_center.organizations import services
from admin_center.organizations.models import Workspace
from admin_center.organizations.outside import PersonAccess
from cdp.console.generic import apply_errors
from cdp.core.errors import DomainError, NotFound, PermissionDenied

View = Callable[..., HttpResponse]
PEOPLE_PER_PAGE = 50


def for_managers(view: View) -> View:
    """Lets managers of an organization in; raises PermissionDenied for others."""

    @login_required
    @wraps(view)
    def checked(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        user: Any = request.user
        if not user.is_manager or user.organization_id is None:
            raise PermissionDenied(_("Only managers of the organization see this page. Ask one of them."))
        return view(request, *args, **kwargs)

    return checked


@for_managers
def organization(request: HttpRequest) -> HttpResponse:
    """Its name and its workspaces."""
    user: Any = request.user
    form = OrganizationForm(request.POST or None, initial={"name": user.organization.name})
    if request.method == "POST" and form.is_valid():
        try:
            services.rename_organization(
                user.organization, form.cleaned_data["name"], access=PersonAccess(user)
            )
        except DomainError as error:
            apply_errors(form, error)
        else:
            messages.success(request, _("The organization was renamed."))
            return redirect("members:organization")
    members = WorkspaceMember.objects.filter(workspace__organization=user.organization)
    counts = dict(members.values_list("workspace").annotate(Count("pk")))
    rows = [(workspace, counts.get(workspace.pk, 0)) for workspace in user.organization.workspaces.all()]
    return _page(request, "organization.html", tab="organization", form=form, rows=rows)


@for_managers
def create_workspace(request: HttpRequest) -> HttpResponse:
    user: Any = request.user
    form = WorkspaceForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            workspace = services.create_workspace(
                user.organization, access=PersonAccess(user), **form.cleaned_data
            )
        except DomainError as error:
            apply_errors(form, error)
        else:
            messages.success(request, _("The workspace “%(name)s” was created.") % {"name": workspace.name})
            return redirect(workspace_url(workspace.slug))
    return _page(request, "workspace_create.html", tab="organization", form=form, title=_("New workspace"))


@for_managers
@require_POST
def make_default(request: HttpRequest, workspace_id: str) -> HttpResponse:
    user: Any = request.user
    workspace = Workspace.objects.filter(organization=user.organization_id, pk=workspace_id).first()
    if workspace is None:
        raise NotFound(_("There is no such workspace in your organization."))
    services.make_default(workspace, access=PersonAccess(user))
    messages.success(request, _("“%(name)s” is the default workspace now.") % {"name": workspace.name})
    return redirect("members:organization")


@for_managers
def people(request: HttpRequest) -> HttpResponse:
    """Everybody in the organization."""
    user: Any = request.user
    search = request.GET.get("search", "").strip()
    rows = people_of(user.organization).order_by("nickname", "username")
    if search:
        rows = rows.filter(
            Q(username__icontains=search) | Q(nickname__icontains=search) | Q(email__icontains=search)
        )
    page = Paginator(rows, PEOPLE_PER_PAGE).get_page(request.GET.get("page"))
    return _page(request, "people.html", tab="people", people=page, search=search)


@for_managers
@require_POST
def change_person(request: HttpRequest, user_id: str) -> HttpResponse:
    """Make somebody a manager or not, let them sign in or not, or make them a new password link."""
    manager: Any = request.user
    person = User.objects.filter(organization=manager.organization_id, pk=user_id).first()
    if person is None:
        raise NotFound(_("There is no such person in your organization."))
    access, act = PersonAccess(manager), request.POST.get("act")
    try:
        if act in ("promote", "demote"):
            set_manager(person, act == "promote", access=access)
        elif act in ("lock", "unlock"):
            set_active(person, act == "unlock", access=access)
        elif act == "link":
            link = request.build_absolute_uri(make_password_link(person, access=access))
            return _page(request, "password_link.html", tab="people", person=person, link=link)
    except DomainError as error:
        messages.error(request, str(error))
    else:
        messages.success(request, _("Saved: %(person)s.") % {"person": person})
    return redirect("members:people")


def _page(request: Any, template: str, *, tab: str, title: Any = "", **context: Any) -> HttpResponse:
    return shell_page(request, template, title=title or request.user.organization, tab=tab, **context)
