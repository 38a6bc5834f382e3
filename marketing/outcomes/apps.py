from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class OutcomesConfig(AppConfig):
    name = "marketing.outcomes"
    label = "outcomes"
    verbose_name = _("message events")

    def ready(self) -> None:
        from cdp.console import navigation
        from insight.datasets import services as datasets
        from insight.datasources import kept
        from marketing.delivery import expiry
        from marketing.outcomes import jobs, tables, writing

        kept.keepers.add("message events", tables.keeps)
        datasets.users_of.add("message events", tables.users_of)
        expiry.keepers.add("message events", writing.write_last)
        navigation.register(
            navigation.NavItem(
                "marketing",
                _("Message events"),
                "history",
                "outcomes:overview",
                any_of=jobs.POINTS,
                order=13,
            )
        )
