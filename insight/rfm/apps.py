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
        from insight.audiences import analysis_tabs, extras

        navigation.register(
            navigation.NavItem(
                "analysis", _("RFM"), "grid-dots", "rfm:analysis", "insight.analysis", order=42
            )
        )
        extras.register(extras.Extra("rfm", _entries, _never))
        analysis_tabs.register(analysis_tabs.Tab("rfm", _("RFM"), "rfm:of-audience", order=30))


def _entries(access: Any, audience: Any) -> Iterator[Any]:
    from django.urls import reverse

    from insight.audiences.extras import Entry

    if audience.current_id and access.can("insight.audience.analysis"):
        url = reverse("rfm:audience", args=[access.workspace.slug, audience.pk])
        yield Entry(_("RFM of its members"), "grid-dots", url)


def _never() -> Any:
    from django.db.models import Q

    return Q(pk__isnull=True)
