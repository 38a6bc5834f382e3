from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class DevicesConfig(AppConfig):
    name = "marketing.devices"
    label = "devices"
    verbose_name = _("push devices")

    def ready(self) -> None:
        from insight.oneid import sections
        from marketing.devices import (
            apns,  # noqa: F401  (they register their types)
            fcm,  # noqa: F401
            person_section,
            web_push,  # noqa: F401
        )

        sections.register(
            sections.Section(
                "devices",
                _("Devices"),
                "device-mobile",
                "marketing/devices/person.html",
                person_section.build,
                45,
            )
        )
