from __future__ import annotations

from django.apps import AppConfig
from django.utils.translation import gettext_lazy as _


class RepliesConfig(AppConfig):
    name = "marketing.replies"
    label = "replies"
    verbose_name = _("replies")

    def ready(self) -> None:
        from cdp.console import navigation
        from insight.oneid import sections
        from marketing.replies import person_section

        navigation.register(
            navigation.NavItem(
                "marketing", _("Replies"), "message-reply", "replies:list", "marketing.sms.view", 12
            )
        )
        sections.register(
            sections.Section(
                "replies", _("Replies"), "message", "marketing/replies/person.html", person_section.build, 42
            )
        )
