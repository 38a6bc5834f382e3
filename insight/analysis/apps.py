from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AnalysisConfig(AppConfig):
    name = "insight.analysis"
    label = "analysis"
    verbose_name = _("Analysis")

    def ready(self) -> None:
        from cdp.console import navigation
        from insight.analysis import counting
        from insight.audiences import analysis_tabs as tabs
        from insight.datasets import services as datasets

        datasets.followers.add("counts", counting.keep)

        navigation.register(
            navigation.NavItem(
                "analysis",
                _("Perspective"),
                "chart-pie",
                "analysis:perspective",
                "insight.analysis",
                order=40,
            )
        )
        navigation.register(
            navigation.NavItem(
                "analysis",
                _("Audience analysis"),
                "chart-dots",
                "analysis:audience",
                "insight.audience.analysis",
                order=41,
            )
        )
        tabs.register(tabs.Tab("indicators", _("Indicators"), "analysis:audience", order=10))
        tabs.register(tabs.Tab("significance", _("Significance"), "analysis:significance", order=20))
