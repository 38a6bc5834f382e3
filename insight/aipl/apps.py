from __future__ import annotations

from typing import Any

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AiplConfig(AppConfig):
    name = "insight.aipl"
    label = "aipl"
    verbose_name = _("AIPL models")

    def ready(self) -> None:
        from cdp.console import navigation
        from insight.aipl import definition, pages, services  # noqa: F401  (services registers a job kind)
        from insight.aipl.computing import compute
        from insight.datasets import kinds
        from insight.datasets import services as datasets

        kinds.register(
            kinds.KindSupport(
                key=definition.KIND,
                read=definition.read,
                write=definition.write,
                compute=compute,
                new_url="aipl:new",
                edit_url="aipl:edit",
                panel=pages.panel,
            )
        )
        datasets.users_of.add("AIPL models", _models_of)
        for label, icon, url_name, order in (
            (_("AIPL users"), "stairs-up", "aipl:users", 43),
            (_("AIPL flow"), "arrows-shuffle", "aipl:flow", 44),
        ):
            navigation.register(
                navigation.NavItem("analysis", label, icon, url_name, "insight.analysis", order=order)
            )


def _models_of(dataset: Any) -> list[str]:
    """Names of the models that read a dataset."""
    from insight.datasets.models import Dataset

    rows = Dataset.objects.in_workspace(dataset.workspace_id).filter(
        kind=Dataset.Kind.AIPL, definition__dataset=dataset.pk
    )
    return list(rows.order_by("name").values_list("name", flat=True))
