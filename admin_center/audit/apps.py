from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AuditConfig(AppConfig):
    name = "admin_center.audit"
    label = "audit"
    verbose_name = _("audit log")

    def ready(self) -> None:
        from admin_center.audit.services import write_entry
        from cdp.console.navigation import NavItem, register
        from cdp.core.audit import add_sink

        add_sink(write_entry)
        register(NavItem("work", _("Audit log"), "history", "audit:entries", "admin.audit", order=950))
