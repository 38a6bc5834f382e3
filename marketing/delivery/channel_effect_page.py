"""Pages of what came of a channel's messages in some days."""

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
from marketing.accounts.models import Account
from marketing.channels.models import Provider
from marketing.delivery import channel_effect
from marketing.delivery.periods import Period


class EffectPage(WorkspaceView):
    """`from`, `to` and `provider` in the address, which may be an account as well.

    Days that cannot be shown are told, and the usual ones shown.
    """

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        problem, status = "", 200
        try:
            days = self.days()
        except ValidationFailed as error:
            days, problem, status = self.period(None, None), str(error), 422
        provider = request.GET.get("provider", "")
        context = {
            "back_url": self.reverse("delivery:list"),
            "back_label": gettext("Send-outs"),
            "days": days,
            "problem": problem,
            "provider": provider,
            "providers": Provider.objects.in_workspace(self.workspace).filter(channel=self.channel),
            "accounts": Account.objects.in_workspace(self.workspace)
            .filter(channels__provider__channel=self.channel)
            .distinct(),
            **self.figures(days, provider),
        }
        return self.render(self.template_name, self.get_context(**context), status=status)

    def days(self) -> Period:
        """Raises ValidationFailed."""
        given = self.request.GET
        return self.period(_day(given.get("from")), _day(given.get("to")))

    @property
    def channel(self) -> str:
        raise NotImplementedError

    def period(self, first: date | None, last: date | None) -> Period:
        """Raises ValidationFailed where there are more days than the page can show."""
        raise NotImplementedError

    def figures(self, days: Period, provider: str) -> dict[str, Any]:
        """`tiles`, `course`, `rows` and whatever else the template shows."""
        raise NotImplementedError


def course(found: dict[str, Any], names: list[tuple[str, str]]) -> dict[str, Any]:
    """What the chart draws: a line for each (name, label), by hour where the effect of the days has hours."""
    unit = "hour" if "by_hour" in found else "day"
    return lines(unit, [{**row, "at": row[unit].isoformat()} for row in found[f"by_{unit}"]], names)


def lines(unit: str, rows: list[dict[str, Any]], names: list[tuple[str, str]]) -> dict[str, Any]:
    """The same of rows with `at`."""
    return {
        "unit": unit,
        "labels": [row["at"] for row in rows],
        "series": [{"name": label, "data": [row[name] for row in rows]} for name, label in names],
    }


class ChannelEffect(EffectPage):
    """Also with `unit` in the address."""

    template_name = "marketing/delivery/channel_effect.html"
    intro = _(
        "What came of the messages of these days; each send-out counts for the day on which it started."
    )

    def permission_point(self) -> str:
        channel_effect.series(self.channel)
        return f"marketing.{self.channel}.view"

    @property
    def channel(self) -> str:
        return str(self.kwargs["channel"])

    @property
    def unit(self) -> str:
        given = self.request.GET.get("unit", "")
        return given if given in channel_effect.UNITS and self.channel == "sms" else "people"

    def period(self, first: date | None, last: date | None) -> Period:
        return channel_effect.period(self.access, first, last)

    def figures(self, days: Period, provider: str) -> dict[str, Any]:
        found = channel_effect.effect(self.access, self.channel, days, provider=provider, unit=self.unit)
        labels = _labels()
        names = [(name, labels[name]) for name in channel_effect.series(self.channel)]
        query = {"from": days.first, "to": days.last, "provider": provider, "unit": self.unit}
        return {
            "title": gettext("Effect of SMS") if self.channel == "sms" else gettext("Effect of e-mail"),
            "channel": self.channel,
            "unit": self.unit,
            "query": urlencode(query),
            "tiles": [(label, f"{found['totals'][name]:,}") for name, label in names],
            "course": course(found, names),
            "labels": [label for _name, label in names],
            "rows": [(row, [figures[name] for name, _label in names]) for row, figures in found["send_outs"]],
        }


class Download(ChannelEffect):
    """The course by day, of at most two days by hour, as CSV."""

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:  # type: ignore[override]
        days = self.days()
        pieces = channel_effect.as_csv(
            self.access, self.channel, days, provider=request.GET.get("provider", ""), unit=self.unit
        )
        return csv_response(request, pieces, f"{self.channel}-{days.first}-{days.last}.csv")


def _labels() -> dict[str, str]:
    return {
        "sent": gettext("Sent"),
        "delivered": gettext("Delivered"),
        "failed": gettext("Failed"),
        "invalid": gettext("Address does not exist"),
    }


def _day(text: str | None) -> date | None:
    """Raises ValidationFailed."""
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise ValidationFailed(gettext("Write a day as in 2026-05-31.")) from None
