"""The page of what came of a channel's messages in some days."""

from __future__ import annotations

from datetime import date
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from cdp.console.generic.base import WorkspaceView
from cdp.core.errors import ValidationFailed
from insight.audiences.streaming import csv_response
from marketing.channels.models import Provider
from marketing.delivery import channel_effect
from marketing.delivery.periods import Period


class EffectView(WorkspaceView):
    """`from`, `to`, `provider` and `unit` in the address."""

    def permission_point(self) -> str:
        channel_effect.series(self.kwargs["channel"])
        return f"marketing.{self.kwargs['channel']}.view"

    @property
    def unit(self) -> str:
        given = self.request.GET.get("unit", "")
        return given if given in channel_effect.UNITS and self.kwargs["channel"] == "sms" else "people"

    def days(self) -> Period:
        """Raises ValidationFailed."""
        given = self.request.GET
        return channel_effect.period(self.access, day(given.get("from")), day(given.get("to")))


class ChannelEffect(EffectView):
    template_name = "marketing/delivery/channel_effect.html"
    intro = _(
        "What came of the messages of these days; each send-out counts for the day on which it started."
    )

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        channel, problem, status = self.kwargs["channel"], "", 200
        try:
            days = self.days()
        except ValidationFailed as error:
            days, problem, status = channel_effect.period(self.access), str(error), 422
        provider = request.GET.get("provider", "")
        found = channel_effect.effect(self.access, channel, days, provider=provider, unit=self.unit)
        labels = _labels()
        names = [(name, labels[name]) for name in channel_effect.series(channel)]
        query = {"from": days.first, "to": days.last, "provider": provider, "unit": self.unit}
        context = {
            "title": gettext("Effect of SMS") if channel == "sms" else gettext("Effect of e-mail"),
            "back_url": self.reverse("delivery:list"),
            "back_label": gettext("Send-outs"),
            "channel": channel,
            "days": days,
            "problem": problem,
            "provider": provider,
            "providers": Provider.objects.in_workspace(self.workspace).filter(channel=channel),
            "unit": self.unit,
            "query": urlencode(query),
            "tiles": [(label, f"{found['totals'][name]:,}") for name, label in names],
            "course": {
                "labels": [row["day"].isoformat() for row in found["by_day"]],
                "series": [
                    {"name": label, "data": [row[name] for row in found["by_day"]]} for name, label in names
                ],
            },
            "labels": [label for _name, label in names],
            "rows": [(row, [figures[name] for name, _label in names]) for row, figures in found["send_outs"]],
        }
        return self.render(self.template_name, self.get_context(**context), status=status)


class Download(EffectView):
    """The course by day as CSV."""

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        channel, days = self.kwargs["channel"], self.days()
        pieces = channel_effect.as_csv(
            self.access, channel, days, provider=request.GET.get("provider", ""), unit=self.unit
        )
        return csv_response(request, pieces, f"{channel}-{days.first}-{days.last}.csv")


def _labels() -> dict[str, str]:
    return {
        "sent": gettext("Sent"),
        "delivered": gettext("Delivered"),
        "failed": gettext("Failed"),
        "invalid": gettext("Address does not exist"),
    }


def day(text: str | None) -> date | None:
    """Raises ValidationFailed."""
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ValidationFailed(gettext("Write a day as in 2026-05-31.")) from None
