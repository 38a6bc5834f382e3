from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class MaterialsConfig(AppConfig):
    name = "marketing.materials"
    label = "materials"
    verbose_name = _("materials")

    def ready(self) -> None:
        from cdp.console import navigation

        navigation.register(
            navigation.NavItem(
                "marketing", _("Materials"), "photo", "materials:list", "marketing.content.manage", 21
            )
        )
