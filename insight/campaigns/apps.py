from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class CampaignsConfig(AppConfig):
    name = "insight.campaigns"
    label = "campaigns"
    verbose_name = _("campaigns")

    def ready(self) -> None:
        from django.db.models.signals import post_delete

        from admin_center.members.models import WorkspaceMember
        from cdp.console import home, navigation
        from insight.campaigns import granting, rights
        from insight.campaigns.models import Campaign

        # Somebody who comes back later begins without grants.
        post_delete.connect(granting.forget, sender=WorkspaceMember, dispatch_uid="campaigns.forget_grants")
        navigation.register(
            navigation.NavItem(
                "insight",
                _("Campaigns"),
                "calendar-event",
                "campaigns:calendar",
                any_of=("campaign.create", "campaign.manage"),
                order=60,
            )
        )
        home.register(
            home.Tile(
                "campaigns",
                _("Campaigns"),
                "calendar-event",
                lambda access: rights.visible(access).count(),
                "campaigns:calendar",
                rights.SEE,
                (home.Shortcut("campaigns:new", _("New campaign"), rights.CREATE),),
                order=35,
                any_of=(rights.CREATE, rights.SEE),
                of=(Campaign,),
            )
        )
