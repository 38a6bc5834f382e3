"""Signing in and out, and where one lands."""

from __future__ import annotations

import math
import time
from typing import Any

from axes.handlers.proxy import AxesProxyHandler
from axes.helpers import get_cool_off
from axes.models import AccessAttempt
from django.contrib.auth import authenticate, login, logout
from django.contrib.auth.decorators import login_required
from django.contrib.auth.signals import user_login_failed
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from admin_center.members import origin, totp
from admin_center.members.account import accept_invitation, invited_user
from admin_center.members.backends import attempted_name
from admin_center.members.forms import CodeForm, NewPasswordForm, OrganizationForm, SignInForm
from admin_center.members.models import User
from admin_center.members.queries import landing_workspace, workspaces_of
from admin_center.organizations.outside import PersonAccess
from admin_center.organizations.services import found_organization
from cdp.console.generic import apply_errors
from cdp.core import audit
from cdp.core.errors import DomainError, Gone

PENDING = "pending_sign_in"
PENDING_SECONDS = 300


@never_cache
@sensitive_post_parameters("password")
def sign_in(request: HttpRequest) -> HttpResponse:
    """Name or address and password; then the second step, where the person has one."""
    following = _next(request)
    if request.user.is_authenticated:
        return redirect(following)
    form = SignInForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        user = authenticate(request, **form.cleaned_data)
        if isinstance(user, User) and user.uses_totp:
            request.session.cycle_key()
            request.session[PENDING] = {"user": user.pk, "next": following, "at": time.time()}
            return redirect("members:two-step")
        if isinstance(user, User):
            return _enter(request, user, following)
        form.add_error(None, _("The name or the password is not right. Mind capitals and small letters."))
    status = 422 if form.errors else 200
    return render(
        request, "admin_center/members/sign_in.html", {"form": form, "next": following}, status=status
    )


@never_cache
@sensitive_post_parameters("code")
def two_step(request: HttpRequest) -> HttpResponse:
    """The code of the authenticator app, or a recovery code. Wrong codes count like wrong passwords."""
    pending = request.session.get(PENDING)
    user = User.objects.filter(pk=pending["user"], is_active=True).first() if pending else None
    if user is None or time.time() - pending["at"] > PENDING_SECONDS:
        request.session.pop(PENDING, None)
        return redirect("members:login")
    credentials = {"username": user.username}
    form = CodeForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        if not AxesProxyHandler.is_allowed(request, credentials):
            request.session.pop(PENDING, None)
            return locked_out(request, None, credentials)
        if totp.verify(user, form.cleaned_data["code"]):
            return _enter(request, user, pending["next"])
        user_login_failed.send(sender=__name__, credentials=credentials, request=request)
        form.add_error(
            "code", _("This code is not right, or was used already. Type the one that is shown now.")
        )
    status = 422 if form.errors else 200
    return render(request, "admin_center/members/two_step.html", {"form": form}, status=status)


def locked_out(
    request: HttpRequest, response: Any = None, credentials: dict[str, Any] | None = None
) -> HttpResponse:
    """Too many wrong attempts: how long to wait. Called by django-axes in place of the sign-in page."""
    last = (
        AccessAttempt.objects.filter(
            username=attempted_name(request, credentials), ip_address=origin.client_ip(request)
        )
        .order_by("-attempt_time")
        .first()
    )
    cool_off = get_cool_off(request)
    left = (last.attempt_time + cool_off - timezone.now()).total_seconds() if last and cool_off else 0
    minutes = max(1, math.ceil(left / 60))
    page = render(request, "admin_center/members/locked_out.html", {"minutes": minutes}, status=429)
    page.headers["Retry-After"] = str(minutes * 60)
    return page


@require_POST
def sign_out(request: HttpRequest) -> HttpResponse:
    logout(request)
    return redirect("members:login")


@never_cache
@sensitive_post_parameters("new", "again")
def welcome(request: HttpRequest, uid: str, token: str) -> HttpResponse:
    """Choosing a password by link: for somebody who was added, or has forgotten theirs."""
    try:
        user = invited_user(uid, token)
    except Gone as error:
        return render(request, "admin_center/members/link_gone.html", {"error": error}, status=error.status)
    form = NewPasswordForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            accept_invitation(uid, token, form.cleaned_data["new"])
        except DomainError as error:
            apply_errors(form, error)
        else:
            logout(request)
            return redirect("members:login")
    status = 422 if form.errors else 200
    return render(request, "admin_center/members/welcome.html", {"form": form, "person": user}, status=status)


@login_required
def landing(request: HttpRequest) -> HttpResponse:
    """The workspace used last, or the only one; else the choice, a new organization, or whom to ask."""
    user: Any = request.user
    workspace = landing_workspace(user)
    if workspace is not None:
        return redirect(workspace_url(workspace.slug))
    return redirect("members:workspaces")


@login_required
def workspaces(request: HttpRequest) -> HttpResponse:
    """All workspaces that the person can enter."""
    user: Any = request.user
    if user.organization_id is None and user.is_superuser:
        return redirect("members:start")
    return render(
        request,
        "admin_center/members/workspaces.html",
        {"workspaces": workspaces_of(user), "page": "workspaces"},
    )


@login_required
def start(request: HttpRequest) -> HttpResponse:
    """The first page of a new installation: naming the organization. It begins with a default workspace."""
    user: Any = request.user
    if user.organization_id is not None or not user.is_superuser:
        return redirect("members:landing")
    form = OrganizationForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        name, first = form.cleaned_data["name"], _("Default workspace")
        try:
            workspace = found_organization(name, first, owner=user, access=PersonAccess(user))
        except DomainError as error:
            apply_errors(form, error)
        else:
            return redirect(workspace_url(workspace.slug))
    status = 422 if form.errors else 200
    return render(request, "admin_center/members/start.html", {"form": form}, status=status)


def workspace_url(slug: str) -> str:
    """The home page of a workspace."""
    return reverse("console:home", args=[slug])


def _enter(request: HttpRequest, user: User, following: str) -> HttpResponse:
    backend = "admin_center.members.backends.NameOrEmailBackend"
    login(request, user, backend=backend)
    request.session.pop(PENDING, None)
    audit.record(PersonAccess(user), "user.signed_in", user)
    return redirect(following)


def _next(request: HttpRequest) -> str:
    """The page to go on to: only within this installation."""
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    safe = url_has_allowed_host_and_scheme(wanted, {request.get_host()}, require_https=request.is_secure())
    return wanted if safe else reverse("members:landing")
