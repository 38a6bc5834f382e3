from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class MembersConfig(AppConfig):
    name = "admin_center.members"
    label = "members"
    verbose_name = _("people")

    def ready(self) -> None:
        from admin_center.members import schema, shell  # noqa: F401 (registers itself)

        shell.add_organization_tab("modules", _("Modules"), "members:modules")
