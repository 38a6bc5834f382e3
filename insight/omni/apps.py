from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class OmniConfig(AppConfig):
    name = "insight.omni"
    label = "omni"
    verbose_name = _("omni-domain insight")

    def ready(self) -> None:
        from cdp.console import navigation
        from insight.omni import audiences, jobs  # noqa: F401  (register an origin, and kinds of jobs)

        navigation.register(
            navigation.NavItem(
                "insight", _("Omni-domain insight"), "world", "omni:overview", "omni", order=80
            )
        )
