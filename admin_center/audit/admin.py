"""The audit log in Django's admin: to read, never to write."""

from __future__ import annotations

from typing import Any

from django.contrib import admin

from admin_center.audit.models import AuditEntry, DownloadLog
from admin_center.organizations.admin import ScopedAdmin


class ReadOnly(ScopedAdmin):
    def has_add_permission(self, request: Any) -> bool:
        return False

    def has_change_permission(self, request: Any, obj: Any = None) -> bool:
        return False

    def has_delete_permission(self, request: Any, obj: Any = None) -> bool:
        return False


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnly):
    list_display = ["at", "actor_name", "action", "object_name", "workspace", "via", "ip"]
    list_select_related = ["workspace"]
    search_fields = ["action", "actor_name", "object_name", "object_id"]
    list_filter = ["via"]
    date_hierarchy = "at"


@admin.register(DownloadLog)
class DownloadLogAdmin(ReadOnly):
    organization_path = "workspace__organization"
    list_display = ["at", "user", "object_name", "rows", "unmasked", "workspace"]
    list_select_related = ["workspace", "user"]
    search_fields = ["object_name", "object_id"]
