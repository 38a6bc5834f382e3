from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class LinksConfig(AppConfig):
    name = "marketing.links"
    label = "links"
    verbose_name = _("short links")

    def ready(self) -> None:
        from cdp.console import navigation

        navigation.register(
            navigation.NavItem(
                "marketing", _("Short links"), "link", "links:list", "marketing.content.manage", 22
            )
        )
