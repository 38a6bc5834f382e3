from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class DatasetsConfig(AppConfig):
    name = "insight.datasets"
    label = "datasets"
    verbose_name = _("datasets")

    def ready(self) -> None:
        from django.db.models import Q
        from django.db.models.signals import post_delete

        from admin_center.members.models import WorkspaceMember
        from admin_center.organizations import settings as workspace_settings
        from cdp.console import home, navigation
        from insight.datasets import (
            granting,
            jobs,  # noqa: F401  (registers its kind)
            queries,
            rights,
            schedule,
            services,
        )
        from insight.datasets.models import Dataset
        from insight.datasources import services as datasources
        from insight.datasources.connections import in_place

        datasources.users_of.add(
            "datasets",
            lambda table: list(
                Dataset.objects.filter(Q(table=table) | Q(joins__table=table) | Q(dimensions__table=table))
                .distinct()
                .values_list("name", flat=True)
            ),
        )
        in_place.users_of.add(
            "datasets",
            lambda source: list(
                Dataset.objects.filter(source=source.pk).order_by("name").values_list("name", flat=True)
            ),
        )
        workspace_settings.listeners.add("models", schedule.follow_settings)
        # Somebody who comes back later begins without grants.
        post_delete.connect(granting.forget, sender=WorkspaceMember, dispatch_uid="datasets.forget_grants")
        services.users_of.add("item tags", services.behaviour_of_items)
        navigation.register(
            navigation.NavItem(
                "insight", _("Datasets"), "table-options", "datasets:list", "insight.dataset.view", 20
            )
        )
        home.register(
            home.Tile(
                "datasets",
                _("Datasets"),
                "table-options",
                lambda access: rights.visible(access).count(),
                "datasets:list",
                "insight.dataset.view",
                tuple(
                    home.Shortcut(page, label, "insight.dataset.create")
                    for page, label in (
                        ("datasets:new", _("New dataset")),
                        ("datasets:rfm-new", _("New RFM model")),
                        ("aipl:new", _("New AIPL model")),
                    )
                ),
                order=10,
                parts=queries.count_by_kind,
                of=(Dataset,),
            )
        )
        home.register(
            home.Step(
                _("Make a dataset of it"),
                _("Say which column identifies people, and what the others mean."),
                lambda access: Dataset.objects.in_workspace(access.workspace).filter(version__gt=0).exists(),
                "datasets:new",
                "insight.dataset.create",
                order=20,
            )
        )
