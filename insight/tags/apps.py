from __future__ import annotations

from typing import Any

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class TagsConfig(AppConfig):
    name = "insight.tags"
    label = "tags"
    verbose_name = _("Tags")

    def ready(self) -> None:
        from cdp.console import navigation
        from insight.audiences import rule_checks, usage
        from insight.datasets import custom
        from insight.datasets import services as datasets
        from insight.tags import circles, lineage, people, rights

        custom.people_of.add("custom tags", people.of_tag)
        rule_checks.circles.add("custom tags", circles.through_tags)
        datasets.users_of.add("custom tags", _tags_of)
        usage.register_use("custom_tag", lineage.uses_of_audience)
        navigation.register(
            navigation.NavItem(
                "insight", _("Tags"), "tags", "tags:list", order=25, any_of=(rights.MANAGE, rights.CUSTOM)
            )
        )


def _tags_of(dataset: Any) -> list[str]:
    """Names of the custom tags of other datasets that read a dataset."""
    from insight.tags import lineage

    return [
        tag.field.name for tag in lineage.custom_tags_reading(dataset) if tag.field.dataset_id != dataset.pk
    ]
