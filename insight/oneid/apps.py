from __future__ import annotations

from typing import Any

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class OneIdConfig(AppConfig):
    name = "insight.oneid"
    label = "oneid"
    verbose_name = _("identities")

    def ready(self) -> None:
        from cdp.console import navigation
        from insight.datasets import services as datasets
        from insight.datasources import services as datasources
        from insight.oneid import jobs, records, sections  # noqa: F401  (jobs registers its kind)

        sections.register(
            sections.Section("tags", _("Tags"), "tags", "insight/oneid/tags.html", records.tags, 10)
        )
        sections.register(
            sections.Section(
                "timeline", _("Behaviour"), "activity", "insight/oneid/timeline.html", records.timeline, 20
            )
        )
        datasets.users_of.add("identities", _uses_dataset)
        datasources.users_of.add("identities", _uses_table)
        navigation.register(
            navigation.NavItem(
                "insight", _("Identities"), "id", "oneid:overview", "insight.oneid.view", order=26
            )
        )
        navigation.register(
            navigation.NavItem(
                "insight", _("Find a person"), "user-search", "oneid:find", "insight.oneid.person", order=27
            )
        )


def _uses_dataset(dataset: Any) -> list[str]:
    return _uses(dataset.workspace_id, "dataset", dataset.pk)


def _uses_table(table: Any) -> list[str]:
    return _uses(table.workspace_id, "table", table.name)


def _uses(workspace: Any, kind: str, key: str) -> list[str]:
    """Identities keep their sources from being removed."""
    from insight.oneid.models import IdentityGraph

    graph = IdentityGraph.objects.in_workspace(workspace).first()
    used = graph is not None and any(source.get(kind) == key for source in graph.sources)
    return [str(_("Identities"))] if used else []
