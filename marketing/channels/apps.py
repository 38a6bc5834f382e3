from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ChannelsConfig(AppConfig):
    name = "marketing.channels"
    label = "channels"
    verbose_name = _("channels")

    def ready(self) -> None:
        from marketing.channels import contract_sms, smtp  # noqa: F401  (they register their types)
