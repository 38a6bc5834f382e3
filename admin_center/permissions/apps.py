from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class PermissionsConfig(AppConfig):
    name = "admin_center.permissions"
    label = "permissions"
    verbose_name = _("roles")

    def ready(self) -> None:
        from admin_center.organizations.signals import workspace_created
        from admin_center.permissions.access import access_for
        from admin_center.permissions.presets import create_preset_roles
        from cdp.console.navigation import NavItem, register
        from cdp.core.membership import set_resolver

        set_resolver(access_for)
        workspace_created.connect(create_preset_roles, dispatch_uid="preset-roles")
        register(NavItem("work", _("Members"), "users", "permissions:members", "admin.workspace", order=910))
        register(
            NavItem("work", _("Roles"), "shield-lock", "permissions:roles", "admin.workspace", order=920)
        )
        register(
            NavItem(
                "work", _("User groups"), "users-group", "permissions:groups", "admin.workspace", order=915
            )
        )
        register(NavItem("work", _("API tokens"), "key", "permissions:tokens", "workspace.view", order=930))
