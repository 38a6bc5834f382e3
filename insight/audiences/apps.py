from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AudiencesConfig(AppConfig):
    name = "insight.audiences"
    label = "audiences"
    verbose_name = _("Audiences")

    def ready(self) -> None:
        from insight.audiences import membership, tasks  # noqa: F401
