"""The pages of one's own account."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth import update_session_auth_hash
from django.contrib.auth.decorators import login_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.utils import translation
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_POST

from admin_center.members import totp
from admin_center.members.account import change_password, update_profile
from admin_center.members.forms import CodeForm, PasswordForm, PreferencesForm, ProfileForm, TotpOffForm
from admin_center.members.models import ApiToken, User
from admin_center.members.queries import workspaces_of
from admin_center.members.shell import shell_page
from admin_center.organizations.outside import PersonAccess
from cdp.console.generic import apply_errors
from cdp.core.errors import DomainError

SECRET = "totp_secret_being_set_up"


@login_required
def account(request: HttpRequest) -> HttpResponse:
    """Nickname, e-mail, language and theme."""
    user = _person(request)
    form = ProfileForm(request.POST or None, instance=_person(request))
    if request.method == "POST" and form.is_valid():
        try:
            update_profile(user, form.cleaned_data)
        except DomainError as error:
            apply_errors(form, error)
        else:
            translation.activate(user.locale or translation.get_language() or "en")
            messages.success(request, _("Your account was saved."))
            return redirect("members:account")
    return _page(request, "account.html", form, tab="profile")


@login_required
@never_cache
@sensitive_post_parameters("old", "new", "again")
def password(request: HttpRequest) -> HttpResponse:
    """Another password. This session stays, all others of the person end."""
    user = _person(request)
    form = PasswordForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            change_password(user, form.cleaned_data["old"], form.cleaned_data["new"])
        except DomainError as error:
            apply_errors(form, error)
        else:
            update_session_auth_hash(request, user)
            messages.success(request, _("Your password was changed. You were signed out everywhere else."))
            return redirect("members:password")
    return _page(request, "password.html", form, tab="password")


@login_required
@never_cache
@sensitive_post_parameters("code")
def two_step_setup(request: HttpRequest) -> HttpResponse:
    """Switching the second step on: scan the code, type what the app shows, keep the recovery codes."""
    user = _person(request)
    if user.uses_totp:
        return _page(
            request, "two_step_on.html", TotpOffForm(), tab="two-step", left=len(user.recovery_codes)
        )
    secret = request.session.setdefault(SECRET, totp.new_secret())
    form = CodeForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            codes = totp.enable(user, secret, form.cleaned_data["code"], access=PersonAccess(user))
        except DomainError as error:
            apply_errors(form, error)
        else:
            del request.session[SECRET]
            return _page(request, "recovery_codes.html", None, tab="two-step", codes=codes)
    picture = totp.qr_svg(user, secret)
    return _page(request, "two_step_setup.html", form, tab="two-step", picture=picture, secret=secret)


@login_required
@require_POST
@sensitive_post_parameters("password")
def two_step_off(request: HttpRequest) -> HttpResponse:
    return _with_password(request, _switch_off)


@login_required
@require_POST
@sensitive_post_parameters("password")
def recovery_codes(request: HttpRequest) -> HttpResponse:
    return _with_password(request, _show_new_codes)


@login_required
def tokens(request: HttpRequest) -> HttpResponse:
    """Where one's API tokens are: they belong to a workspace each."""
    user = _person(request)
    mine = ApiToken.objects.filter(user=user, workspace__in=workspaces_of(user)).select_related("workspace")
    return _page(request, "tokens.html", None, tab="tokens", tokens=mine, workspaces=workspaces_of(user))


@login_required
@require_POST
def preferences(request: HttpRequest) -> HttpResponse:
    """The language and theme switches of the top bar. Goes back to the page they were used on."""
    form = PreferencesForm(request.POST)
    if form.is_valid():
        update_profile(
            _person(request), {name: form.cleaned_data[name] for name in form.data if name in form.fields}
        )
    back = request.POST.get("next", "")
    safe = url_has_allowed_host_and_scheme(back, {request.get_host()}, require_https=request.is_secure())
    return redirect(back if safe else reverse("members:account"))


def _with_password(request: HttpRequest, act: Any) -> HttpResponse:
    """Do something about the second step, after the person has proved once more who they are."""
    user = _person(request)
    if not user.uses_totp:
        return redirect("members:two-step-setup")
    form = TotpOffForm(request.POST)
    if form.is_valid() and user.check_password(form.cleaned_data["password"]):
        return act(request, user)
    form.add_error("password", _("This is not your password. Nothing was changed."))
    return _page(request, "two_step_on.html", form, tab="two-step", left=len(user.recovery_codes))


def _switch_off(request: HttpRequest, user: User) -> HttpResponse:
    totp.disable(user, access=PersonAccess(user))
    messages.success(request, _("Two-step sign-in is off."))
    return redirect("members:two-step-setup")


def _show_new_codes(request: HttpRequest, user: User) -> HttpResponse:
    codes = totp.renew_recovery_codes(user, access=PersonAccess(user))
    return _page(request, "recovery_codes.html", None, tab="two-step", codes=codes)


def _person(request: HttpRequest) -> User:
    """A fresh copy: what a refused form has typed must not show in the top bar."""
    return User.objects.get(pk=request.user.pk)


def _page(request: HttpRequest, template: str, form: Any, *, tab: str, **context: Any) -> HttpResponse:
    return shell_page(request, template, title=_("Your account"), form=form, tab=tab, **context)
