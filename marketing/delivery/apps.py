from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class DeliveryConfig(AppConfig):
    name = "marketing.delivery"
    label = "delivery"
    verbose_name = _("send-outs")

    def ready(self) -> None:
        from cdp.console import home, navigation
        from insight.oneid import sections
        from marketing.accounts import services as accounts
        from marketing.delivery import (
            approval,
            audience_use,
            campaign_links,
            conflicts,  # noqa: F401  (registers its job kind)
            conversion,  # noqa: F401  (registers its job kind)
            held_provider,
            jobs,  # noqa: F401  (registers the job kinds)
            link_clicks,
            link_use,
            person_section,
            template_use,
            where_used,
        )
        from marketing.delivery.models import SendOut

        home.register(
            home.Tile(
                "approvals",
                _("Waiting for your approval"),
                "checks",
                lambda access: approval.waiting_for(access).count(),
                "delivery:approvals",
                approval.POINT,
                order=31,
            )
        )
        accounts.waiting_by.add("send_outs", held_provider.waiting)
        audience_use.register()
        campaign_links.register()
        link_clicks.register()
        link_use.register()
        template_use.register()
        where_used.register()
        sections.register(
            sections.Section(
                "messages", _("Messages"), "send", "marketing/delivery/person.html", person_section.build, 40
            )
        )
        navigation.register(
            navigation.NavItem(
                "marketing",
                _("Send-outs"),
                "send",
                "delivery:list",
                any_of=(
                    "marketing.email.view",
                    "marketing.sms.view",
                    "marketing.push.view",
                    "marketing.custom.view",
                ),
                order=10,
            )
        )
        navigation.register(
            navigation.NavItem(
                "marketing",
                _("Suppressions"),
                "ban",
                "delivery:suppressions",
                "marketing.accounts.manage",
                50,
            )
        )
        for channel, label in (
            ("email", _("E-mail send-outs")),
            ("sms", _("SMS send-outs")),
            ("push", _("Push send-outs")),
            ("custom", _("Send-outs by webhook")),
        ):
            home.register(
                home.Tile(
                    f"send_outs_{channel}",
                    label,
                    "send",
                    lambda access, channel=channel: (  # type: ignore[misc]
                        SendOut.objects.in_workspace(access.workspace).filter(channel=channel).count()
                    ),
                    "delivery:list",
                    f"marketing.{channel}.view",
                    (
                        home.Shortcut(
                            "delivery:new", _("New send-out"), f"marketing.{channel}.create", (channel,)
                        ),
                    ),
                    query=f"channel={channel}",
                    order=30,
                    of=(SendOut,),
                )
            )
