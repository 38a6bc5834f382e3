from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class BehaviourAnalysisConfig(AppConfig):
    name = "insight.behaviour_analysis"
    label = "behaviour_analysis"
    verbose_name = _("Behaviour analysis")

    def ready(self) -> None:
        from cdp.console import navigation
        from insight.audiences.extras import EXTRAS

        for label, icon, url_name, order in (
            (_("Funnel"), "filter", "behaviour:funnel", 45),
            (_("Retention"), "calendar-repeat", "behaviour:retention", 46),
            (_("Paths"), "route", "behaviour:paths", 47),
        ):
            navigation.register(
                navigation.NavItem("analysis", label, icon, url_name, "insight.analysis", order=order)
            )
        EXTRAS.add("history", _entries)


def _entries(access: Any, audience: Any) -> Iterator[Any]:
    from django.urls import reverse

    from cdp.console.extras import Entry
    from insight.audiences.origins import actions_of

    may_analyse = access.can("insight.audience.analysis") and "analyse" in actions_of(audience)
    if audience.current_id and may_analyse:
        url = reverse("behaviour:history", args=[access.workspace.slug, audience.pk])
        yield Entry(_("Over time"), "chart-line", url)
