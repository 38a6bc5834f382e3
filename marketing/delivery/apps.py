from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class DeliveryConfig(AppConfig):
    name = "marketing.delivery"
    label = "delivery"
    verbose_name = _("send-outs")

    def ready(self) -> None:
        from marketing.delivery import jobs  # noqa: F401  (registers the job kinds)
