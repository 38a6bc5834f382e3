from __future__ import annotations

from typing import Any

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ChannelsConfig(AppConfig):
    name = "marketing.channels"
    label = "channels"
    verbose_name = _("channels")

    def ready(self) -> None:
        from admin_center.members import shell
        from admin_center.organizations.signals import workspace_created
        from cdp.console import home, navigation
        from insight.datasources.connections import services as sources
        from marketing.channels import (
            contract_email,  # noqa: F401  (they register their types)
            contract_sms,  # noqa: F401
            return_source,
            smtp,  # noqa: F401
            upush,  # noqa: F401
        )
        from marketing.channels.aliyun import mail, sms  # noqa: F401
        from marketing.channels.models import Provider

        sources.needed_by.add("replies", return_source.needs)
        workspace_created.connect(_join, dispatch_uid="shared-providers")
        shell.add_organization_tab("providers", _("Providers"), "organization-providers:list")
        navigation.register(
            navigation.NavItem(
                "marketing", _("Channels"), "plug", "channels:list", "marketing.accounts.manage", 40
            )
        )
        home.register(
            home.Step(
                _("Connect a channel"),
                _("A mail server or an SMS platform that messages leave by."),
                lambda access: Provider.objects.in_workspace(access.workspace).exists(),
                "channels:list",
                "marketing.accounts.manage",
                order=40,
            )
        )


def _join(workspace: Any, **signal: Any) -> None:
    from marketing.channels.organization import services

    services.join(workspace)
