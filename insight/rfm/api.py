"""REST API of RFM analysis."""

from __future__ import annotations

from datetime import date
from typing import Any

from django.utils.translation import gettext as _
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework.request import Request
from rest_framework.response import Response

from cdp.core.api import WorkspaceAPIView, json_object
from cdp.core.errors import ValidationFailed
from cdp.core.schema import maybe, shape
from insight.audiences.serializers import OF_AN_AUDIENCE, AudienceSerializer
from insight.rfm import buyers, figures, migration, services
from insight.rfm.figures import Scope

_AUDIENCE = OpenApiParameter("audience", str, description="Only the customers in this audience.")


class _ModelView(WorkspaceAPIView):
    def permission_point(self) -> str:
        return figures.point(self.request.query_params.get("audience", ""))

    def scope(self) -> Scope:
        wanted = self.request.query_params.get("audience", "")
        version = figures.audience_version(self.access, wanted)[1] if wanted else None
        translate = self.request.query_params.get("translate") == "1"
        return figures.open_model(self.access, self.kwargs["pk"], version, translate=translate)


class Overview(_ModelView):
    @extend_schema(
        parameters=[_AUDIENCE], responses=OpenApiResponse(OpenApiTypes.OBJECT, "Customers by group")
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Customers, amounts and purchases in total and by group, with the averages of each group."""
        scope = self.scope()
        compare = scope.stats["compare"]
        return Response({"as_of": str(scope.as_of), "compare": compare, **figures.figures(scope)})


class Trend(_ModelView):
    @extend_schema(
        parameters=[_AUDIENCE], responses=OpenApiResponse(OpenApiTypes.OBJECT, "Purchases over time")
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Buyers, amount and purchases by day, week or month, for a model of transactions."""
        return Response(figures.trend(self.scope()))


class TrendAudiences(WorkspaceAPIView):
    required_permission = {"post": "insight.audience.filter"}

    @extend_schema(
        request=shape(
            "RfmTrendAudience", start=date, audience=maybe(str), translate=maybe(bool), **OF_AN_AUDIENCE
        ),
        responses={201: AudienceSerializer},
    )
    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """An audience of the buyers of the day, week or month that begins on `start`, as they are now.

        With `audience` those in it only, translated to the model's ID where `translate` asks for it.
        """
        given = json_object(request)
        wanted = str(given.pop("audience", "") or "")
        self.access.require(figures.point(wanted))
        version = figures.audience_version(self.access, wanted)[1] if wanted else None
        translate = given.pop("translate", False) is True
        scope = figures.open_model(self.access, kwargs["pk"], version, translate=translate)
        made = buyers.keep(scope, given.pop("start", ""), given)
        return Response(AudienceSerializer(made).data, status=201)


class Samples(_ModelView):
    @extend_schema(
        parameters=[OpenApiParameter("type", str, required=True), _AUDIENCE],
        responses=shape("RfmSamples", results=[dict]),
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Five customers of a group with what they bought."""
        found = figures.samples(self.scope(), request.query_params.get("type", ""))
        return Response({"results": found})


_DAYS = [OpenApiParameter("from", date, required=True), OpenApiParameter("to", date, required=True)]


class MigrationView(_ModelView):
    @extend_schema(
        parameters=_DAYS,
        responses=shape(
            "RfmMigration",
            matrix=[shape("RfmMigrationCell", users=int, **{"from": str, "to": str})],
            **{"from": date, "to": date},
        ),
    )
    def get(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """How customers moved between groups, by the scoring of the model's last computation."""
        scope = self.scope()
        return Response(migration.migration(scope, *days_of(request.query_params)).as_json())


class MigrationAudiences(WorkspaceAPIView):
    required_permission = {"post": "insight.audience.filter"}

    @extend_schema(
        request=shape(
            "RfmMigrationAudience", before=str, after=str, **OF_AN_AUDIENCE, **{"from": date, "to": date}
        ),
        responses={201: AudienceSerializer},
    )
    def post(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """An audience of those who were in the group `before` on `from` and are in `after` on `to`, as they are now."""
        self.access.require(figures.ANALYSE)
        scope = figures.open_model(self.access, kwargs["pk"])
        given = json_object(request)
        first, last = days_of(given)
        cell = str(given.get("before", "")), str(given.get("after", ""))
        common = {key: value for key, value in given.items() if key not in ("from", "to", "before", "after")}
        made = services.keep_cell(scope, first, last, *cell, common)
        return Response(AudienceSerializer(made).data, status=201)


def days_of(given: Any) -> tuple[date, date]:
    """The days `from` and `to` of an address or a body. Raises ValidationFailed."""
    found: dict[str, date] = {}
    errors: dict[str, list[str]] = {}
    for name in ("from", "to"):
        text = given.get(name)
        try:
            found[name] = date.fromisoformat(str(text))
        except ValueError:
            errors[name] = [_("Give a day such as 2026-01-31.") if text else _("This is needed.")]
    if errors:
        raise ValidationFailed(_("Some fields need another value."), errors=errors)
    return found["from"], found["to"]
