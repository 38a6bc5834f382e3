"""Roles in Django's admin."""

from __future__ import annotations

from typing import Any

from django.contrib import admin

from admin_center.organizations.admin import OperatorOnly, ScopedAdmin
from admin_center.permissions.models import Role


@admin.register(Role)
class RoleAdmin(OperatorOnly, ScopedAdmin):
    organization_path = "workspace__organization"
    list_display = ["__str__", "workspace", "kind", "is_default"]
    list_select_related = ["workspace"]
    search_fields = ["code", "name"]

    def has_change_permission(self, request: Any, obj: Any = None) -> bool:
        return False
