from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class AccountsConfig(AppConfig):
    name = "marketing.accounts"
    label = "accounts"
    verbose_name = _("accounts")

    def ready(self) -> None:
        from cdp.console import home, navigation
        from marketing.accounts import holding, requests, services
        from marketing.accounts import upush as upush  # it registers its type
        from marketing.channels import health

        health.holds.add("accounts", holding.hold)
        navigation.register(
            navigation.NavItem(
                "marketing",
                _("Accounts"),
                "id-badge-2",
                "accounts:list",
                any_of=(services.MANAGE, "marketing.push.create"),
                order=42,
            )
        )
        home.register(
            home.Tile(
                "account_requests",
                _("Accounts asked for"),
                "id-badge-2",
                lambda access: requests.waiting_for(access).count(),
                "accounts:requests",
                services.MANAGE,
                query="state=waiting",
                order=32,
            )
        )
