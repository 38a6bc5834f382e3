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
        from admin_center.organizations import modules
        from cdp.console import navigation
        from insight.audiences.extras import EXTRAS
        from insight.omni import audiences, jobs  # noqa: F401  (register an origin, and kinds of jobs)

        modules.MODULES.add(
            "omni_insight",
            modules.Module(
                "omni_insight",
                _("Omni-domain insight"),
                _("Pushes to it fail while it is off."),
            ),
        )
        navigation.register(
            navigation.NavItem(
                "insight", _("Omni-domain insight"), "world", "omni:overview", "omni", order=80
            )
        )
        EXTRAS.add("omni", _entries)


def _entries(access: Any, audience: Any) -> Iterator[Any]:
    from django.urls import reverse

    from cdp.console.extras import Entry
    from insight.omni.features import ORIGIN

    if audience.origin == ORIGIN and access.can("omni"):
        url = reverse("omni:audience", args=[access.workspace.slug, audience.pk])
        yield Entry(_("Open in omni-domain insight"), "world", url)
