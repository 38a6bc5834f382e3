from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _

from cdp.core.access import Access


class AudiencesConfig(AppConfig):
    name = "insight.audiences"
    label = "audiences"
    verbose_name = _("Audiences")

    def ready(self) -> None:
        from cdp.console import home, navigation
        from insight.audiences import (  # noqa: F401  (register origins and job kinds)
            campaign_links,
            combining,
            fixed,
            membership,
            outside,
            person_section,
            tasks,
        )
        from insight.audiences.models import Audience
        from insight.audiences.provenance import audiences_of_dataset
        from insight.datasets import services as datasets
        from insight.oneid import sections

        datasets.users_of.add("audiences", audiences_of_dataset)
        campaign_links.register()
        sections.register(
            sections.Section(
                "audiences",
                _("Audiences"),
                "users-group",
                "insight/oneid/audiences.html",
                person_section.build,
                30,
            )
        )

        navigation.register(
            navigation.NavItem(
                "insight",
                _("Audience selection"),
                "users-plus",
                "audiences:new",
                "insight.audience.filter",
                order=28,
            )
        )
        navigation.register(
            navigation.NavItem(
                "insight", _("Audiences"), "users-group", "audiences:list", "insight.audience.list", order=30
            )
        )
        home.register(
            home.Tile(
                "audiences",
                _("Audiences"),
                "users-group",
                _count,
                "audiences:list",
                "insight.audience.list",
                (home.Shortcut("audiences:new", _("New audience"), "insight.audience.filter"),),
                order=20,
                of=(Audience,),
            )
        )
        home.register(
            home.Step(
                _("Choose an audience"),
                _("Pick people by their tags and behaviour, and watch the count while you do."),
                lambda access: _count(access) > 0,
                "audiences:new",
                "insight.audience.filter",
                order=30,
            )
        )


def _count(access: Access) -> int:
    from insight.audiences import visibility

    return visibility.mine(access).count()
