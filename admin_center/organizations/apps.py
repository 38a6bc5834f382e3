from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class OrganizationsConfig(AppConfig):
    name = "admin_center.organizations"
    label = "organizations"
    verbose_name = _("organizations")

    def ready(self) -> None:
        from cdp.console.navigation import NavItem, register

        register(
            NavItem("work", _("Settings"), "settings", "organizations:settings", "admin.workspace", order=940)
        )
