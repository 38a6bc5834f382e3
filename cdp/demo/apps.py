from __future__ import annotations

from django.apps import AppConfig


class DemoConfig(AppConfig):
    name = "cdp.demo"
    label = "demo"

    def ready(self) -> None:
        from cdp.demo import jobs  # noqa: F401  (registers its kind)
