"""Organizations and workspaces in Django's admin."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from unfold.admin import ModelAdmin

from admin_center.organizations.models import Organization, Workspace
from admin_center.organizations.outside import PersonAccess
from admin_center.organizations.signals import workspace_created
from cdp.core import audit


class ScopedAdmin(ModelAdmin):
    """Shows managers the rows of their own organization only; operators see all.

    `organization_path` is the lookup that leads from the model to the organization's ID.
    """

    organization_path = "organization"

    def get_queryset(self, request: HttpRequest) -> QuerySet[Any]:
        rows = super().get_queryset(request)
        user: Any = request.user
        return rows if user.is_superuser else rows.filter(**{self.organization_path: user.organization_id})

    def formfield_for_foreignkey(self, db_field: Any, request: Any, **kwargs: Any) -> Any:
        """Offers only what the person may see, so that nothing can be moved into another organization."""
        related = self.admin_site._registry.get(db_field.remote_field.model)
        if isinstance(related, ScopedAdmin):
            kwargs.setdefault("queryset", related.get_queryset(request))
        return super().formfield_for_foreignkey(db_field, request, **kwargs)

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        self._audit(request, "created", obj, message)
        return super().log_addition(request, obj, message)

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        self._audit(request, "changed", obj, message)
        return super().log_change(request, obj, message)

    def log_deletions(self, request: HttpRequest, queryset: Any) -> Any:
        for obj in queryset:
            self._audit(request, "deleted", obj, "")
        return super().log_deletions(request, queryset)

    def _audit(self, request: HttpRequest, done: str, obj: Any, message: Any) -> None:
        action = f"{self.opts.model_name}.{done}"
        audit.record(PersonAccess(request.user), action, obj, detail={"through": "admin", "message": message})


class OperatorOnly:
    """Adding and deleting are the operator's: both have consequences that the console explains and asks about."""

    def has_add_permission(self, request: Any, *args: Any) -> bool:
        return bool(request.user.is_superuser)

    def has_delete_permission(self, request: Any, obj: Any = None) -> bool:
        return bool(request.user.is_superuser)


@admin.register(Organization)
class OrganizationAdmin(OperatorOnly, ScopedAdmin):
    organization_path = "pk"
    list_display = ["name", "created_at"]
    search_fields = ["name"]


@admin.register(Workspace)
class WorkspaceAdmin(OperatorOnly, ScopedAdmin):
    list_display = ["name", "slug", "organization", "time_zone", "is_default"]
    search_fields = ["name", "slug"]
    readonly_fields = ["is_default"]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> list[str]:
        return [*self.readonly_fields, *(["organization", "slug"] if obj else [])]

    def save_model(self, request: HttpRequest, obj: Workspace, form: Any, change: bool) -> None:
        if not change:
            obj.is_default = not obj.organization.workspaces.exists()
        super().save_model(request, obj, form, change)
        if not change:
            workspace_created.send(Workspace, workspace=obj)
