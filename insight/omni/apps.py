from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class OmniConfig(AppConfig):
    name = "insight.omni"
    label = "omni"
    verbose_name = _("omni-domain insight")

    def ready(self) -> None:
        from cdp.console import navigation
        from insight.audiences import extras
        from insight.omni import audiences, jobs  # noqa: F401  (register an origin, and kinds of jobs)

        navigation.register(
            navigation.NavItem(
                "insight", _("Omni-domain insight"), "world", "omni:overview", "omni", order=80
            )
        )
        extras.register(extras.Extra("omni", _entries, _never))


def _entries(access: Any, audience: Any) -> Iterator[Any]:
    from django.urls import reverse

    from insight.audiences.extras import Entry
    from insight.omni.features import ORIGIN

    if audience.origin == ORIGIN and access.can("omni"):
        url = reverse("omni:audience", args=[access.workspace.slug, audience.pk])
        yield Entry(_("Open in omni-domain insight"), "world", url)


def _never() -> Any:
    from django.db.models import Q

    return Q(pk__isnull=True)
