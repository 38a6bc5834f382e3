from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class ContentConfig(AppConfig):
    name = "marketing.content"
    label = "content"
    verbose_name = _("content")

    def ready(self) -> None:
        from cdp.console import home, navigation
        from marketing.content import material_use, where_used
        from marketing.content.models import Template

        material_use.register()
        where_used.register()

        navigation.register(
            navigation.NavItem(
                "marketing", _("Templates"), "template", "content:list", "marketing.content.manage", 20
            )
        )
        home.register(
            home.Tile(
                "templates",
                _("Templates"),
                "template",
                lambda access: (
                    Template.objects.in_workspace(access.workspace).exclude(channel="custom").count()
                ),
                "content:list",
                "marketing.content.manage",
                (home.Shortcut("content:new", _("New template"), "marketing.content.manage", ("email",)),),
                order=40,
                of=(Template,),
            )
        )
