"""People and tokens in Django's admin, which is entered through the ordinary sign-in page."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.auth.models import Group
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode

from admin_center.members.models import ApiToken, User, WorkspaceMember
from admin_center.organizations.admin import OperatorOnly, ScopedAdmin
from cdp.core.errors import PermissionDenied


def sign_in_first(request: Any, extra_context: Any = None) -> HttpResponseBase:
    """In place of the admin's own sign-in page, which knows neither lock-out nor the second step."""
    if request.user.is_authenticated:
        raise PermissionDenied("This part is for managers of the organization.")
    following = request.GET.get("next") or reverse("admin:index")
    return redirect(f"{reverse('members:login')}?{urlencode({'next': following})}")


admin.site.login = sign_in_first  # type: ignore[method-assign]
if admin.site.is_registered(Group):
    admin.site.unregister(Group)


@admin.register(User)
class UserAdmin(OperatorOnly, ScopedAdmin):
    list_display = ["username", "nickname", "email", "organization", "is_manager", "is_active", "last_login"]
    list_filter = ["is_manager", "is_active"]
    search_fields = ["username", "nickname", "email"]
    fields = [
        "username",
        "nickname",
        "email",
        "organization",
        "locale",
        "theme",
        "is_active",
        "is_manager",
        "is_owner",
        "is_superuser",
        "totp_enabled_at",
        "last_login",
    ]

    def get_readonly_fields(self, request: Any, obj: User | None = None) -> list[str]:
        """Managers give rights in the console, which keeps the last manager; here they change names only."""
        fixed = ["totp_enabled_at", "last_login"]
        if request.user.is_superuser:
            return fixed
        fixed += ["organization", "is_active", "is_manager", "is_owner", "is_superuser"]
        if obj is not None and (obj.is_owner or obj.is_superuser):
            fixed += ["username", "email"]
        return fixed

    def save_model(self, request: HttpRequest, obj: User, form: Any, change: bool) -> None:
        if not change:
            obj.set_unusable_password()
        super().save_model(request, obj, form, change)


@admin.register(WorkspaceMember)
class WorkspaceMemberAdmin(OperatorOnly, ScopedAdmin):
    organization_path = "workspace__organization"
    list_display = ["user", "workspace", "created_at"]
    list_select_related = ["user", "workspace"]
    search_fields = ["user__username", "user__nickname"]
    list_filter = [("workspace", admin.RelatedOnlyFieldListFilter)]

    def has_change_permission(self, request: Any, obj: Any = None) -> bool:
        return False


@admin.register(ApiToken)
class ApiTokenAdmin(ScopedAdmin):
    organization_path = "workspace__organization"
    list_display = ["name", "user", "workspace", "created_at", "expires_at", "last_used_at", "revoked_at"]
    list_select_related = ["user", "workspace"]
    search_fields = ["name", "user__username"]

    def has_add_permission(self, request: Any) -> bool:
        return False

    def has_change_permission(self, request: Any, obj: Any = None) -> bool:
        return False
