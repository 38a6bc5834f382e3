"""REST API of AIPL models: what datasets' own routes do not give."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.utils.translation import gettext as _
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cdp.core.api import WorkspaceAPIView, accepted, json_object
from cdp.core.errors import ValidationFailed
from cdp.core.schema import nullable, shape
from cdp.jobs.api import STARTED
from insight.aipl import services
from insight.datasets import aipl_days

_DATE = OpenApiParameter("date", date, description="A computed day; the latest unless told.")


class Overview(WorkspaceAPIView):
    required_permission = {"get": "insight.analysis"}

    @extend_schema(
        parameters=[_DATE],
        responses=shape(
            "AiplOverview",
            date=date,
            users=int,
            stages=dict,
            percents=dict,
            latest=bool,
            today=bool,
            **{"from": date, "to": date},
        ),
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Users per stage on a day: {"date", "users", "stages", "percents", "latest", "today", "from", "to"}."""
        model = services.get(self.access, kwargs["pk"])
        return Response(services.overview(model, day_of(request.query_params.get("date"), "date")))


class Trend(WorkspaceAPIView):
    required_permission = {"get": "insight.analysis"}

    @extend_schema(
        parameters=[_DATE],
        responses=shape("AiplTrend", results=[shape("AiplDay", date=date, stages=nullable(dict))]),
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """The 30 days that end with a day; `stages` is null on days that were not computed."""
        model = services.get(self.access, kwargs["pk"])
        last = services.overview(model, day_of(request.query_params.get("date"), "date"))["date"]
        return Response({"results": services.trend(model, date.fromisoformat(last))})


class FlowView(WorkspaceAPIView):
    required_permission = {"get": "insight.analysis"}

    @extend_schema(
        parameters=[
            OpenApiParameter("from", date, required=True),
            OpenApiParameter("to", date, required=True),
        ],
        responses=shape("AiplFlow", stages=[dict], **{"from": date, "to": date}),
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """What became of each stage's users from one computed day to another, and where they came from."""
        model = services.get(self.access, kwargs["pk"])
        ends = {name: day_of(request.query_params.get(name), name) for name in ("from", "to")}
        missing = {name: [_("This is needed.")] for name, day in ends.items() if day is None}
        if missing:
            raise ValidationFailed(_("Some fields need another value."), errors=missing)
        first, last = ends["from"], ends["to"]
        assert first is not None and last is not None
        return Response(aipl_days.flow(model, first, last).as_json())


class Days(WorkspaceAPIView):
    required_permission = {"get": "insight.analysis", "post": "insight.dataset.view"}

    @extend_schema(responses=shape("AiplDays", results=[date]))
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """The computed days, earliest first."""
        model = services.get(self.access, kwargs["pk"])
        days = aipl_days.computed_days(model)
        return Response({"results": [str(day) for day in days]})

    @extend_schema(request=shape("AiplDaysInput", days=int), responses=STARTED)
    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Compute the last `days` days before today, for a model of behaviour."""
        model = services.get(self.access, kwargs["pk"])
        return accepted(services.recompute(self.access, model, json_object(request).get("days")))


def day_of(text: str | None, name: str) -> date | None:
    """A day of an address. Raises ValidationFailed at `name`."""
    if not text:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        message = _("Give a day such as 2026-01-31.")
        raise ValidationFailed(message, errors={name: [message]}) from None
