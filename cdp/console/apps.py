from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ConsoleConfig(AppConfig):
    name = "cdp.console"
    label = "console"
    verbose_name = _("console")

    def ready(self) -> None:
        from cdp.console.notices import tell_owner
        from cdp.jobs.notices import on_job_ended

        on_job_ended(tell_owner)
