from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AnalysisConfig(AppConfig):
    name = "insight.analysis"
    label = "analysis"
    verbose_name = _("Analysis")

    def ready(self) -> None:
        from cdp.console import navigation

        navigation.register(
            navigation.NavItem(
                "insight", _("Perspective"), "chart-pie", "analysis:perspective", "insight.analysis", order=40
            )
        )
