from __future__ import annotations

from django.apps import AppConfig
from django.db.models.signals import post_delete
from django.utils.translation import gettext_lazy as _


class WebhooksConfig(AppConfig):
    name = "marketing.webhooks"
    label = "webhooks"
    verbose_name = _("webhooks")

    def ready(self) -> None:
        from admin_center.members.models import WorkspaceMember
        from cdp.console import navigation
        from marketing.webhooks import calling, granting  # noqa: F401  (calling registers its type)

        post_delete.connect(granting.forget, sender=WorkspaceMember, dispatch_uid="webhook_grants")
        navigation.register(
            navigation.NavItem(
                "marketing", _("Webhooks"), "webhook", "webhooks:list", "marketing.webhooks.manage", 45
            )
        )
