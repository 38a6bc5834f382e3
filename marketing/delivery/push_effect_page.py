"""The page of the push channel's effect."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.utils.translation import gettext, pgettext
from django.utils.translation import gettext_lazy as _

from marketing.channels.models import Provider
from marketing.delivery import push_effect, push_pages
from marketing.delivery.channel_effect_page import EffectPage, course
from marketing.delivery.periods import Period


class PushEffect(EffectPage):
    permission = "marketing.push.view"
    template_name = "marketing/delivery/push_effect.html"
    title = _("Effect of push messages")
    intro = _("What came of the messages of these days, counted for 72 hours after each was started.")
    channel = Provider.Channel.PUSH

    def period(self, first: date | None, last: date | None) -> Period:
        return push_effect.period(self.access, first, last)

    def figures(self, days: Period, provider: str) -> dict[str, Any]:
        found = push_effect.effect(self.access, days, provider=provider)
        return {
            "tiles": [(label, push_pages.count(found["totals"][key])) for key, label in _series()],
            "course": course(found, _series()),
            "rows": [_row(row, figures) for row, figures in found["send_outs"]],
        }


def _series() -> list[tuple[str, str]]:
    return [
        ("sent", pgettext("push message", "Pushed")),
        ("received", pgettext("push message", "Received")),
        ("opened", gettext("Opened")),
        ("ignored", gettext("Ignored")),
    ]


def _row(row: Any, figures: dict[str, Any]) -> dict[str, Any]:
    """Each figure with the rate that belongs to it, as two texts."""
    pairs = (("planned", "match"), ("received", "receive"), ("opened", "open"), ("ignored", "ignore"))
    return {
        "object": row,
        "campaigns": ", ".join(row.campaign_names),
        "kind": gettext("At a set time") if row.scheduled_at else gettext("At once"),
        "figures": [
            (push_pages.count(figures[name]), push_pages.share(figures["rates"][rate]))
            for name, rate in pairs
        ],
    }
