from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ItemsConfig(AppConfig):
    name = "insight.items"
    label = "items"
    verbose_name = _("Item pools")

    def ready(self) -> None:
        from cdp.console import navigation
        from insight.datasets import services as datasets
        from insight.items import tasks  # noqa: F401  (registers a job kind)
        from insight.items.queries import pools_of_dataset
        from insight.items.rights import USE

        datasets.users_of.add("item pools", pools_of_dataset)
        navigation.register(
            navigation.NavItem("lab", _("Item pools"), "packages", "items:list", USE, order=50)
        )
