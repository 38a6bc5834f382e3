from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class RfmConfig(AppConfig):
    name = "insight.rfm"
    label = "rfm"
    verbose_name = _("RFM analysis")

    def ready(self) -> None:
        from cdp.console import navigation
        from insight.audiences import analysis_tabs
        from insight.audiences.extras import EXTRAS

        navigation.register(
            navigation.NavItem(
                "analysis", _("RFM"), "grid-dots", "rfm:analysis", "insight.analysis", order=42
            )
        )
        EXTRAS.add("rfm", _entries)
        analysis_tabs.register(analysis_tabs.Tab("rfm", _("RFM"), "rfm:of-audience", order=30))


def _entries(access: Any, audience: Any) -> Iterator[Any]:
    from django.urls import reverse

    from cdp.console.extras import Entry
    from insight.audiences.origins import actions_of

    may_analyse = access.can("insight.audience.analysis") and "analyse" in actions_of(audience)
    if audience.current_id and may_analyse:
        url = reverse("rfm:audience", args=[access.workspace.slug, audience.pk])
        yield Entry(_("RFM of its members"), "grid-dots", url)
