from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class DatasourcesConfig(AppConfig):
    name = "insight.datasources"
    label = "datasources"
    verbose_name = _("data sources")

    def ready(self) -> None:
        from admin_center.members import shell
        from cdp.console import home, navigation
        from cdp.warehouse import register_finder
        from insight.datasources import jobs, models  # noqa: F401  (jobs registers its kind)
        from insight.datasources.connections import engines
        from insight.datasources.connections import jobs as copy_jobs  # noqa: F401  (registers its kind)

        shell.add_organization_tab("sources", _("Data sources"), "organization-sources:list")
        register_finder(engines.PREFIX, engines.engine_of)
        navigation.register(
            navigation.NavItem(
                "insight",
                _("Data sources"),
                "database",
                "datasources:list",
                "insight.datasource.view",
                order=10,
            )
        )
        home.register(
            home.Step(
                _("Upload a table"),
                _("A CSV, Excel or Parquet file of your customers or their purchases."),
                lambda access: models.SourceTable.objects.in_workspace(access.workspace).exists(),
                "datasources:upload",
                "insight.datasource.manage",
                order=10,
            )
        )
