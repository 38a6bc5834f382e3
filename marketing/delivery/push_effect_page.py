"""The page of the push channel's effect."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext, pgettext
from django.utils.translation import gettext_lazy as _

from cdp.console.generic.base import WorkspaceView
from cdp.core.errors import ValidationFailed
from marketing.channels.models import Provider
from marketing.delivery import push_effect, push_pages
from marketing.delivery.channel_effect_page import day


class PushEffect(WorkspaceView):
    permission = "marketing.push.view"
    template_name = "marketing/delivery/push_effect.html"
    title = _("Effect of push messages")
    intro = _("What came of the messages of these days, counted for 72 hours after each was started.")

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        given, problem, status = request.GET, "", 200
        try:
            days = push_effect.period(self.access, day(given.get("from")), day(given.get("to")))
        except ValidationFailed as error:
            days, problem, status = push_effect.period(self.access), str(error), 422
        provider = given.get("provider", "")
        found = push_effect.effect(self.access, days, provider=provider)
        providers = Provider.objects.in_workspace(self.workspace).filter(channel=Provider.Channel.PUSH)
        context = {
            "back_url": self.reverse("delivery:list"),
            "back_label": gettext("Send-outs"),
            "days": days,
            "problem": problem,
            "provider": provider,
            "providers": providers,
            "tiles": [(label, push_pages.count(found["totals"][key])) for key, label in _series()],
            "course": _course(found["by_day"]),
            "rows": [_row(row, figures) for row, figures in found["send_outs"]],
        }
        return self.render(self.template_name, self.get_context(**context), status=status)


def _series() -> list[tuple[str, str]]:
    return [
        ("sent", pgettext("push message", "Pushed")),
        ("received", pgettext("push message", "Received")),
        ("opened", gettext("Opened")),
        ("ignored", gettext("Ignored")),
    ]


def _course(by_day: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "labels": [day["day"].isoformat() for day in by_day],
        "series": [{"name": label, "data": [day[key] for day in by_day]} for key, label in _series()],
    }


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
